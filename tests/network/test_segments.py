"""Independent channels, segments and the linear path, against loops over torch's own layers."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from lstmcast.config import NetworkConfig, build_config
from lstmcast.errors import ConfigError
from lstmcast.network.channels import Channels
from lstmcast.network.forecaster import build_forecaster
from lstmcast.network.normalize import normalize_window
from lstmcast.network.segments import SegmentEmbedding
from lstmcast.network.sizes import Sizes, segment_length
from lstmcast.windows.batches import Batch

SIZES = Sizes(lookback=12, horizon=5, inputs=5, targets=3, future=1, static=2)
DATA = {"path": "x.csv", "target": "y"}


def make(sizes=SIZES, **fields):
    return build_forecaster(NetworkConfig(**fields), sizes, "mse", seed=1)


def random_batch(sizes=SIZES, windows=4, seed=0, lengths=None):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    mask = None
    inputs = draw(windows, sizes.lookback, sizes.inputs)
    if lengths is not None:
        mask = (torch.arange(sizes.lookback) >= sizes.lookback - lengths[:, None]).float()
        inputs = inputs * mask[:, :, None]
    return Batch(
        inputs=inputs,
        targets=draw(windows, sizes.horizon, sizes.targets),
        series=torch.arange(windows),
        weights=(draw(windows, sizes.horizon, sizes.targets) > 0).float(),
        past_weights=torch.ones(windows, sizes.lookback, sizes.targets),
        mask=mask,
        future=draw(windows, sizes.horizon, sizes.future) if sizes.future else None,
        static=draw(windows, sizes.static) if sizes.static else None,
    )


# Channels.


def test_each_target_becomes_a_window_with_the_covariates_of_all():
    channels = Channels(SIZES)
    batch = random_batch()
    alone = channels.split(batch)
    assert (channels.sizes.inputs, channels.sizes.targets) == (3, 1)
    for window in range(4):
        for target in range(3):
            k = 3 * window + target
            assert torch.equal(alone.inputs[k, :, 0], batch.inputs[window, :, target])
            assert torch.equal(alone.inputs[k, :, 1:], batch.inputs[window, :, 3:])
            assert torch.equal(alone.targets[k, :, 0], batch.targets[window, :, target])
            assert torch.equal(alone.weights[k, :, 0], batch.weights[window, :, target])
            assert torch.equal(alone.future[k], batch.future[window])
            assert torch.equal(alone.static[k, :2], batch.static[window])
            assert torch.equal(alone.static[k, 2:], channels.names[target])
            assert alone.series[k] == window
    assert torch.equal(channels.join(alone.targets[..., None])[..., 0], batch.targets)


@pytest.mark.parametrize("decoder", ["direct", "recursive", "seq2seq", "every_step", "segments"])
def test_an_independent_target_is_not_moved_by_the_others(decoder):
    network = make(units=[6], channels="independent", decoder=decoder).eval()
    batch = random_batch()
    other = batch.inputs.clone()
    other[:, :, 0] += 3.0
    one, two = network(batch), network(replace(batch, inputs=other))
    assert torch.equal(one[:, :, 1:], two[:, :, 1:])
    assert not torch.allclose(one[:, :, 0], two[:, :, 0])
    mixed = make(units=[6], decoder=decoder).eval()
    assert not torch.allclose(mixed(batch)[:, :, 1], mixed(replace(batch, inputs=other))[:, :, 1])


def test_the_loss_counts_the_observed_targets_of_all_channels():
    network = make(units=[6], channels="independent").train()
    batch = random_batch()
    total, count = network.loss(batch)
    assert int(count) == int(batch.weights.sum())
    expected = ((network(batch) - batch.targets) ** 2 * batch.weights).sum()
    torch.testing.assert_close(total, expected)


@pytest.mark.parametrize("head", ["normal", "student_t", "quantiles", "poisson"])
def test_every_target_of_a_head_of_independent_channels_is_that_of_its_own_window(head):
    sizes = replace(SIZES, levels=(80.0,) if head == "quantiles" else ())
    config = NetworkConfig(units=[6], channels="independent", head=head, normalize="standard")
    network = build_forecaster(config, sizes, "auto", seed=1).eval()
    batch = replace(random_batch(), center=torch.rand(4, 3), scale=1 + torch.rand(4, 3))
    together = network.predict_distribution(batch).quantile(0.9)
    alone = network.split(batch)
    for target in range(3):
        decoded, units = network.decode(alone)
        said = network.head.read(decoded, units).quantile(0.9)
        torch.testing.assert_close(together[:, :, target], said[target::3, :, 0])


def test_one_target_alone_has_no_name_to_learn():
    sizes = replace(SIZES, inputs=3, targets=1)
    network = make(sizes, units=[6], channels="independent")
    plain = make(sizes, units=[6])
    assert network.parameter_count() == plain.parameter_count()
    assert torch.equal(network(random_batch(sizes)), plain(random_batch(sizes)))


# Segments.


def test_a_segment_is_a_linear_map_of_all_its_columns_and_the_oldest_steps_are_left_out():
    torch.manual_seed(0)
    embedding = SegmentEmbedding(length=5, inputs=2, static=1, width=4)
    inputs, static = torch.randn(3, 12, 2), torch.randn(3, 1)
    embedded = embedding(inputs, static)
    assert embedded.shape == (3, 2, 4)
    for k, steps in enumerate((slice(2, 7), slice(7, 12))):
        flat = torch.cat([inputs[:, steps].reshape(3, 10), static], dim=1)
        expected = torch.relu(flat @ embedding.linear.weight.T + embedding.linear.bias)
        torch.testing.assert_close(embedded[:, k], expected)
    mask = (torch.arange(12) >= 8).float().expand(3, 12)
    assert embedding.fold_mask(mask)[0].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("lookback", "season", "length"),
    [(720, 1, 48), (96, 1, 6), (15, 1, 1), (3, 1, 1), (720, 24, 48), (336, 24, 24), (96, 24, 24),
     (95, 24, 6), (1000, 7, 70)],
)  # fmt: skip
def test_auto_cuts_a_window_into_about_fifteen_segments_of_whole_seasons(lookback, season, length):
    assert segment_length("auto", lookback, season) == length
    assert segment_length(7, lookback, season) == min(7, lookback)


@pytest.mark.parametrize(("cell", "kind"), [("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_the_segments_of_the_horizon_are_steps_of_the_encoder_from_its_final_state(cell, kind):
    network = make(cell=cell, units=[6, 6], segment=2, decoder="segments").eval()
    batch = random_batch()
    layer = kind(6, 6, 2, batch_first=True)
    layer.load_state_dict(network.encoder.stacks[0].state_dict())
    decoder, sizes = network.decoder, SIZES
    folded = network.segments(batch.inputs, batch.static)
    _, state = layer(folded)
    known = nn.functional.pad(batch.future, (0, 0, 0, 1))  # three segments of 2 steps for 5
    steps = []
    for k in range(3):
        ahead = torch.cat([known[:, 2 * k : 2 * k + 2, 0], batch.static], dim=1)
        asked = decoder.positions[k] + ahead @ decoder.known.weight.T
        outputs, _ = layer(asked[:, None], state)
        steps.append(decoder.linear(outputs[:, 0]).view(4, 2, sizes.targets))
    torch.testing.assert_close(network(batch), torch.cat(steps, dim=1)[:, :5])


@pytest.mark.parametrize(
    ("decoder", "readout"),
    [("seq2seq", "last"), ("segments", "last")]
    + [("direct", readout) for readout in ("last", "state", "mean", "all")],
)
@pytest.mark.parametrize("normalize", ["none", "last", "standard", "season", "difference"])
@pytest.mark.parametrize("channels", ["mixed", "independent"])
def test_networks_of_segments_train_all_their_weights(decoder, readout, normalize, channels):
    network = make(
        units=[6],
        segment=4,
        decoder=decoder,
        readout=readout,
        normalize=normalize if decoder != "seq2seq" or normalize != "difference" else "season",
        channels=channels,
        skip="linear",
    ).train()
    batch = random_batch(lengths=torch.tensor([12, 9, 5, 1]))
    total, count = network.loss(batch)
    (total / count).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    assert network.eval()(batch).shape == (4, 5, 3)


def test_padded_segments_never_change_a_forecast():
    network = make(units=[6], segment=4, decoder="segments").eval()
    batch = random_batch(lengths=torch.tensor([12, 8, 4, 4]))
    garbage = torch.where(batch.mask[:, :, None] == 1, batch.inputs, torch.tensor(1e3))
    # Whole segments are padded here, so what stands there is never read.
    torch.testing.assert_close(network(replace(batch, inputs=garbage)), network(batch))


# The linear path.


@pytest.mark.parametrize("normalize", ["none", "last"])
def test_the_linear_skip_is_nothing_at_first_and_a_matrix_then(normalize):
    network = make(units=[6], skip="linear", normalize=normalize).eval()
    batch = random_batch()
    with torch.no_grad():
        plain = network(batch)
        network.skip.linear.weight.normal_()
        network.skip.linear.bias.normal_()
        past = batch.inputs[:, :, :3]
        past = past if normalize == "none" else past - past[:, -1:]
        matrix, bias = network.skip.linear.weight, network.skip.linear.bias
        added = torch.einsum("ht,btc->bhc", matrix, past) + bias[:, None]
        torch.testing.assert_close(network(batch), plain + added)
    without = make(units=[6], normalize=normalize).eval()
    without.load_state_dict(network.state_dict(), strict=False)
    torch.testing.assert_close(without(batch), plain)


def test_of_differences_the_linear_skip_is_two_matrices_in_the_units_of_each():
    network = make(units=[6], skip="linear", normalize="difference").eval()
    batch = random_batch()
    with torch.no_grad():
        plain = network(batch)
        skip = network.skip
        for parameter in skip.parameters():
            parameter.normal_()
        past = batch.inputs[:, :, :3]
        center = past[:, -1:]  # a season of one step
        spread = (past - center).abs().mean(dim=1, keepdim=True)
        changes = past.diff(dim=1)
        size = changes.abs().mean(dim=1, keepdim=True)
        changes = torch.cat([torch.zeros_like(center), changes], dim=1) / size
        added = spread * _mapped(skip.linear, (past - center) / spread)
        added += size * _mapped(skip.differences, changes)
        torch.testing.assert_close(network(batch), plain + added, rtol=1e-3, atol=1e-3)


def _mapped(linear, past):
    return torch.einsum("ht,btc->bhc", linear.weight, past) + linear.bias[:, None]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"segment": 2, "decoder": "recursive"},
            r"network.segment is not possible with decoder: recursive",
        ),
        (
            {"segment": 2, "decoder": "every_step"},
            r"network.segment is not possible with decoder: every_step",
        ),
        (
            {"bidirectional": True, "decoder": "segments"},
            r"network.bidirectional is not possible with",
        ),
        ({"skip": "linear", "decoder": "every_step"}, r"network.skip maps a whole"),
        ({"teacher_forcing": 0.5, "decoder": "segments"}, r"network.teacher_forcing needs decoder"),
        ({"readout": "mean", "decoder": "segments"}, r"network.readout needs decoder: direct"),
        (
            {"normalize": "difference", "decoder": "seq2seq"},
            r"network.normalize difference is not possible",
        ),
        ({"segment": 0}, r"network.segment must be auto or a whole number of at least 1"),
    ],
)
def test_what_makes_no_sense_with_segments_is_refused(fields, words):
    with pytest.raises(ConfigError, match=words):
        build_config({"data": DATA, "network": fields})


def test_a_window_is_freed_of_its_last_season():
    inputs = torch.tensor([[9.0, 1, 2, 3, 5, 7]])[:, :, None]
    mask = torch.tensor([[0.0, 1, 1, 1, 1, 1]])
    window = normalize_window("season", inputs, 1, mask, season=2)
    after, level = window.inputs, window.level
    # The last season's mean is 6; the five values are 5, 4, 3, 1 and 1 away, 2.8 on average.
    torch.testing.assert_close(level.center.flatten(), torch.tensor([6.0]))
    torch.testing.assert_close(level.scale.flatten(), torch.tensor([2.8]), atol=2e-5, rtol=0)
    expected = torch.tensor([0.0, -5, -4, -3, -1, 1]) / 2.8
    torch.testing.assert_close(after.flatten(), expected, atol=2e-5, rtol=0)
    longer = normalize_window("season", inputs, 1, mask, season=10).level
    torch.testing.assert_close(longer.center.flatten(), torch.tensor([3.6]))

"""Readouts and decoders against loops over torch's own layers, and properties that must hold."""

import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn

from lstmcast.config import NetworkConfig, build_config
from lstmcast.errors import ConfigError
from lstmcast.network.decoders import following
from lstmcast.network.forecaster import build_forecaster
from lstmcast.network.sizes import Sizes
from lstmcast.windows.batches import Batch

SIZES = Sizes(lookback=6, horizon=3, inputs=4, targets=2, future=1, static=2)
DATA = {"path": "x.csv", "target": "y"}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def make(sizes=SIZES, **fields):
    return build_forecaster(NetworkConfig(**fields), sizes, "mse", seed=1)


def random_batch(sizes=SIZES, windows=5, seed=0, mask=False):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    lengths = torch.tensor([sizes.lookback - k % 3 for k in range(windows)])
    padded = (torch.arange(sizes.lookback) >= sizes.lookback - lengths[:, None]).float()
    inputs = draw(windows, sizes.lookback, sizes.inputs)
    return Batch(
        inputs=inputs * padded[:, :, None] if mask else inputs,
        targets=draw(windows, sizes.horizon, sizes.targets),
        series=torch.zeros(windows, dtype=torch.long),
        mask=padded if mask else None,
        future=draw(windows, sizes.horizon, sizes.future) if sizes.future else None,
        static=draw(windows, sizes.static) if sizes.static else None,
    )


# Readouts, each against torch's own outputs and states.


def read_by_torch(readout, layer, inputs):
    outputs, state = layer(inputs)
    if readout == "last":
        return outputs[:, -1]
    if readout == "mean":
        return outputs.sum(1) / inputs.shape[1]
    if readout == "all":
        return outputs.reshape(len(inputs), -1)
    parts = state if isinstance(state, tuple) else (state,)
    return torch.cat([layer_state for part in parts for layer_state in part], dim=1)


@pytest.mark.parametrize("readout", ["last", "state", "mean", "all"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("cell", "kind"), [("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_readouts_read_what_torch_gives(cell, kind, bidirectional, readout):
    sizes = replace(SIZES, future=0, static=0)
    network = make(sizes, cell=cell, units=[5, 5], bidirectional=bidirectional, readout=readout)
    batch = random_batch(sizes)
    layer = kind(4, 5, 2, batch_first=True, bidirectional=bidirectional)
    layer.load_state_dict(network.encoder.stacks[0].state_dict())
    vector = read_by_torch(readout, layer, batch.inputs)
    expected = vector @ network.decoder.linear.weight.T + network.decoder.linear.bias
    torch.testing.assert_close(network(batch), expected.view(5, 3, 2))


@pytest.mark.parametrize(
    ("decoder", "readout"),
    [
        ("direct", "last"),
        ("direct", "state"),
        ("direct", "mean"),
        ("recursive", "last"),
        ("seq2seq", "last"),
        ("every_step", "last"),
    ],
)
def test_padding_never_changes_a_forecast(decoder, readout):
    network = make(units=[4, 3], decoder=decoder, readout=readout).eval()
    batch = random_batch(mask=True)
    forecasts = network(batch)
    for k, length in enumerate(batch.mask.sum(1).int().tolist()):
        alone = replace(
            batch,
            inputs=batch.inputs[k : k + 1, -length:],
            targets=batch.targets[k : k + 1],
            mask=None,
            future=batch.future[k : k + 1],
            static=batch.static[k : k + 1],
        )
        torch.testing.assert_close(network(alone)[0], forecasts[k])


# Decoders, each against a loop written out with torch's layers.


def with_static(batch):
    """(B, T, F + K): every step is given the static columns."""
    static = batch.static[:, None].expand(-1, batch.inputs.shape[1], -1)
    return torch.cat([batch.inputs, static], dim=2)


def lstm_like(stack):
    layer = nn.LSTM(stack.input_size, stack.hidden_size, stack.num_layers, batch_first=True)
    layer.load_state_dict(stack.state_dict())
    return layer


@pytest.mark.parametrize("teacher_forcing", [0.0, 1.0])
def test_recursive_feeds_its_own_forecast_or_the_truth_back(teacher_forcing):
    network = make(units=[4], decoder="recursive", teacher_forcing=teacher_forcing)
    batch = random_batch()
    layer, linear = lstm_like(network.encoder.stacks[0]), network.decoder.linear
    outputs, state = layer(with_static(batch))
    steps = []
    for step in range(3):
        known = torch.cat([outputs[:, -1], batch.future[:, step], batch.static], dim=1)
        steps.append(linear(known))
        fed = batch.targets[:, step] if teacher_forcing else steps[-1]
        past = batch.inputs[:, -1, 2:3]
        row = torch.cat([fed, past, batch.future[:, step], batch.static], dim=1)
        outputs, state = layer(row[:, None], state)
    torch.testing.assert_close(network.train()(batch), torch.stack(steps, dim=1))


@pytest.mark.parametrize("teacher_forcing", [0.0, 1.0])
def test_seq2seq_starts_from_the_encoders_final_states(teacher_forcing):
    network = make(units=[4, 4], decoder="seq2seq", teacher_forcing=teacher_forcing)
    batch = random_batch()
    encoder = lstm_like(network.encoder.stacks[0])
    decoder = lstm_like(network.decoder.stack.stacks[0])
    _, state = encoder(with_static(batch))
    fed, steps = batch.inputs[:, -1, :2], []
    for step in range(3):
        outputs, state = decoder(torch.cat([fed, batch.future[:, step]], dim=1)[:, None], state)
        steps.append(network.decoder.linear(torch.cat([outputs[:, -1], batch.static], dim=1)))
        fed = batch.targets[:, step] if teacher_forcing else steps[-1]
    torch.testing.assert_close(network.train()(batch), torch.stack(steps, dim=1))


def test_seq2seq_joins_both_directions_through_a_bridge():
    network = make(units=[4, 3], decoder="seq2seq", bidirectional=True)
    batch = random_batch()
    states = []
    for layer, state in enumerate(network.encode(batch).encoding.states):
        both = [torch.cat([part[0], part[1]], dim=1) for part in state]  # directions side by side
        bridge = network.decoder.bridges[layer]
        states.append((bridge[0](both[0])[None], bridge[1](both[1])[None]))
    fed, steps = batch.inputs[:, -1, :2], []
    for step in range(3):
        inputs = torch.cat([fed, batch.future[:, step]], dim=1)[:, None]
        encoding = network.decoder.stack.run(inputs, states)
        states = encoding.states
        steps.append(network.decoder.linear(torch.cat([encoding.last, batch.static], dim=1)))
        fed = steps[-1]
    torch.testing.assert_close(network(batch), torch.stack(steps, dim=1))


def test_teacher_forcing_never_reaches_a_forecast():
    network = make(decoder="seq2seq", teacher_forcing=1.0).eval()
    batch = random_batch()
    other = replace(batch, targets=batch.targets + 100)
    assert torch.equal(network(batch), network(other))


def test_following_lists_what_comes_after_each_step():
    past, ahead = torch.arange(4.0).view(1, 4, 1), torch.tensor([[[4.0], [5.0]]])
    expected = [[1, 2], [2, 3], [3, 4], [4, 5]]
    assert following(past, ahead)[0, :, :, 0].tolist() == expected


def test_every_step_is_trained_on_what_follows_each_step():
    network = make(units=[4], decoder="every_step").train()
    batch = random_batch()
    outputs, _ = lstm_like(network.encoder.stacks[0])(with_static(batch))
    whole = torch.cat([batch.inputs[:, :, :2], batch.targets], dim=1)
    known = torch.cat([batch.inputs[:, :, 3:], batch.future], dim=1)
    losses = []
    for step in range(6):
        vector = [outputs[:, step], known[:, step + 1 : step + 4].flatten(1), batch.static]
        forecast = network.decoder.linear(torch.cat(vector, dim=1)).view(5, 3, 2)
        losses.append((forecast - whole[:, step + 1 : step + 4]) ** 2)
    total, count = network.loss(batch)
    torch.testing.assert_close(total, torch.stack(losses).sum())
    assert int(count) == 5 * 6 * 3 * 2
    torch.testing.assert_close(network.eval()(batch), forecast)


def test_no_step_of_every_step_sees_what_it_forecasts():
    network = make(replace(SIZES, future=0, inputs=3), units=[4, 3], decoder="every_step")
    batch = random_batch(network.sizes)
    inputs = batch.inputs.requires_grad_()
    context = network.encode(replace(batch, inputs=inputs))
    forecast = network.decoder.every(context)
    for step in range(6):
        (gradient,) = torch.autograd.grad(forecast[:, step].sum(), inputs, retain_graph=True)
        assert (gradient[:, step + 1 :] == 0).all()
        assert (gradient[:, step] != 0).any()


def test_every_step_leaves_padded_and_missing_targets_out():
    network = make(decoder="every_step", units=[4]).train()
    batch = random_batch(mask=True)
    ones, past_ones = torch.ones_like(batch.targets), torch.ones_like(batch.inputs[:, :, :2])
    past_ones[:, 4, 0] = 0  # step 4 of target 0 is missing: it follows steps 1, 2 and 3
    weighted = replace(batch, weights=ones, past_weights=past_ones)
    _, whole = network.loss(batch)
    total, count = network.loss(weighted)
    begun = batch.mask[:, 1:4].sum()
    assert int(whole - count) == int(begun)
    changed = batch.inputs.clone()
    assert int(whole) == int(batch.mask.sum()) * 3 * 2
    assert torch.equal(network.loss(replace(weighted, inputs=changed))[0], total)


# Everything that the schema admits.

STACKS = ([4], [4, 4], [5, 3])
DECODINGS = [
    *(("direct", readout) for readout in ("last", "state", "mean", "all")),
    *((decoder, "last") for decoder in ("recursive", "seq2seq", "every_step")),
]
NETWORKS = [
    {
        "cell": cell,
        "units": units,
        "bidirectional": bidirectional,
        "projection": projection,
        "decoder": decoder,
        "readout": readout,
        "normalize": normalize,
        "initial_state": initial_state,
    }
    for cell, units, bidirectional, projection, (decoder, readout), (
        normalize,
        initial_state,
    ) in itertools.product(
        ("rnn", "gru", "lstm"),
        STACKS,
        (False, True),
        (0, 2),
        DECODINGS,
        (("none", "zeros"), ("last", "random"), ("standard", "learned")),
    )
]


def is_sensible(network):
    one_way = network["decoder"] not in ("recursive", "every_step") or not network["bidirectional"]
    blind = network["decoder"] != "every_step" or network["normalize"] == "none"
    return one_way and blind and (not network["projection"] or network["cell"] == "lstm")


@pytest.mark.parametrize("part", range(8))
def test_every_network_of_the_schema_trains_two_steps_and_forecasts_or_is_refused(part):
    for fields in NETWORKS[part::8]:
        values = {"data": DATA, "network": fields}
        if not is_sensible(fields):
            with pytest.raises(ConfigError, match=r"network\.(bidirectional|normalize|projection)"):
                build_config(values)
            continue
        network = build_forecaster(build_config(values).network, SIZES, "mae", seed=0).train()
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
        batch = random_batch(mask=True)
        before = {name: value.clone() for name, value in network.state_dict().items()}
        for _ in range(2):
            total, count = network.loss(batch)
            optimizer.zero_grad()
            (total / count).backward()
            optimizer.step()
        still = [k for k, v in network.state_dict().items() if torch.equal(before[k], v)]
        # Backwards, the last step is the first: it has no state before it to learn from.
        assert all("weight_hh" in name and name.endswith("_reverse") for name in still), still
        assert not still or fields["readout"] == "last", fields
        forecast = network.eval()(batch)
        assert forecast.shape == (5, 3, 2) and forecast.isfinite().all(), fields


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"decoder": "seq2seq", "readout": "mean"}, "readout"),
        ({"decoder": "direct", "teacher_forcing": 0.5}, "teacher_forcing"),
        ({"decoder": "seq2seq", "teacher_forcing": 1.5}, "teacher_forcing"),
    ],
)
def test_other_combinations_without_sense_are_refused(fields, words):
    with pytest.raises(ConfigError, match=words):
        build_config({"data": DATA, "network": fields})

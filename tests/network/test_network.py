"""The network, held against torch's own layers, numbers worked out by hand, and properties."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lstmcast.config import NetworkConfig
from lstmcast.network.decoders import Context, DirectDecoder
from lstmcast.network.forecaster import Forecaster, build_forecaster
from lstmcast.network.heads import PointHead, Units
from lstmcast.network.normalize import Level, Normalized, normalize_window
from lstmcast.network.recurrent import Encoding, RecurrentEncoder
from lstmcast.network.sizes import Sizes
from lstmcast.windows.batches import Batch

TORCH = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
WIDTHS = ([6], [6, 6], [6, 4], [5, 5, 5], [7, 4, 5])
STACKS = [
    {"cell": cell, "units": units, "bidirectional": both, "bias": bias, "projection": projection}
    for cell, units, both, bias in product(TORCH, WIDTHS, (False, True), (True, False))
    for projection in ((0, 3) if cell == "lstm" else (0,))
]
SIZES = Sizes(lookback=6, horizon=3, inputs=4, targets=2)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """On small tensors a second thread costs more than it gives, most of all beside others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def stack_name(fields: dict[str, Any]) -> str:
    return (
        f"{fields['cell']}-{'x'.join(map(str, fields['units']))}"
        f"{'-both' * fields['bidirectional']}{'' if fields['bias'] else '-no_bias'}"
        f"{'-projected' * bool(fields['projection'])}"
    )


each_stack = pytest.mark.parametrize("fields", STACKS, ids=stack_name)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def make_encoder(inputs: int = 4, seed: int = 0, **fields: Any) -> RecurrentEncoder:
    torch.manual_seed(seed)
    return RecurrentEncoder(NetworkConfig(**fields), inputs)


def make_network(
    sizes: Sizes = SIZES, loss: str = "mse", seed: int = 0, **fields: Any
) -> Forecaster:
    return build_forecaster(NetworkConfig(**fields), sizes, loss, seed)


def make_batch(sizes: Sizes = SIZES, windows: int = 5, seed: int = 1) -> Batch:
    """Random numbers everywhere."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    return Batch(
        inputs=draw(windows, sizes.lookback, sizes.inputs),
        targets=draw(windows, sizes.horizon, sizes.targets),
        series=torch.zeros(windows, dtype=torch.long),
        future=draw(windows, sizes.horizon, sizes.future) if sizes.future else None,
        static=draw(windows, sizes.static) if sizes.static else None,
    )


def torch_layers(encoder: RecurrentEncoder, config: NetworkConfig, inputs: int) -> list[nn.RNNBase]:
    """One torch module of one layer for each layer of the encoder, with its weights."""
    found = [(stack, layer) for stack in encoder.stacks for layer in range(stack.num_layers)]
    assert len(found) == len(config.units)
    layers, width = [], inputs
    for (stack, number), units in zip(found, config.units, strict=True):
        layer = TORCH[config.cell](
            width,
            units,
            bias=config.bias,
            batch_first=True,
            bidirectional=config.bidirectional,
            **({"proj_size": config.projection} if config.projection else {}),
        )
        own = dict(stack.named_parameters())
        layer.load_state_dict(
            {name: own[name.replace("_l0", f"_l{number}")] for name in layer.state_dict()}
        )
        layers.append(layer)
        width = (config.projection or units) * (2 if config.bidirectional else 1)
    return layers


def run_layers(
    layers: list[nn.RNNBase], inputs: Tensor, states: list[Any] | None = None
) -> tuple[Tensor, Tensor]:
    """Outputs (B, T, D * U) and final hidden state (D, B, U) of the last layer."""
    for number, layer in enumerate(layers):
        inputs, final = layer(inputs, None if states is None else states[number])
    return inputs, final[0] if isinstance(final, tuple) else final


# ---------------------------------------------------------------- recurrent layers


@each_stack
def test_the_encoder_equals_torchs_layers_one_after_the_other(fields: dict[str, Any]) -> None:
    encoder = make_encoder(**fields).double()
    layers = torch_layers(encoder, NetworkConfig(**fields), inputs=4)
    inputs = torch.randn(3, 7, 4, dtype=torch.double)
    outputs, final = run_layers([layer.double() for layer in layers], inputs)
    encoding = encoder(inputs)
    torch.testing.assert_close(encoding.outputs, outputs)
    # The last step's output is the final hidden state of the forward direction.
    forward = encoding.last[:, : final.shape[2]]
    torch.testing.assert_close(forward, final[-2] if fields["bidirectional"] else final[-1])
    torch.testing.assert_close(encoding.last, outputs[:, -1])
    assert encoder.width == outputs.shape[2] == encoding.last.shape[1]


@pytest.mark.parametrize("fields", STACKS[::7], ids=stack_name)
def test_a_network_built_for_dropout_forecasts_like_torchs_layers(fields: dict[str, Any]) -> None:
    encoder = make_encoder(**fields, dropout=0.5).eval()
    layers = torch_layers(encoder, NetworkConfig(**fields), inputs=4)
    inputs = torch.randn(3, 7, 4)
    torch.testing.assert_close(encoder(inputs).outputs, run_layers(layers, inputs)[0])


def test_an_lstm_of_one_unit_computes_the_textbook_equations() -> None:
    encoder = make_encoder(inputs=1, cell="lstm", units=[1])
    (stack,) = encoder.stacks
    with torch.no_grad():
        for parameter, gates in (
            (stack.weight_ih_l0, [0.5, -1.0, 2.0, 0.25]),
            (stack.weight_hh_l0, [1.0, 0.5, -0.5, 2.0]),
        ):
            parameter.copy_(torch.tensor(gates)[:, None])
        stack.bias_ih_l0.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
        stack.bias_hh_l0.copy_(torch.tensor([0.0, 1.0, 0.0, -1.0]))
    expected, h, c = [], 0.0, 0.0
    for x in (1.0, -2.0):
        i = sigmoid(0.5 * x + 1.0 * h + 0.1)
        f = sigmoid(-1.0 * x + 0.5 * h + 1.2)
        g = math.tanh(2.0 * x - 0.5 * h + 0.3)
        o = sigmoid(0.25 * x + 2.0 * h - 0.6)
        c = f * c + i * g
        h = o * math.tanh(c)
        expected.append(h)
    outputs = encoder(torch.tensor([[[1.0], [-2.0]]])).outputs.flatten()
    torch.testing.assert_close(outputs, torch.tensor(expected))


def test_four_layers_of_twenty_have_the_shapes_of_the_worked_example() -> None:
    encoder = make_encoder(inputs=100, cell="lstm", units=[20] * 4)
    shapes = {name: tuple(value.shape) for name, value in encoder.named_parameters()}
    assert shapes["stacks.0.weight_ih_l0"] == (80, 100)
    assert shapes["stacks.0.weight_hh_l0"] == (80, 20)
    assert encoder(torch.randn(3, 10, 100)).outputs.shape == (3, 10, 20)
    both = make_encoder(inputs=100, cell="lstm", units=[20] * 4, bidirectional=True)
    assert both(torch.randn(3, 10, 100)).outputs.shape == (3, 10, 40)


@pytest.mark.parametrize("cell", TORCH)
def test_widths_may_fall_from_layer_to_layer(cell: str) -> None:
    units = [80, 50, 20, 10]
    encoder = make_encoder(cell=cell, units=units)
    assert encoder(torch.randn(2, 5, 4)).outputs.shape == (2, 5, 10)
    gates = GATES[cell]
    expected = sum(
        gates * (u * (below + u) + 2 * u) for below, u in zip([4, 80, 50, 20], units, strict=True)
    )
    assert sum(parameter.numel() for parameter in encoder.parameters()) == expected


# ---------------------------------------------------------------- dropout


def test_dropout_acts_on_what_the_last_layer_gives_on() -> None:
    encoder = make_encoder(units=[64], dropout=0.5)
    inputs = torch.randn(4, 5, 4)
    dropped = encoder.train()(inputs)
    kept = encoder.eval()(inputs).outputs
    zero = dropped.outputs == 0
    torch.testing.assert_close(dropped.outputs, torch.where(zero, 0.0, 2 * kept))
    assert 0.4 < zero.float().mean() < 0.6
    assert torch.equal(dropped.last, dropped.outputs[:, -1])


@pytest.mark.parametrize("units", [[32, 32], [32, 24]])
def test_dropout_acts_between_layers(units: list[int]) -> None:
    encoder = make_encoder(units=units, dropout=0.25)
    seen: dict[str, Tensor] = {}
    first, second = encoder.stacks
    first.register_forward_hook(lambda _, __, out: seen.update(given=out[0]))
    second.register_forward_pre_hook(lambda _, arguments: seen.update(taken=arguments[0]))
    encoder.train()(torch.randn(8, 5, 4))
    zero = seen["taken"] == 0
    torch.testing.assert_close(seen["taken"], torch.where(zero, 0.0, seen["given"] / 0.75))
    assert 0.2 < zero.float().mean() < 0.3


@pytest.mark.parametrize("units", [[8], [8, 8], [8, 6]])
def test_dropout_is_seeded_in_training_and_absent_in_forecasting(units: list[int]) -> None:
    network = make_network(units=units, dropout=0.3)
    batch = make_batch()

    def trained(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return network.train()(batch)

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))
    torch.manual_seed(1)
    assert torch.equal(network.eval()(batch), network(batch))


@pytest.mark.parametrize("units", [[8], [8, 8], [8, 6]])
def test_without_dropout_training_and_forecasting_agree(units: list[int]) -> None:
    network, batch = make_network(units=units), make_batch()
    assert torch.equal(network.train()(batch), network.eval()(batch))


# ---------------------------------------------------------------- initial state


@pytest.mark.parametrize("fields", STACKS[::5], ids=stack_name)
def test_a_learned_state_starts_torchs_layers(fields: dict[str, Any]) -> None:
    encoder = make_encoder(**fields, initial_state="learned").double()
    assert all((value == 0).all() for value in encoder.learned)
    with torch.no_grad():
        for value in encoder.learned:
            value.normal_()
    config = NetworkConfig(**fields)
    directions = 2 if config.bidirectional else 1
    parts = 2 if config.cell == "lstm" else 1
    # Stack by stack h, then c, all layers of the stack in one tensor.
    states: list[list[Tensor]] = []
    for first in range(0, len(encoder.learned), parts):
        group = [value.split(directions) for value in list(encoder.learned)[first : first + parts]]
        states += [list(layer) for layer in zip(*group, strict=True)]
    repeated = [[part.expand(-1, 3, -1).contiguous() for part in layer] for layer in states]
    given = [tuple(layer) if parts == 2 else layer[0] for layer in repeated]
    inputs = torch.randn(3, 7, 4, dtype=torch.double)
    layers = [layer.double() for layer in torch_layers(encoder, config, inputs=4)]
    torch.testing.assert_close(encoder(inputs).outputs, run_layers(layers, inputs, given)[0])
    without = run_layers(layers, inputs)[0]
    assert not torch.allclose(encoder(inputs).outputs, without)


@pytest.mark.parametrize("fields", STACKS[::5], ids=stack_name)
def test_every_learned_state_gets_a_gradient(fields: dict[str, Any]) -> None:
    network = make_network(**fields, initial_state="learned")
    network.loss(make_batch())[0].backward()
    states = list(network.encoder.learned)
    assert states
    for state in states:
        assert state.grad is not None and (state.grad != 0).all()


@pytest.mark.parametrize(
    "fields",
    [
        {"cell": "rnn", "units": [5, 5]},
        {"cell": "gru", "units": [5, 4], "bidirectional": True},
        {"cell": "lstm", "units": [5, 5], "projection": 3},
        {"cell": "lstm", "units": [5, 4], "bidirectional": True},
    ],
    ids=str,
)
def test_a_random_state_is_seeded_in_training_and_zeros_in_forecasting(
    fields: dict[str, Any],
) -> None:
    network = make_network(**fields, initial_state="random")
    batch = make_batch()
    same = replace(batch, inputs=batch.inputs[:1].expand(5, -1, -1))

    def trained(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return network.train()(batch)

    assert torch.equal(trained(1), trained(1))
    assert not torch.allclose(trained(1), trained(2))
    assert not torch.allclose(network(batch), network(batch)), "each call draws its own"
    forecast = network(same)
    assert not torch.allclose(forecast[0], forecast[1]), "each window draws its own"
    zeros = make_network(**fields)
    zeros.load_state_dict(network.state_dict())
    assert torch.equal(network.eval()(batch), zeros(batch))


# ---------------------------------------------------------------- padding


@pytest.mark.parametrize("normalize", ["none", "last", "standard"])
@pytest.mark.parametrize("initial_state", ["zeros", "learned"])
@pytest.mark.parametrize("units", [[5, 5], [6, 4]], ids=str)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", TORCH)
def test_a_padded_window_forecasts_what_it_forecasts_alone(
    cell: str, bidirectional: bool, units: list[int], initial_state: str, normalize: str
) -> None:
    sizes = replace(SIZES, future=1, static=2)
    network = make_network(
        sizes,
        cell=cell,
        units=units,
        bidirectional=bidirectional,
        initial_state=initial_state,
        normalize=normalize,
    ).double()
    with torch.no_grad():
        for value in network.encoder.learned:
            value.normal_()
    lengths = [2, 6, 1, 4, 3, 5]
    whole = make_batch(sizes, windows=6)
    mask = (torch.arange(6) >= 6 - torch.tensor(lengths)[:, None]).double()
    assert whole.future is not None and whole.static is not None
    batch = Batch(
        inputs=whole.inputs.double() * mask[:, :, None],
        targets=whole.targets.double(),
        series=whole.series,
        mask=mask,
        future=whole.future.double(),
        static=whole.static.double(),
    )
    forecast = network(batch)
    for number, length in enumerate(lengths):
        one = slice(number, number + 1)
        assert batch.future is not None and batch.static is not None
        alone = Batch(
            inputs=batch.inputs[one, -length:],
            targets=batch.targets[one],
            series=batch.series[one],
            future=batch.future[one],
            static=batch.static[one],
        )
        torch.testing.assert_close(forecast[one], network(alone))
    garbage = torch.where(mask[:, :, None] == 1, batch.inputs, torch.tensor(1e4).double())
    torch.testing.assert_close(network(replace(batch, inputs=garbage)), forecast)


def test_the_outputs_of_padded_windows_stay_at_their_steps() -> None:
    encoder = make_encoder(units=[5], cell="gru")
    inputs = torch.randn(2, 6, 4)
    mask = torch.tensor([[0.0, 0, 0, 1, 1, 1], [1.0] * 6])
    outputs = encoder(inputs, mask).outputs
    torch.testing.assert_close(outputs[0, 3:], encoder(inputs[:1, 3:]).outputs[0])
    torch.testing.assert_close(outputs[1], encoder(inputs[1:]).outputs[0])
    assert (outputs[0, :3] == 0).all()


# ---------------------------------------------------------------- normalization

WINDOW = torch.tensor([[1.0, 8.0], [2.0, 8.0], [3.0, 8.0], [6.0, 9.0]])[None]  # target, covariate


def freed(*arguments: Any) -> tuple[Tensor, Level | None]:
    window: Normalized = normalize_window(*arguments)
    return window.inputs, window.level


def test_difference_reads_both_seasons_and_forecasts_changes_of_the_last() -> None:
    # A season of 2 steps: 1 5 | 2 5 | 4 8. Differences 1 0 2 3, their mean size 1.5.
    values = torch.tensor([1.0, 5, 2, 5, 4, 8])
    window = normalize_window("difference", _with_covariate(values), 1, None, 2, 5)
    inputs = window.inputs[0]  # (T, target, covariate, difference)
    center, spread = 6.0, (5 + 1 + 4 + 1 + 2 + 2) / 6
    torch.testing.assert_close(inputs[:, 0], (values - center) / spread, rtol=1e-4, atol=1e-4)
    assert (inputs[:, 1] == 7).all()
    expected = torch.tensor([0, 0, 1, 0, 2, 3]) / 1.5
    torch.testing.assert_close(inputs[:, 2], expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(window.differences[0, :, 0], inputs[:, 2])
    assert window.level.center[0, :, 0].tolist() == [4, 8, 4, 8, 4]
    assert float(window.level.scale) == pytest.approx(1.5, rel=1e-4)
    assert float(window.ratio) == pytest.approx(spread / 1.5, rel=1e-4)
    restored = window.level.restore(torch.tensor([0.0, 1, 0, 0, -1])[None, :, None])
    torch.testing.assert_close(
        restored[0, :, 0], torch.tensor([4, 9.5, 4, 8, 2.5]), rtol=1e-4, atol=1e-4
    )


def test_difference_never_reads_what_is_padded() -> None:
    mask = torch.tensor([[0.0, 0, 0, 1, 1, 1]])
    short = normalize_window(
        "difference", _with_covariate(torch.tensor([0.0, 0, 0, 5, 4, 8])), 1, mask, 2, 2
    )
    other = normalize_window(
        "difference", _with_covariate(torch.tensor([9.0, 9, 9, 5, 4, 8])), 1, mask, 2, 2
    )
    assert torch.equal(short.inputs[:, 3:], other.inputs[:, 3:])
    assert (short.inputs[0, :3, 0] == 0).all()
    assert (short.inputs[0, :5, 2] == 0).all(), "only 8 - 5 is a difference of two known values"
    assert float(short.level.scale) == pytest.approx(3, rel=1e-4)
    alone = torch.tensor([[0.0, 0, 0, 0, 0, 1]])
    single = normalize_window(
        "difference", _with_covariate(torch.tensor([9.0, 9, 9, 9, 9, 8])), 1, alone, 2, 3
    )
    assert single.level.center[0, :, 0].tolist() == [8, 8, 8], "one value is all there is to repeat"
    assert single.inputs.isfinite().all()


def test_a_window_that_repeats_its_season_is_forecast_to_repeat_it() -> None:
    config = NetworkConfig(normalize="difference", skip="linear", units=[4])
    sizes = Sizes(lookback=8, horizon=6, inputs=1, targets=1, season=4)
    network = build_forecaster(config, sizes, "mae", seed=0).eval()
    wave = torch.tensor([3.0, 1, 4, 1]).repeat(2)[None, :, None]
    batch = replace(network.example_batch(1), inputs=wave)
    expected = torch.tensor([3.0, 1, 4, 1, 3, 1])
    torch.testing.assert_close(network(batch)[0, :, 0], expected, rtol=0, atol=1e-3)


def _with_covariate(values: Tensor) -> Tensor:
    return torch.stack([values, torch.full_like(values, 7)], dim=1)[None]


def test_last_subtracts_the_last_value() -> None:
    normalized, level = freed("last", WINDOW, 1, None)
    assert normalized[0, :, 0].tolist() == [-5, -4, -3, 0]
    assert torch.equal(normalized[..., 1], WINDOW[..., 1])
    assert level is not None
    assert level.restore(torch.tensor([[[0.5]]])).item() == 6.5


def test_standard_subtracts_the_mean_and_divides_by_the_deviation() -> None:
    normalized, level = freed("standard", WINDOW, 1, None)
    deviation = 3.5**0.5  # of 1, 2, 3, 6 about 3: (4 + 1 + 0 + 9) / 4
    expected = torch.tensor([-2.0, -1.0, 0.0, 3.0]) / deviation
    torch.testing.assert_close(normalized[0, :, 0], expected, rtol=1e-5, atol=0)
    assert torch.equal(normalized[..., 1], WINDOW[..., 1])
    assert level is not None
    assert level.restore(torch.tensor([[[2.0]]])).item() == pytest.approx(
        3 + 2 * deviation, rel=1e-5
    )


def test_standard_counts_only_the_steps_that_are_there() -> None:
    padded = torch.cat([torch.zeros(1, 3, 2), WINDOW], dim=1)
    mask = torch.tensor([[0.0, 0, 0, 1, 1, 1, 1]])
    normalized, level = freed("standard", padded, 1, mask)
    alone, level_alone = freed("standard", WINDOW, 1, None)
    assert torch.equal(normalized[:, 3:], alone) and (normalized[:, :3] == 0).all()
    assert level is not None and level_alone is not None
    assert torch.equal(level.center, level_alone.center)
    assert torch.equal(level.scale, level_alone.scale)


def test_none_changes_nothing() -> None:
    normalized, level = freed("none", WINDOW, 1, None)
    assert torch.equal(normalized, WINDOW) and level is None


@pytest.mark.parametrize(
    ("normalize", "factor"),
    [("last", [1.0, 1.0]), ("standard", [1.0, 1.0]), ("standard", [3.0, 0.5])],
)
def test_the_forecast_moves_with_the_level_of_its_window(
    normalize: str, factor: list[float]
) -> None:
    network, batch = make_network(normalize=normalize).double(), make_batch()
    batch = replace(batch, inputs=10 * batch.inputs.double())  # TINY is far below its variance
    shift, scale = torch.tensor([7.0, -100.0]).double(), torch.tensor(factor).double()
    moved = batch.inputs.clone()
    moved[:, :, :2] = moved[:, :, :2] * scale + shift
    expected = network(batch) * scale + shift
    torch.testing.assert_close(
        network(replace(batch, inputs=moved)), expected, rtol=1e-6, atol=1e-4
    )


def test_without_normalization_the_forecast_does_not_follow_the_level() -> None:
    network, batch = make_network(normalize="none"), make_batch()
    moved = network(replace(batch, inputs=batch.inputs + 100))
    assert (moved - network(batch)).abs().max() < 50


@pytest.mark.parametrize("normalize", ["last", "standard"])
def test_covariates_keep_their_level(normalize: str) -> None:
    network, batch = make_network(normalize=normalize), make_batch()
    moved = batch.inputs.clone()
    moved[:, :, 2:] += 0.5
    assert not torch.allclose(network(replace(batch, inputs=moved)), network(batch), atol=1e-4)


@pytest.mark.parametrize("level", [0.0, 1.0, -1e4])
@pytest.mark.parametrize("normalize", ["none", "last", "standard"])
def test_flat_windows_stay_finite(normalize: str, level: float) -> None:
    network, batch = make_network(normalize=normalize), make_batch()
    flat = replace(batch, inputs=torch.full_like(batch.inputs, level).requires_grad_())
    forecast = network(flat)
    assert forecast.isfinite().all()
    if normalize == "standard":  # nothing to scale by: the forecast is the level
        torch.testing.assert_close(forecast, torch.full_like(forecast, level), rtol=1e-5, atol=0.02)
    network.loss(flat)[0].backward()
    assert flat.inputs.grad is not None and flat.inputs.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


# ---------------------------------------------------------------- decoder


@pytest.mark.parametrize("head_width", [1, 3])
@pytest.mark.parametrize(("future", "static"), [(0, 0), (2, 0), (0, 3), (2, 3)])
def test_the_direct_decoder_is_one_linear_map(future: int, static: int, head_width: int) -> None:
    sizes = replace(SIZES, future=future, static=static)
    config = NetworkConfig(units=[8])
    encoder, head = RecurrentEncoder(config, sizes.inputs), PointHead("mae")
    head.width = head_width
    decoder = DirectDecoder(config, encoder, sizes, head)
    batch = make_batch(sizes)
    last = torch.randn(5, 8)
    encoding = Encoding(last[:, None], [])
    context = Context(
        Normalized(batch.inputs), batch.inputs, encoding, future=batch.future, static=batch.static
    )
    decoded = decoder(context, encoder)
    assert decoded.shape == (5, 3, 2, head_width)
    for window in range(5):
        known = [last[window]]
        if batch.future is not None:
            known += [batch.future[window, step] for step in range(3)]
        if batch.static is not None:
            known.append(batch.static[window])
        expected = decoder.linear.weight @ torch.cat(known) + decoder.linear.bias
        torch.testing.assert_close(decoded[window].flatten(), expected)


def test_past_future_and_static_covariates_all_reach_the_forecast() -> None:
    sizes = replace(SIZES, future=2, static=3)
    network, batch = make_network(sizes, normalize="last"), make_batch(sizes)
    assert batch.future is not None and batch.static is not None
    parts = (batch.inputs, batch.future, batch.static)
    for part in parts:
        part.requires_grad_()
    forecast = network(batch)
    assert forecast.shape == (5, 3, 2)
    for step, target in product(range(3), range(2)):
        gradients = torch.autograd.grad(forecast[:, step, target].sum(), parts, retain_graph=True)
        assert all((gradient != 0).all() for gradient in gradients)


def test_windows_of_a_batch_do_not_see_each_other() -> None:
    network, batch = make_network(bidirectional=True, normalize="standard"), make_batch()
    inputs = batch.inputs.requires_grad_()
    (gradient,) = torch.autograd.grad(network(batch)[2].sum(), inputs)
    assert (gradient[2] != 0).any()
    assert (gradient[[0, 1, 3, 4]] == 0).all()


# ---------------------------------------------------------------- losses

FORECAST = torch.tensor([0.5, -3.0, 2.0, 1.0]).view(1, 2, 2)
TARGETS = torch.tensor([0.0, 0.0, 2.0, 0.0]).view(1, 2, 2)  # errors 0.5, -3, 0, 1


@pytest.mark.parametrize(("loss", "share"), [("smape", 0.0), ("mae_smape", 0.5)])
def test_smape_is_of_the_units_of_the_data_and_counts_half_beside_mae(loss, share) -> None:
    units = Units(None, torch.full((1, 1, 2), 10.0), torch.full((1, 1, 2), 4.0))
    # In the units of the data, 10 + 4 x: 12 -2 18 14 for 10 10 18 10.
    by_hand = torch.tensor([2 * 2 / 22, 2 * 12 / 12, 0.0, 2 * 4 / 24])
    mae = torch.tensor([0.5, 3.0, 0.0, 1.0])
    forecast = PointHead(loss).read(FORECAST[..., None], units)
    expected = (1 - share) * by_hand + share * mae
    torch.testing.assert_close(forecast.loss(TARGETS).flatten(), expected)


def test_smape_of_zeros_is_zero_and_pulls_a_forecast_towards_its_target() -> None:
    zeros = torch.zeros(1, 2, 2)
    assert PointHead("smape").read(zeros[..., None], Units()).loss(zeros).sum() == 0
    decoded = torch.tensor([5.0, -5.0, 0.5, 2.0]).view(1, 2, 2, 1).requires_grad_()
    PointHead("smape").read(decoded, Units()).loss(torch.ones(1, 2, 2)).sum().backward()
    assert decoded.grad.flatten().sign().tolist() == [1, -1, -1, 1]


@pytest.mark.parametrize(
    ("loss", "by_hand", "oracle"),
    [
        ("mse", [0.25, 9.0, 0.0, 1.0], nn.functional.mse_loss),
        ("mae", [0.5, 3.0, 0.0, 1.0], nn.functional.l1_loss),
        ("huber", [0.125, 2.5, 0.0, 0.5], nn.functional.huber_loss),
    ],
)
def test_losses_are_summed_over_the_observed_targets(loss: str, by_hand: list, oracle: Any) -> None:
    head = PointHead(loss)
    forecast = head.read(FORECAST[..., None], Units())
    total, count = head.loss(forecast, TARGETS, None)
    assert (total.item(), int(count)) == (sum(by_hand), 4)
    weights = torch.tensor([1.0, 1.0, 0.0, 0.0]).view(1, 2, 2)
    total, count = head.loss(forecast, TARGETS, weights)
    assert (total.item(), int(count)) == (sum(by_hand[:2]), 2)

    network, batch = make_network(loss=loss), make_batch()
    total, count = network.loss(batch)
    torch.testing.assert_close(total / count, oracle(network(batch), batch.targets))


@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_a_missing_target_changes_neither_loss_nor_gradient(loss: str) -> None:
    network, batch = make_network(loss=loss, normalize="last"), make_batch()
    weights = (torch.rand(5, 3, 2, generator=torch.Generator().manual_seed(0)) < 0.6).float()
    assert 0 < weights.sum() < weights.numel()

    def loss_and_gradients(targets: Tensor) -> list[Tensor]:
        total, count = network.loss(replace(batch, targets=targets, weights=weights))
        assert count == weights.sum()
        return [total, *torch.autograd.grad(total, list(network.parameters()))]

    before = loss_and_gradients(batch.targets)
    elsewhere = torch.where(weights == 1, batch.targets, torch.tensor(1e3))
    torch.testing.assert_close(loss_and_gradients(elsewhere), before, rtol=0, atol=0)
    moved = batch.targets + weights
    assert not torch.equal(loss_and_gradients(moved)[0], before[0])


def test_a_batch_without_any_observed_target_has_loss_zero_and_count_zero() -> None:
    network, batch = make_network(), make_batch()
    total, count = network.loss(replace(batch, weights=torch.zeros_like(batch.targets)))
    assert (total.item(), int(count)) == (0, 0)
    total.backward()
    assert all((parameter.grad == 0).all() for parameter in network.parameters())


# ---------------------------------------------------------------- the whole network


def test_an_lstm_of_three_units_and_a_dense_one_has_84_and_4_parameters() -> None:
    network = make_network(Sizes(lookback=3, horizon=1, inputs=2, targets=1), units=[3])
    assert network.parameter_count() == 84 + 4


@each_stack
def test_the_parameter_count_follows_the_formula(fields: dict[str, Any]) -> None:
    sizes = replace(SIZES, future=2, static=3)
    gates, directions = GATES[fields["cell"]], 1 + fields["bidirectional"]
    cells, states, below = 0, 0, sizes.inputs + sizes.static
    for units in fields["units"]:
        given = fields["projection"] or units
        one = gates * units * (below + given + 2 * fields["bias"]) + fields["projection"] * units
        cells += directions * one
        states += directions * (given + (units if fields["cell"] == "lstm" else 0))
        below = directions * given
    known = sizes.horizon * sizes.future + sizes.static
    linear = (below + known + 1) * sizes.horizon * sizes.targets
    assert make_network(sizes, **fields).parameter_count() == cells + linear
    learned = make_network(sizes, **fields, initial_state="learned")
    assert learned.parameter_count() == cells + states + linear


def test_the_first_weights_depend_on_the_seed_alone() -> None:
    def weights(seed: int) -> Tensor:
        return nn.utils.parameters_to_vector(make_network(seed=seed).parameters())

    first = weights(3)
    torch.randn(10)
    assert torch.equal(weights(3), first)
    assert not torch.equal(weights(4), first)


@pytest.fixture
def in_double() -> Iterator[None]:
    """Spares small LSTMs the many milliseconds in which oneDNN prepares a float32 layer."""
    torch.set_default_dtype(torch.double)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("cell", TORCH)
def test_the_example_batch_runs_through_every_network(cell: str, in_double: None) -> None:
    choices = product(
        (([4, 4], 0.0), ([4, 4], 0.5), ([5, 3], 0.0)),
        (False, True),
        ("zeros", "random", "learned"),
        ("none", "last", "standard"),
        ((0, 0), (2, 3)),
    )
    for (units, dropout), both, state, normalize, (future, static) in choices:
        sizes = Sizes(lookback=2, horizon=3, inputs=4, targets=2, future=future, static=static)
        network = make_network(
            sizes,
            cell=cell,
            units=units,
            bidirectional=both,
            initial_state=state,
            normalize=normalize,
            dropout=dropout,
        )
        example = network.example_batch(windows=3)
        assert len(example) == 3
        forecast = network.train()(example)
        assert forecast.shape == example.targets.shape == (3, 3, 2)
        forecast.sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())
        assert network.eval()(example).isfinite().all()

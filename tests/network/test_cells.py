"""The cells one step at a time, held against torch's own layers and a cell written in numpy."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstmcast.network.cells import (
    ACTIVATIONS,
    CellWeights,
    gru_step,
    hard_sigmoid,
    lstm_step,
    rnn_step,
)
from lstmcast.network.stepwise import LayerTrace, StepwiseLayer

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")

MAKE = {
    "rnn": nn.RNN,
    "rnn-relu": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
    "lstm-projected": nn.LSTM,
}
COMBINATIONS = [
    {"kind": kind, "num_layers": layers, "bidirectional": both, "bias": bias}
    for kind, layers, both, bias in product(MAKE, (1, 2), (False, True), (True, False))
]
TWO_BY_TWO = [one for one in COMBINATIONS if one["num_layers"] == 2 and one["bidirectional"]]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """On small tensors a second thread costs more than it gives, most of all beside others."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def combination_name(fields: dict[str, Any]) -> str:
    return (
        f"{fields['kind']}-{fields['num_layers']}{'-both' * fields['bidirectional']}"
        f"{'' if fields['bias'] else '-no_bias'}"
    )


each_combination = pytest.mark.parametrize("fields", COMBINATIONS, ids=combination_name)
with_and_without_states = pytest.mark.parametrize("given", [False, True], ids=["zeros", "states"])


def random_shape(fields: dict[str, Any], given: bool) -> tuple[int, int, int, int, int]:
    """Windows, steps, features, units and a seed: a test case has its own, the same each time."""
    seed = 2 * COMBINATIONS.index(fields) + given
    random = np.random.default_rng(seed)
    windows, steps, width = random.integers(1, [5, 8, 6])
    return int(windows), int(steps), int(width), int(random.integers(2, 7)), seed


def make_layer(inputs: int, units: int, seed: int = 0, kind: str = "lstm", **options: Any) -> Any:
    """A torch layer; where it is projected, to half its units."""
    torch.manual_seed(seed)
    if kind == "lstm-projected":
        options["proj_size"] = units // 2
    return MAKE[kind](inputs, units, batch_first=True, **options)


def random_state(layer: Any, windows: int) -> Any:
    """h, or (h, c), drawn at random in the layer's own type."""
    places = layer.num_layers * (2 if layer.bidirectional else 1)
    like = layer.weight_ih_l0
    h = torch.randn(places, windows, layer.proj_size or layer.hidden_size).to(like)
    return (h, torch.randn(places, windows, layer.hidden_size).to(like)) if is_lstm(layer) else h


def is_lstm(layer: Any) -> bool:
    return isinstance(layer, nn.LSTM)


def flat(outputs: Tensor, state: Any) -> list[Tensor]:
    return [outputs, *(state if isinstance(state, tuple) else (state,))]


def gradients(results: list[Tensor], weights: list[Tensor], sources: list[Tensor]) -> list[Tensor]:
    """Of a sum of all results, each entry counted with a weight of its own."""
    loss = sum((one * weight).sum() for one, weight in zip(results, weights, strict=True))
    return list(torch.autograd.grad(loss, sources))


def assert_near(ours: Tensor, theirs: Tensor, tolerance: float) -> None:
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


def assert_same_gradients(ours: list[Tensor], theirs: list[Tensor], tolerance: float) -> None:
    """Within a part of each tensor's largest entry, as where entries cancel out."""
    for own, other in zip(ours, theirs, strict=True):
        assert_near(own, other, tolerance * max(1e-30, float(other.abs().max())))


def run_packed(layer: Any, inputs: Tensor, state: Any, lengths: Tensor) -> tuple[Tensor, Any]:
    packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
    outputs, final = layer(packed, state)
    outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=inputs.shape[1])
    return outputs, final


# ---------------------------------------------------------------- beside torch's layers


@each_combination
@with_and_without_states
def test_outputs_states_and_gradients_equal_torchs(fields: dict[str, Any], given: bool) -> None:
    windows, steps, width, units, seed = random_shape(fields, given)
    for dtype, value, slope in ((torch.float32, 1e-6, 1e-5), (torch.float64, 1e-12, 1e-12)):
        layer = make_layer(width, units, seed, **fields).to(dtype)
        inputs = torch.randn(windows, steps, width, dtype=dtype, requires_grad=True)
        state = random_state(layer, windows) if given else None
        given_state = [] if state is None else flat(inputs, state)[1:]
        for part in given_state:
            part.requires_grad_()
        sources = [inputs, *given_state, *layer.parameters()]

        theirs = flat(*layer(inputs, state))
        ours = flat(*StepwiseLayer(layer)(inputs, state))
        for own, other in zip(ours, theirs, strict=True):
            assert_near(own, other, value)
        counted = [torch.randn_like(one) for one in theirs]
        assert_same_gradients(
            gradients(ours, counted, sources), gradients(theirs, counted, sources), slope
        )


@each_combination
def test_windows_of_different_lengths_equal_torchs_packed_sequences(
    fields: dict[str, Any],
) -> None:
    windows, steps, width, units, seed = random_shape(fields, given=True)
    layer = make_layer(width, units, seed, **fields).double()
    lengths = torch.randint(1, steps + 1, (windows,))
    inputs = torch.randn(windows, steps, width, dtype=torch.double)
    for window, length in enumerate(lengths):
        inputs[window, length:] = torch.nan  # must never be looked at, in gradients neither
    inputs.requires_grad_()
    state = random_state(layer, windows)

    theirs = flat(*run_packed(layer, inputs, state, lengths))
    ours = flat(*StepwiseLayer(layer)(inputs, state, lengths))
    for own, other in zip(ours, theirs, strict=True):
        assert_near(own, other, 1e-12)
    for window, length in enumerate(lengths):
        assert not ours[0][window, length:].any()
    counted = [torch.randn_like(one) for one in theirs]
    sources = [inputs, *layer.parameters()]
    assert_same_gradients(
        gradients(ours, counted, sources), gradients(theirs, counted, sources), 1e-12
    )


@pytest.mark.parametrize("kind", MAKE)
def test_a_shared_batch_gives_each_window_what_it_gives_alone(kind: str) -> None:
    layer = StepwiseLayer(make_layer(3, 4, kind=kind, bidirectional=True, num_layers=2)).double()
    inputs = torch.randn(3, 6, 3, dtype=torch.double)
    lengths = torch.tensor([6, 1, 4])
    outputs, state = layer(inputs, None, lengths)
    for window, length in enumerate(lengths.tolist()):
        alone = flat(*layer(inputs[window : window + 1, :length]))
        assert_near(outputs[window : window + 1, :length], alone[0], 1e-14)
        for part, own in zip(flat(outputs, state)[1:], alone[1:], strict=True):
            assert_near(part[:, window : window + 1], own, 1e-14)


@pytest.mark.parametrize("fields", TWO_BY_TWO, ids=combination_name)
def test_the_layer_has_torchs_names_attributes_and_state_dict(fields: dict[str, Any]) -> None:
    layer = make_layer(3, 4, **fields)
    ours = StepwiseLayer(copy.deepcopy(layer))
    assert list(ours.state_dict()) == list(layer.state_dict())
    for name, parameter in layer.named_parameters():
        assert torch.equal(ours.get_parameter(name), parameter)
    for name in ("num_layers", "bidirectional", "proj_size", "hidden_size", "input_size", "mode"):
        assert getattr(ours, name) == getattr(layer, name)
    assert ours.is_lstm == isinstance(layer, nn.LSTM)
    other = make_layer(3, 4, seed=1, **fields)
    ours.load_state_dict(other.state_dict())
    inputs = torch.randn(2, 5, 3)
    assert_near(ours(inputs)[0], other(inputs)[0], 1e-6)


def test_a_layer_that_lives_on_shares_its_weights() -> None:
    layer = make_layer(3, 4)
    ours = StepwiseLayer(layer)
    with torch.no_grad():
        layer.weight_hh_l0.mul_(2)
    inputs = torch.randn(2, 5, 3)
    assert_near(ours(inputs)[0], layer(inputs)[0], 1e-6)


# ---------------------------------------------------------------- what is recorded


def recomputed(trace: LayerTrace, t: int) -> list[Tensor]:
    """h, and c of an LSTM, from the recorded gates and the state before."""
    h, c = trace.before(t)
    gate = {name: values[:, t] for name, values in trace.gates.items()}
    if trace.mode == "LSTM":
        cell = gate["f"] * c + gate["i"] * gate["g"]
        out = gate["o"] * torch.tanh(cell)
        projection = trace.weights.weight_hr
        return [out if projection is None else out @ projection.T, cell]
    if trace.mode == "GRU":
        return [(1 - gate["z"]) * gate["n"] + gate["z"] * h]
    weights = trace.weights
    total = trace.inputs[:, t] @ weights.weight_ih.T + h @ weights.weight_hh.T
    if weights.bias_ih is not None:
        total = total + weights.bias_ih + weights.bias_hh
    return [torch.tanh(total) if trace.mode == "RNN_TANH" else torch.relu(total)]


@each_combination
def test_recorded_gates_give_the_recorded_states_which_are_torchs(fields: dict[str, Any]) -> None:
    layer = make_layer(3, 4, **fields).double()
    inputs = torch.randn(2, 5, 3, dtype=torch.double)
    state = random_state(layer, 2)
    outputs, final = layer(inputs, state)
    traces = StepwiseLayer(layer).record(inputs, state)

    directions = 2 if layer.bidirectional else 1
    assert len(traces) == layer.num_layers * directions
    for place, trace in enumerate(traces):
        assert (trace.layer, trace.reverse) == divmod(place, directions)
        for t in range(5):
            stored = [trace.h[:, t]] if trace.c is None else [trace.h[:, t], trace.c[:, t]]
            for own, again in zip(stored, recomputed(trace, t), strict=True):
                assert_near(own, again, 1e-12)
        last = 0 if trace.reverse else 4
        for own, other in zip((trace.h, trace.c), flat(outputs, final)[1:], strict=False):
            assert_near(own[:, last], other[place], 1e-12)
        for own, other in zip(trace.before(4 - last), flat(outputs, state)[1:], strict=False):
            assert_near(own, other[place], 0)
        above = [other for other in traces if other.layer == trace.layer + 1]
        below = torch.cat([t.h for t in traces if t.layer == trace.layer], dim=2)
        assert_near(above[0].inputs if above else outputs, below, 1e-12)
    assert_near(traces[0].inputs, inputs, 0)


@pytest.mark.parametrize("kind", MAKE)
def test_gates_have_their_names_and_shapes(kind: str) -> None:
    names = {"r": "", "g": "rzn", "l": "ifgo"}[kind[0]]
    (trace,) = StepwiseLayer(make_layer(3, 4, kind=kind)).record(torch.randn(2, 5, 3))
    assert "".join(trace.gates) == names
    assert all(values.shape == (2, 5, 4) for values in trace.gates.values())
    assert (trace.c is None) == (names != "ifgo")


@pytest.mark.parametrize("fields", TWO_BY_TWO, ids=combination_name)
def test_the_parts_of_a_gate_add_up_to_what_it_shows(fields: dict[str, Any]) -> None:
    layer = make_layer(3, 4, **fields).double()
    for trace in StepwiseLayer(layer).record(torch.randn(2, 5, 3, dtype=torch.double)):
        for t in range(5):
            for name, part in trace.parts(t).items():
                assert (part.bias_ih is not None) == (part.bias_hh is not None) == layer.bias
                state = part.by_state + (0 if part.bias_hh is None else part.bias_hh)
                if name == "n":
                    state = trace.gates["r"][:, t] * state
                total = part.by_input + state + (0 if part.bias_ih is None else part.bias_ih)
                own = ACTIVATIONS[
                    "relu" if "relu" in fields["kind"] else "tanh" if name in "gnh" else "sigmoid"
                ]
                shown = trace.h if name == "h" else trace.gates[name]
                assert_near(own(total), shown[:, t], 1e-12)


# ---------------------------------------------------------------- activations

BY_HAND = {
    "tanh": lambda x: 1 - 2 / (np.exp(2 * x) + 1),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "relu": lambda x: np.where(x > 0, x, 0.0),
    "linear": lambda x: x,
}


def cell_by_hand(kind: str, weights: list[Any], x: Any, h: Any, c: Any, act: Any, gate: Any) -> Any:
    """One unit at a time: h and c of one window after a step."""
    w, u, b, d = weights
    units = len(h)

    def part(row: int, number: int) -> tuple[float, float]:
        line = number * units + row
        return float(w[line] @ x + b[line]), float(u[line] @ h + d[line])

    new_h, new_c = np.empty(units), np.empty(units)
    for k in range(units):
        if kind == "rnn":
            new_h[k] = act(sum(part(k, 0)))
        elif kind == "gru":
            reset, update = gate(sum(part(k, 0))), gate(sum(part(k, 1)))
            from_x, from_h = part(k, 2)
            new_h[k] = update * h[k] + (1 - update) * act(from_x + reset * from_h)
        else:
            enter, forget, out = (gate(sum(part(k, number))) for number in (0, 1, 3))
            new_c[k] = forget * c[k] + enter * act(sum(part(k, 2)))
            new_h[k] = out * act(new_c[k])
    return new_h, new_c


def test_every_activation_has_a_formula_by_hand() -> None:
    assert set(ACTIVATIONS) == set(BY_HAND)
    x = torch.linspace(-5, 5, 101, dtype=torch.double)
    for name, ours in ACTIVATIONS.items():
        np.testing.assert_allclose(ours(x), BY_HAND[name](x.numpy()), atol=1e-14)


def test_hard_sigmoid_is_straight_between_minus_3_and_3() -> None:
    x = torch.tensor([-4.0, -3.0, -1.5, 0.0, 1.5, 3.0, 4.0])
    assert hard_sigmoid(x).tolist() == [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0]


@pytest.mark.parametrize(
    ("kind", "activation", "recurrent_activation"),
    [
        *product(("gru", "lstm"), ACTIVATIONS, ACTIVATIONS),
        *product(("rnn",), ACTIVATIONS, ["tanh"]),
    ],
)
def test_every_activation_gives_what_a_numpy_cell_gives(
    kind: str, activation: str, recurrent_activation: str
) -> None:
    layer = make_layer(3, 4, kind=kind).double()
    ours = StepwiseLayer(layer, activation, recurrent_activation)
    inputs = torch.randn(2, 5, 3, dtype=torch.double)
    with torch.no_grad():
        outputs = ours(inputs)[0]
    weights = [parameter.detach().numpy() for parameter in layer.parameters()]
    act, gate = BY_HAND[activation], BY_HAND[recurrent_activation]
    for window in range(2):
        h, c = np.zeros(4), np.zeros(4)
        for t in range(5):
            h, c = cell_by_hand(kind, weights, inputs[window, t].numpy(), h, c, act, gate)
            np.testing.assert_allclose(outputs[window, t], h, rtol=1e-12, atol=1e-12)


def test_an_rnn_has_no_gates_for_a_recurrent_activation() -> None:
    layer = make_layer(3, 4, kind="rnn")
    inputs = torch.randn(2, 5, 3)
    outputs = [StepwiseLayer(layer, "relu", name)(inputs)[0] for name in ACTIVATIONS]
    assert all(torch.equal(outputs[0], other) for other in outputs)


def test_single_steps_are_those_of_torchs_cells() -> None:
    torch.manual_seed(0)
    x, h, c = (torch.randn(2, width) for width in (3, 4, 4))
    cells = {"rnn": nn.RNNCell(3, 4), "gru": nn.GRUCell(3, 4), "lstm": nn.LSTMCell(3, 4)}
    weights = {
        kind: CellWeights(cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)
        for kind, cell in cells.items()
    }
    assert_near(rnn_step(x, h, weights["rnn"]).h, cells["rnn"](x, h), 1e-6)
    assert_near(gru_step(x, h, weights["gru"]).h, cells["gru"](x, h), 1e-6)
    step = lstm_step(x, h, c, weights["lstm"])
    for own, other in zip((step.h, step.c), cells["lstm"](x, (h, c)), strict=True):
        assert_near(own, other, 1e-6)

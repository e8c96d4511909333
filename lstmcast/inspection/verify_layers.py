"""Every call of a recurrent layer computed again by the cells of `cells.py`, and compared.

Wherever torch has the layer, its outputs and final states are those of torch's fused layer in the
network, and every h and c in between those of a second layer of torch's that is given one step at a
time. Where torch lacks the activations, the network itself runs on `cells.py`; then the same
arithmetic with twice the digits (float64) is what it is compared with.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from lstmcast.inspection.tolerance import Check, compared
from lstmcast.network.cells import ACTIVATIONS, GATES, Activation, LSTMStep
from lstmcast.network.recurrent import LAYERS, RecurrentLayer
from lstmcast.network.stepwise import LayerTrace, State, StepwiseLayer


@dataclass(frozen=True)
class Call:
    """One call of a module of the network.

    Attributes:
        name: Of the module, such as `encoder.stacks.0`.
        module: The module.
        inputs: What it was given.
        output: What it gave.
    """

    name: str
    module: nn.Module
    inputs: tuple[Any, ...]
    output: Any


@dataclass(frozen=True)
class LayerView:
    """One recurrent layer in one direction, over all steps that it ran.

    Attributes:
        name: l0, l0_reverse, l1, ...; `decoder.l0` of a decoder's own stack.
        module: Name of the module that holds its weights, such as `encoder.stacks.0`.
        suffix: What its weights' names end with there, such as `_l0_reverse`.
        activation: A key of ACTIVATIONS, of the candidate and of c.
        recurrent_activation: A key of ACTIVATIONS, of the gates.
        steps: Every step by `cells.py`; it holds no padded steps.
        padded: Steps of the window before the first that ran.
        fed: Steps at the end that are not of the window: forecasts fed back, or of a decoder of
            segments the first segment of the horizon.
        ran: Steps that ran in all, every segment of the horizon counted.
        time: Letters of the axis along which these lie.
        checks: By torch's layer, or where torch has no such activations in float64.
    """

    name: str
    module: str
    suffix: str
    activation: str
    recurrent_activation: str
    steps: LayerTrace
    padded: int
    fed: int
    ran: int
    time: str
    checks: list[Check]

    @property
    def window_steps(self) -> int:
        """Of the steps, those of the window."""
        return len(self.steps.steps) - self.fed

    @property
    def overflows_at(self) -> int | None:
        """The first step, in the order in which they run, whose h or c is not finite."""
        values = (
            self.steps.h if self.steps.c is None else torch.cat([self.steps.h, self.steps.c], 2)
        )
        broken = (~values.isfinite()).any(dim=2)[0].nonzero()[:, 0].tolist()
        if not broken:
            return None
        return self.padded + int(max(broken) if self.steps.reverse else min(broken))

    @property
    def count(self) -> int:
        """Steps, with the padded ones."""
        return self.padded + len(self.steps.steps)

    @property
    def gate_count(self) -> int:
        """Blocks of U rows in its weights."""
        return len(GATES[self.steps.mode]) or 1

    @property
    def units(self) -> int:
        """U."""
        return int(self.steps.weights.weight_hh.shape[0]) // self.gate_count

    @property
    def kind(self) -> str:
        """RNN, GRU or LSTM."""
        return self.steps.mode.partition("_")[0]


def is_recurrent(module: nn.Module) -> bool:
    """Whether a module is a stack of recurrent layers."""
    return isinstance(module, nn.RNNBase | StepwiseLayer)


def layer_views(calls: list[Call], lookback: int, time: str, ahead: str) -> Iterator[LayerView]:
    """Every recurrent layer and direction, with the steps of all its calls in order.

    Args:
        calls: Of all modules, for one window.
        lookback: Steps of the encoder, padded ones with them.
        time: Letters of their axis.
        ahead: Further inputs if the encoder continues over the horizon.
    """
    by_module: dict[str, list[Call]] = {}
    for call in calls:
        if is_recurrent(call.module):
            by_module.setdefault(call.name, []).append(call)
    for part, names in groupby(by_module, key=lambda name: name.partition(".")[0]):
        encodes = part == "encoder"
        below = 0  # layers of this part in the modules before
        for name in names:
            stack = by_module[name][0].module
            assert isinstance(stack, nn.RNNBase | StepwiseLayer)
            stepwise = stack if isinstance(stack, StepwiseLayer) else StepwiseLayer(stack)
            runs = [_run_again(stack, stepwise, call) for call in by_module[name]]
            whole = compared(
                f"{name}: outputs and final states, {_ways(stack)}",
                [pair for _, pairs in runs for pair in pairs],
            )
            for place, first in enumerate(runs[0][0]):
                steps = _joined([traces[place] for traces, _ in runs])
                end = "_reverse" if steps.reverse else ""
                label = f"l{below + steps.layer}{end}"
                fed = len(steps.steps) - (len(first.steps) if encodes else 0)
                segments = len(_inputs(by_module[name][-1]))
                letters = time + (ahead if fed else "")
                yield LayerView(
                    name=label if encodes else f"{part}.{label}",
                    module=name,
                    suffix=f"_l{steps.layer}{end}",
                    activation=_name_of(stepwise.activation),
                    recurrent_activation=_name_of(stepwise.recurrent_activation),
                    steps=steps,
                    padded=lookback - len(first.steps) if encodes else 0,
                    fed=fed,
                    ran=len(steps.steps) + segments - 1,
                    time=letters if encodes else "H",
                    checks=[whole, _step_by_step(stack, steps, f"{part} {label}")],
                )
            below += stack.num_layers


def _ways(stack: RecurrentLayer) -> str:
    if isinstance(stack, StepwiseLayer):
        return "again in float64"
    return f"by torch's {type(stack).__name__}"


def _name_of(activation: Activation) -> str:
    return next(name for name, value in ACTIVATIONS.items() if value is activation)


def _run_again(
    stack: RecurrentLayer, stepwise: StepwiseLayer, call: Call
) -> tuple[list[LayerTrace], list[tuple[Tensor, Tensor]]]:
    """A call computed by `cells.py`: its layers, outputs and final states, and the call's own."""
    inputs, state, lengths = (*call.inputs, None, None)[:3]
    outputs, final = call.output
    if isinstance(inputs, PackedSequence):
        inputs, lengths = pad_packed_sequence(inputs, batch_first=True)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True)
    if lengths is not None:
        inputs, outputs = inputs[:, : int(lengths[0])], outputs[:, : int(lengths[0])]
    traces = stepwise.record(inputs, state)
    shown = traces if len(inputs) == 1 else stepwise.record(inputs[:1], _of_first(state))
    if stepwise is stack:  # the call was by the same code: more digits are another way
        outputs, final = copy.deepcopy(stack).double()(inputs.double(), _as_double(state))
    last = traces[-2:] if stack.bidirectional else traces[-1:]
    pairs = [(torch.cat([trace.h for trace in last], dim=2), outputs)]
    for k, part in enumerate(final if isinstance(final, tuple) else (final,)):
        for place, trace in enumerate(traces):
            own = trace.final[k]
            assert own is not None
            pairs.append((own, part[place]))
    return shown, pairs


def _inputs(call: Call) -> Tensor:
    """(B, T, F) that a layer was given; B is 1, or of a decoder of segments their number."""
    inputs = call.inputs[0]
    if isinstance(inputs, PackedSequence):
        inputs, _ = pad_packed_sequence(inputs, batch_first=True)
    assert isinstance(inputs, Tensor)
    return inputs


def _of_first(state: State | None) -> State | None:
    """The states of the first of some windows."""
    if isinstance(state, tuple):
        return state[0][:, :1], state[1][:, :1]
    return None if state is None else state[:, :1]


def _as_double(state: State | None) -> State | None:
    if state is None:
        return None
    return (state[0].double(), state[1].double()) if isinstance(state, tuple) else state.double()


def _joined(traces: list[LayerTrace]) -> LayerTrace:
    """Consecutive calls as one; only a forward layer is called more than once."""
    first = traces[0]
    if len(traces) == 1:
        return first
    assert not first.reverse, "a reverse layer cannot continue"
    return replace(
        first,
        inputs=torch.cat([trace.inputs for trace in traces], dim=1),
        steps=[step for trace in traces for step in trace.steps],
        final=traces[-1].final,
    )


def _step_by_step(stack: RecurrentLayer, steps: LayerTrace, label: str) -> Check:
    """Every h and c of a layer, by another of its own that is given one step at a time."""
    options: dict[str, Any] = {"proj_size": stack.proj_size} if stack.proj_size else {}
    if steps.mode == "RNN_RELU":
        options["nonlinearity"] = "relu"
    weights = steps.weights
    layer = LAYERS[steps.mode[:4].strip("_").lower()](
        steps.inputs.shape[2], stack.hidden_size, bias=stack.bias, batch_first=True, **options
    )
    for field in fields(weights):
        values = getattr(weights, field.name)
        if values is not None:
            getattr(layer, f"{field.name}_l0").copy_(values)
    alone: RecurrentLayer = layer.to(steps.inputs.device)
    inputs, (h, c) = steps.inputs, steps.start
    if isinstance(stack, StepwiseLayer):
        names = (_name_of(stack.activation), _name_of(stack.recurrent_activation))
        alone = StepwiseLayer(layer, *names).double()
        inputs, h = inputs.double(), h.double()
        c = None if c is None else c.double()
    state: State = h[None] if c is None else (h[None], c[None])
    order = range(len(steps.steps))
    pairs: list[tuple[Tensor, Tensor]] = []
    for t in reversed(order) if steps.reverse else order:
        _, state = alone(inputs[:, t : t + 1], state)
        step = steps.steps[t]
        pairs.append((step.h, (state[0] if isinstance(state, tuple) else state)[0]))
        if isinstance(step, LSTMStep):
            pairs.append((step.c, state[1][0]))
    what = "every h and c" if steps.mode == "LSTM" else "every h"
    return compared(f"{label}: {what}, {_ways(stack)} a step at a time", pairs)

"""The cells of `cells.py` run over all steps, layers and directions of a torch layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from lstmcast.network.cells import (
    ACTIVATIONS,
    GATES,
    CellWeights,
    LSTMStep,
    Step,
    gru_step,
    lstm_step,
    rnn_step,
)

State = Tensor | tuple[Tensor, Tensor]
"""h of all layers and directions (L * D, B, U); of an LSTM (h, c); as torch's layers have it."""

CellState = tuple[Tensor, Tensor | None]
"""h (B, U) and c (B, U) of one layer and direction; c is None but for an LSTM."""


@dataclass(frozen=True)
class GateParts:
    """What one gate adds up before its activation, part by part.

    The sum of all four; in a GRU's n, the reset gate multiplies by_state + bias_hh.

    Attributes:
        by_input: (B, U) weights times inputs.
        by_state: (B, U) weights times the state before.
        bias_ih: (U,), or None for a layer without bias.
        bias_hh: (U,), or None.
    """

    by_input: Tensor
    by_state: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None


@dataclass(frozen=True)
class LayerTrace:
    """All steps of one layer in one direction; index t is the step at time t in both directions.

    Attributes:
        layer: 0 for the first.
        reverse: Whether it runs from the last step to the first.
        mode: LSTM, GRU, RNN_TANH or RNN_RELU, as torch's layers have it.
        weights: Of this layer and direction.
        inputs: (B, T, F) of the layer.
        start: h and c (None but for an LSTM) before the first step run: (B, U) each.
        steps: T steps.
        final: h and c after the last step run.
    """

    layer: int
    reverse: bool
    mode: str
    weights: CellWeights
    inputs: Tensor
    start: CellState
    steps: list[Step]
    final: CellState

    @cached_property
    def h(self) -> Tensor:
        """(B, T, U), with projection (B, T, P)."""
        return self._over_time("h")

    @cached_property
    def c(self) -> Tensor | None:
        """(B, T, U); None but for an LSTM."""
        return self._over_time("c") if self.mode == "LSTM" else None

    @cached_property
    def gates(self) -> dict[str, Tensor]:
        """(B, T, U) by name: i, f, g, o or r, z, n; an RNN has none."""
        return {name: self._over_time(name) for name in GATES[self.mode]}

    def before(self, t: int) -> CellState:
        """The h and c that the step at time t starts from."""
        first = len(self.steps) - 1 if self.reverse else 0
        if t == first:
            return self.start
        step = self.steps[t + 1 if self.reverse else t - 1]
        return step.h, step.c if isinstance(step, LSTMStep) else None

    def parts(self, t: int) -> dict[str, GateParts]:
        """The sum in each gate at time t; an RNN's only sum is that of `h`."""
        names = GATES[self.mode] or ("h",)
        weights, count = self.weights, len(names)
        by_input = (self.inputs[:, t] @ weights.weight_ih.T).chunk(count, dim=1)
        by_state = (self.before(t)[0] @ weights.weight_hh.T).chunk(count, dim=1)
        absent = (None,) * count
        bias_ih = absent if weights.bias_ih is None else weights.bias_ih.chunk(count)
        bias_hh = absent if weights.bias_hh is None else weights.bias_hh.chunk(count)
        columns = zip(by_input, by_state, bias_ih, bias_hh, strict=True)
        return {name: GateParts(*parts) for name, parts in zip(names, columns, strict=True)}

    def _over_time(self, name: str) -> Tensor:
        return torch.stack([getattr(step, name) for step in self.steps], dim=1)


class StepwiseLayer(nn.Module):
    """A recurrent layer like torch's, computed by the cells of `cells.py` with any activation.

    It takes over the layer's parameters under torch's own names, such as `weight_ih_l0`: first
    values and state dict are torch's, and a layer that lives on shares its weights. Attributes
    that describe the layer have torch's names too.

    Args:
        layer: `nn.RNN`, `nn.GRU` or `nn.LSTM`, batch first, without dropout.
        activation: A key of ACTIVATIONS, of the candidate (LSTM: g, and that on c; GRU: n; RNN: h);
            None: the layer's own, tanh or relu.
        recurrent_activation: A key of ACTIVATIONS, of the other gates; an RNN has none.
    """

    def __init__(
        self,
        layer: nn.RNNBase,
        activation: str | None = None,
        recurrent_activation: str = "sigmoid",
    ) -> None:
        super().__init__()
        assert layer.batch_first and not layer.dropout
        self.mode = layer.mode
        self.input_size = layer.input_size
        self.hidden_size = layer.hidden_size
        self.num_layers = layer.num_layers
        self.bidirectional = layer.bidirectional
        self.proj_size = layer.proj_size
        self.bias = layer.bias
        self.batch_first = True
        own = "relu" if layer.mode == "RNN_RELU" else "tanh"
        self.activation = ACTIVATIONS[activation or own]
        self.recurrent_activation = ACTIVATIONS[recurrent_activation]
        for name, parameter in layer.named_parameters():
            self.register_parameter(name, parameter)

    @property
    def is_lstm(self) -> bool:
        """Whether its state is (h, c)."""
        return self.mode == "LSTM"

    def forward(
        self, inputs: Tensor, state: State | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run all layers over a batch.

        Args:
            inputs: (B, T, F).
            state: Before the first step; None: zeros.
            lengths: (B,) steps of each window, all T where None. The rest is padding, which changes
                nothing: its outputs are 0, and the reverse direction starts before it.

        Returns:
            Outputs (B, T, D * U), with projection (B, T, D * P), and the state after the last step.
        """
        outputs, traces = self._run_layers(inputs, state, lengths)
        h = torch.stack([trace.final[0] for trace in traces])  # (L * D, B, U)
        if not self.is_lstm:
            return outputs, h
        return outputs, (h, torch.stack([_cell(trace.final) for trace in traces]))

    def record(self, inputs: Tensor, state: State | None = None) -> list[LayerTrace]:
        """Every step of every layer and direction, in torch's order: l0, l0_reverse, l1, ...

        Args:
            inputs: (B, T, F), no padding.
            state: Before the first step; None: zeros.
        """
        return self._run_layers(inputs, state, None)[1]

    def _run_layers(
        self, inputs: Tensor, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, list[LayerTrace]]:
        absent = None
        if lengths is not None:
            times = torch.arange(inputs.shape[1], device=inputs.device)
            absent = (times >= lengths.to(inputs.device)[:, None])[:, :, None]  # (B, T, 1)
            # Whatever stands there: a product with 0 in the gradients would keep its nan.
            inputs = inputs.masked_fill(absent, 0)
        traces: list[LayerTrace] = []
        for layer in range(self.num_layers):
            outputs = []
            for reverse in (False, True) if self.bidirectional else (False,):
                start = self._start(inputs, state, len(traces))
                trace = self._run_steps(layer, reverse, inputs, start, absent)
                outputs.append(trace.h if absent is None else trace.h.masked_fill(absent, 0))
                traces.append(trace)
            inputs = torch.cat(outputs, dim=2)  # (B, T, D * U)
        return inputs, traces

    def _start(self, inputs: Tensor, state: State | None, place: int) -> CellState:
        """State before the first step of one layer and direction, the place-th of all."""
        if state is None:
            h = inputs.new_zeros(len(inputs), self.proj_size or self.hidden_size)
            return h, inputs.new_zeros(len(inputs), self.hidden_size) if self.is_lstm else None
        if isinstance(state, tuple):
            return state[0][place], state[1][place]
        return state[place], None

    def _run_steps(
        self,
        layer: int,
        reverse: bool,
        inputs: Tensor,
        start: CellState,
        absent: Tensor | None,
    ) -> LayerTrace:
        """One layer in one direction; a window whose step is absent keeps its state."""
        weights = CellWeights.of(self, layer, reverse)
        state, steps = start, []
        by_time = list(enumerate(inputs.unbind(dim=1)))
        for t, x in reversed(by_time) if reverse else by_time:
            step = self._step(x, state, weights)
            steps.append(step)
            state = _state_after(step, state, None if absent is None else absent[:, t])
        if reverse:
            steps.reverse()
        return LayerTrace(layer, reverse, self.mode, weights, inputs, start, steps, final=state)

    def _step(self, x: Tensor, state: CellState, weights: CellWeights) -> Step:
        h = state[0]
        if self.mode == "LSTM":
            c = _cell(state)
            return lstm_step(x, h, c, weights, self.activation, self.recurrent_activation)
        if self.mode == "GRU":
            return gru_step(x, h, weights, self.activation, self.recurrent_activation)
        return rnn_step(x, h, weights, self.activation)


def _cell(state: CellState) -> Tensor:
    """The c of an LSTM's state."""
    assert state[1] is not None, "the state of an LSTM is (h, c)"
    return state[1]


def _state_after(step: Step, before: CellState, absent: Tensor | None) -> CellState:
    """State after a step; where absent (B, 1), that before it."""
    h, c = step.h, step.c if isinstance(step, LSTMStep) else None
    if absent is None:
        return h, c
    h = torch.where(absent, before[0], h)
    return h, None if c is None else torch.where(absent, _cell(before), c)

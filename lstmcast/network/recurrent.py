"""Stacks of recurrent layers: a width per layer, one or two directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstmcast.config import NetworkConfig
from lstmcast.network.kernel.gru import GRU
from lstmcast.network.kernel.lstm import LSTM
from lstmcast.network.sharded_random import draw_sharded, dropout
from lstmcast.network.stepwise import State, StepwiseLayer

LAYERS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "gru": GRU, "lstm": LSTM}
"""What `network.cell` names."""


RecurrentLayer = nn.RNNBase | StepwiseLayer
"""Layers of one width: torch's fused module, or the same step by step with other activations."""


@dataclass(frozen=True)
class Encoding:
    """The encoding of a batch of windows.

    Attributes:
        outputs: (B, T, D * U) of the last layer at every step.
        states: Final state of each stack.
        final: (B, U) the output of the last step, where it is a state; None: look in `outputs`.
    """

    outputs: Tensor
    states: list[State]
    final: Tensor | None = None

    @property
    def last(self) -> Tensor:
        """(B, D * U) of the last layer at the last step."""
        return self.outputs[:, -1] if self.final is None else self.final


class RecurrentEncoder(nn.Module):
    """RNN, GRU or LSTM layers on top of each other.

    Layers of one width without dropout between them are one fused torch module. Otherwise every
    layer is a module of its own, and dropout acts between the modules, where torch's own random
    state makes it reproducible on every device; it also acts on what the last layer gives on.

    Args:
        config: Cell, widths, directions, projection, bias, dropout, initial state, activations.
        inputs: F.
    """

    def __init__(self, config: NetworkConfig, inputs: int) -> None:
        super().__init__()
        fused = len(set(config.units)) == 1 and config.dropout == 0
        stacks = [(config.units[0], len(config.units))] if fused else [(u, 1) for u in config.units]
        self.precision = torch.float32
        self.initial_state = config.initial_state
        self.directions = 2 if config.bidirectional else 1
        self.dropout = config.dropout
        stacked: list[RecurrentLayer] = []
        width = inputs
        for units, layers in stacks:
            stacked.append(_build(config, width, units, layers))
            width = self.directions * (config.projection or units)
        self.inputs, self.width = inputs, width
        self.stacks = nn.ModuleList(stacked)
        self.learned = nn.ParameterList()
        if self.initial_state == "learned":
            shapes = [shape for stack in stacked for shape in state_shapes(stack)]
            self.learned.extend(nn.Parameter(torch.zeros(shape)) for shape in shapes)

    def layers(self) -> list[RecurrentLayer]:
        """The stacks, first to last."""
        return cast(list[RecurrentLayer], list(self.stacks))

    def state_width(self) -> int:
        """Numbers in the final states of all layers and directions of one window."""
        return sum(layers * units for s in self.layers() for layers, _, units in state_shapes(s))

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Encoding:
        """Run all layers over a batch.

        Args:
            inputs: (B, T, F).
            mask: (B, T) 0 where padded on the left. Padding never reaches a layer.
        """
        if mask is None:
            return self.run(inputs, self.first_states(inputs))
        lengths = mask.sum(dim=1).long()
        shifted = _shift(inputs, lengths - inputs.shape[1])  # padding moves to the right
        encoding = self.run(shifted, self.first_states(inputs), lengths)
        outputs = _shift(encoding.outputs, inputs.shape[1] - lengths)
        return replace(encoding, outputs=outputs)

    def run(
        self, inputs: Tensor, states: Sequence[State | None], lengths: Tensor | None = None
    ) -> Encoding:
        """Run all layers from given states; with lengths, over each window's first steps only."""
        outputs, finals = inputs, []
        run = _run_narrow if self.training and self.precision == torch.bfloat16 else _run
        for stack, state in zip(self.layers(), states, strict=True):
            outputs, final = run(stack, outputs, state, lengths)  # (B, T, D * U)
            time_first = lengths is None and not isinstance(stack, StepwiseLayer)
            outputs = dropout(outputs, self.dropout, self.training, time_first)
            finals.append(final)
        # Taken from the state, its gradient need not be spread over the outputs of all steps.
        is_state = self.directions == 1 and not (self.dropout and self.training)
        hidden = final[0] if isinstance(final, tuple) else final
        top = hidden.squeeze(0) if len(hidden) == 1 else hidden[-1]
        return Encoding(outputs, finals, top if is_state else None)

    def first_states(self, like: Tensor) -> list[State | None]:
        """Initial state of each stack; None means zeros, also for `random` in forecasting."""
        zeros = self.initial_state == "zeros"
        if zeros or (self.initial_state == "random" and not self.training):
            return [None] * len(self.stacks)
        states: list[State | None] = []
        learned = iter(self.learned)
        for stack in self.layers():
            parts = []
            for layers, _, units in state_shapes(stack):
                shape = (layers, len(like), units)
                if self.initial_state == "learned":
                    parts.append(next(learned).expand(shape).contiguous())
                else:
                    normal = partial(torch.randn, device=like.device, dtype=like.dtype)
                    parts.append(draw_sharded(normal, shape, axis=1).contiguous())
            states.append(parts[0] if len(parts) == 1 else (parts[0], parts[1]))
        return states


def _build(config: NetworkConfig, inputs: int, units: int, layers: int) -> RecurrentLayer:
    """Layers of one width, by torch if it has their activations."""
    options: dict[str, object] = {"proj_size": config.projection} if config.projection else {}
    own = config.activation == "tanh"
    if config.cell == "rnn" and config.activation == "relu":
        own, options["nonlinearity"] = True, "relu"
    layer = LAYERS[config.cell](
        inputs,
        units,
        num_layers=layers,
        bias=config.bias,
        batch_first=True,
        bidirectional=config.bidirectional,
        **options,
    )
    if own and config.recurrent_activation == "sigmoid":
        return layer
    return StepwiseLayer(layer, config.activation, config.recurrent_activation)


def state_shapes(stack: RecurrentLayer) -> list[tuple[int, int, int]]:
    """(L * D, 1, U) of h, and of c for an LSTM."""
    layers = stack.num_layers * (2 if stack.bidirectional else 1)
    hidden = (layers, 1, stack.proj_size or stack.hidden_size)
    return [hidden, (layers, 1, stack.hidden_size)] if stack.mode == "LSTM" else [hidden]


def _run(
    stack: RecurrentLayer, inputs: Tensor, state: State | None, lengths: Tensor | None
) -> tuple[Tensor, State]:
    """(B, T, F) -> (B, T, D * U) and the final state."""
    outputs: Tensor
    final: State
    if isinstance(stack, StepwiseLayer):
        outputs, final = stack(inputs, state, lengths)
        return outputs, final
    if lengths is None:
        outputs, final = stack(inputs, state)
        return outputs, final
    packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
    packed_outputs, final = stack(packed, state)
    outputs, _ = pad_packed_sequence(packed_outputs, batch_first=True, total_length=inputs.shape[1])
    return outputs, final


def _run_narrow(
    stack: RecurrentLayer, inputs: Tensor, state: State | None, lengths: Tensor | None
) -> tuple[Tensor, State]:
    """The same with products of bf16 numbers; what comes out is float32 again."""
    with torch.autocast(inputs.device.type, torch.bfloat16):
        outputs, final = _run(stack, inputs, state, lengths)
    if isinstance(final, tuple):
        return outputs.float(), (final[0].float(), final[1].float())
    return outputs.float(), final.float()


def _shift(steps: Tensor, by: Tensor) -> Tensor:
    """Roll the steps (B, T, F) of each window forward by its own number (B,)."""
    length = steps.shape[1]
    place = torch.arange(length, device=steps.device)[None, :] - by[:, None]
    return steps.gather(1, (place % length)[:, :, None].expand_as(steps))

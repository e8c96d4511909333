"""Stacks of recurrent layers: a width per layer, one or two directions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lstmcast.config import NetworkConfig

# A projected LSTM runs all the same, only without oneDNN; users can do nothing about it.
warnings.filterwarnings("ignore", message="LSTM with projections is not supported with oneDNN")

LAYERS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
"""What `network.cell` names."""


@dataclass(frozen=True)
class Encoding:
    """What an encoder knows of a batch of windows.

    Attributes:
        outputs: (B, T, D * U) of the last layer at every step.
        last: (B, D * U) of the last layer at the last step.
    """

    outputs: Tensor
    last: Tensor


class RecurrentEncoder(nn.Module):
    """RNN, GRU or LSTM layers on top of each other.

    Layers of one width without dropout between them are one fused torch module. Otherwise every
    layer is a module of its own and dropout acts between the modules, where torch's own random
    state makes it reproducible on every device; it also acts on what the last layer gives on.

    Args:
        config: Cell, widths, directions, projection, bias, dropout, initial state.
        inputs: F.
    """

    def __init__(self, config: NetworkConfig, inputs: int) -> None:
        super().__init__()
        fused = len(set(config.units)) == 1 and config.dropout == 0
        stacks = [(config.units[0], len(config.units))] if fused else [(u, 1) for u in config.units]
        self.initial_state = config.initial_state
        self.directions = 2 if config.bidirectional else 1
        self.dropout = nn.Dropout(config.dropout)
        stacked: list[nn.RNNBase] = []
        width = inputs
        for units, layers in stacks:
            options = {"proj_size": config.projection} if config.projection else {}
            stacked.append(
                LAYERS[config.cell](
                    width,
                    units,
                    num_layers=layers,
                    bias=config.bias,
                    batch_first=True,
                    bidirectional=config.bidirectional,
                    **options,
                )
            )
            width = self.directions * (config.projection or units)
        self.width = width
        self.stacks = nn.ModuleList(stacked)
        self.learned = nn.ParameterList()
        if self.initial_state == "learned":
            shapes = [shape for stack in stacked for shape in _state_shapes(stack)]
            self.learned.extend(nn.Parameter(torch.zeros(shape)) for shape in shapes)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Encoding:
        """Run all layers over a batch.

        Args:
            inputs: (B, T, F).
            mask: (B, T) 0 where padded on the left. Padding never reaches a layer.
        """
        lengths = None
        if mask is not None:
            lengths = mask.sum(dim=1).long()
            inputs = _shift(inputs, lengths - inputs.shape[1])  # padding moves to the right
        outputs, learned = inputs, list(self.learned)
        for stack in self.stacks:
            assert isinstance(stack, nn.RNNBase)
            state = self._state(stack, len(inputs), inputs, learned)
            outputs = self.dropout(_run(stack, outputs, state, lengths))  # (B, T, D * U)
        if lengths is not None:
            outputs = _shift(outputs, inputs.shape[1] - lengths)
        return Encoding(outputs, outputs[:, -1])

    def _state(
        self, stack: nn.RNNBase, batch: int, like: Tensor, learned: list[Tensor]
    ) -> Tensor | tuple[Tensor, Tensor] | None:
        """Initial h, or (h, c); None stands for zeros. Random states are zeros in forecasting."""
        if self.initial_state == "zeros" or (self.initial_state == "random" and not self.training):
            return None
        states = []
        for layers, one, units in _state_shapes(stack):
            if self.initial_state == "learned":
                states.append(learned.pop(0).expand(layers, batch, units).contiguous())
            else:
                states.append(
                    torch.randn(layers, batch * one, units, device=like.device, dtype=like.dtype)
                )
        return states[0] if len(states) == 1 else (states[0], states[1])


def _state_shapes(stack: nn.RNNBase) -> list[tuple[int, int, int]]:
    """(L * D, 1, U) of h, and of c for an LSTM."""
    layers = stack.num_layers * (2 if stack.bidirectional else 1)
    hidden = (layers, 1, stack.proj_size or stack.hidden_size)
    return [hidden, (layers, 1, stack.hidden_size)] if isinstance(stack, nn.LSTM) else [hidden]


def _run(
    stack: nn.RNNBase,
    inputs: Tensor,
    state: Tensor | tuple[Tensor, Tensor] | None,
    lengths: Tensor | None,
) -> Tensor:
    """(B, T, F) -> (B, T, D * U); with lengths, only each window's first steps are run."""
    if lengths is None:
        outputs: Tensor = stack(inputs, state)[0]
        return outputs
    packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
    outputs, _ = pad_packed_sequence(
        stack(packed, state)[0], batch_first=True, total_length=inputs.shape[1]
    )
    return outputs


def _shift(steps: Tensor, by: Tensor) -> Tensor:
    """Roll the steps (B, T, F) of each window forward by its own number (B,)."""
    length = steps.shape[1]
    place = torch.arange(length, device=steps.device)[None, :] - by[:, None]
    return steps.gather(1, (place % length)[:, :, None].expand_as(steps))

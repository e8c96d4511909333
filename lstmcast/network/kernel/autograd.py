"""LSTM and GRU layers on a CPU with AVX-512 or AVX2, by code of our own (layer.c).

torch hands an LSTM to oneDNN, which arranges the weights anew for the product of every step, and
computes a GRU operation by operation. Here weights are arranged once, gates are made while their
sums are still in registers, and threads share the windows of a batch, so that no step waits for
another thread.

layer.c is compiled when lstmcast is installed, where there is a C compiler (hatch_build.py).
Without it, or on another processor, torch's layers do the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from lstmcast.network.kernel.call import (
    Layer,
    is_gru,
    padded,
    parts_of,
    run,
)
from lstmcast.network.kernel.load import library

FEWEST_STEPS, FEWEST_WINDOWS = 5, 4
"""Below, arranging the weights costs more than it saves; and a tile has several windows."""


def runs_here(stack: nn.RNNBase, inputs: Any) -> bool:
    """Whether `run_layers` can do what torch's layers would do, and is faster."""
    return (
        type(inputs) is Tensor
        and inputs.dim() == 3
        and inputs.shape[2] == stack.input_size
        and inputs.shape[1] >= FEWEST_STEPS
        and len(inputs) >= FEWEST_WINDOWS
        and stack.batch_first
        and not stack.proj_size
        and not (stack.dropout and stack.training)
        and not torch.is_autocast_enabled("cpu")
        and library() is not None
        and all(_is_plain(each) for layer in stack.all_weights for each in (inputs, *layer))
    )


def _is_plain(values: Tensor) -> bool:
    return values.device.type == "cpu" and values.dtype == torch.float32


def run_layers(
    stack: nn.RNNBase, inputs: Tensor, first: Sequence[Tensor] | None
) -> tuple[Tensor, list[Tensor]]:
    """What torch's LSTM or GRU gives: outputs (B, T, D * U), and the last states.

    Args:
        stack: As `runs_here` demands.
        inputs: (B, T, F).
        first: h, and c of an LSTM, (L * D, B, U) each, as the last states are; None: zeros.
    """
    node: Any = _Layer  # torch gives `apply` no types
    trained = torch.is_grad_enabled()
    steps = inputs.transpose(0, 1)  # (T, B, F)
    last: list[Sequence[Tensor]] = []
    for _ in range(stack.num_layers):
        outputs = []
        for reverse in (False, True)[: 2 if stack.bidirectional else 1]:
            number = len(last)
            weights: list[Tensor | None] = [w.contiguous() for w in stack.all_weights[number]]
            weights += [None] * (4 - len(weights))  # there may be no bias
            given = (None, None) if first is None else (*(part[number] for part in first), None)
            ordered = steps.flip(0) if reverse else steps
            states, *ends = node.apply(trained, ordered, *given[:2], *weights)
            outputs.append(states.flip(0) if reverse else states)
            last.append(ends)
        steps = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=2)
    return steps.transpose(0, 1), [_stacked(parts) for parts in zip(*last, strict=True)]


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    """(1, B, U) each -> (L * D, B, U)."""
    return parts[0] if len(parts) == 1 else torch.cat(tuple(parts))


class _Layer(torch.autograd.Function):
    """(T, B, F), h and c (B, U) or None, weights -> (T, B, U), and (1, B, U) last h, LSTM's c."""

    @staticmethod
    def forward(
        ctx: Any,
        trained: bool,
        inputs: Tensor,
        state: Tensor | None,
        cell: Tensor | None,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor | None,
        bias_hh: Tensor | None,
    ) -> tuple[Tensor, ...]:
        inputs = _in_rows(inputs)
        steps, windows, _ = inputs.shape
        units, gru, new = weight_hh.shape[1], is_gru(weight_hh), inputs.new_empty
        width = padded(units)
        states = new(steps + 1, windows, width)
        cells = None if gru else new(steps + 1 if trained else 1, windows, width)
        gates = new(steps, windows, 4 * width) if trained else None
        # Copies of the last states: a view, kept by itself, would hold those of all steps.
        ends = [new(1, windows, units) for _ in range(1 if gru else 2)]
        weights = (weight_ih, weight_hh, bias_ih, bias_hh)
        layer = _layer_of(inputs, weights, states, cells, gates)
        layer.tell(
            first_state=None if state is None else state.to(inputs).contiguous(),
            first_cell=None if cell is None else cell.to(inputs).contiguous(),
            last_state=ends[0],
            last_cell=None if gru else ends[1],
        )
        run(layer, back=False)
        if trained:
            ctx.save_for_backward(inputs, *weights, states, cells, gates)
            ctx.spent = False
        ctx.set_materialize_grads(False)
        return states[1:, :, :units], *ends

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_states: Tensor | None, *d_last: Tensor | None) -> Any:
        inputs, *weights, states, cells, gates = ctx.saved_tensors
        steps, windows, features = inputs.shape
        layer = _layer_of(inputs, weights, states, cells, gates)
        if ctx.spent:  # the gates became their gradients the first time
            layer.tell(
                first_state=_first(states, layer.units), first_cell=_first(cells, layer.units)
            )
            run(layer, back=False)
        ctx.spent = True
        new = inputs.new_empty
        d_last = tuple(None if each is None else each.contiguous() for each in d_last)
        d_outputs = None if d_states is None else _wide(d_states, padded(layer.units))
        d_first = [new(windows, layer.units) if n else None for n in ctx.needs_input_grad[2:4]]
        d_inputs = new(steps, windows, padded(features)) if ctx.needs_input_grad[1] else None
        d_weights = [None if each is None else new(*each.shape) for each in weights]
        layer.tell(
            d_outputs=d_outputs,
            d_output_step=0 if d_outputs is None else d_outputs.stride(0),
            d_output_row=0 if d_outputs is None else d_outputs.stride(1),
            d_last_state=d_last[0],
            d_last_cell=d_last[1] if len(d_last) > 1 else None,
            d_first_state=d_first[0],
            d_first_cell=d_first[1],
            d_inputs=d_inputs,
            d_weight_ih=d_weights[0],
            d_weight_hh=d_weights[1],
            d_bias_ih=d_weights[2],
            d_bias_hh=d_weights[3],
        )
        run(layer, back=True)
        return (
            None,
            None if d_inputs is None else d_inputs[:, :, :features],
            *d_first,
            *d_weights,
        )


def _layer_of(
    inputs: Tensor,
    weights: Sequence[Tensor | None],
    states: Tensor,
    cells: Tensor | None,
    gates: Tensor | None,
) -> Layer:
    """The fields that both calls need."""
    weight_ih, weight_hh, bias_ih, bias_hh = weights
    assert weight_hh is not None, "every layer has one"
    steps, windows, features = inputs.shape
    units = weight_hh.shape[1]
    layer = Layer(
        steps, windows, features, units, parts_of(windows, 4 * units * (features + units))
    )
    layer.tell(
        gru=cells is None,
        inputs=inputs,
        input_step=inputs.stride(0),
        input_row=inputs.stride(1),
        weight_ih=weight_ih,
        weight_hh=weight_hh,
        bias_ih=bias_ih,
        bias_hh=bias_hh,
        states=states,
        cells=cells,
        cell_step=0 if cells is None or gates is None else cells.stride(0),
        gates=gates,
    )
    return layer


def _first(states: Tensor | None, units: int) -> Tensor | None:
    """The states that the steps began with, (B, U)."""
    return None if states is None else states[0, :, :units].contiguous()


def _in_rows(steps: Tensor) -> Tensor:
    """The same numbers, contiguous along the last axis."""
    return steps if steps.stride(-1) == 1 else steps.contiguous()


def _wide(states: Tensor, width: int) -> Tensor:
    """(..., U) -> (..., U'), padded with zeros at the end."""
    missing = width - states.shape[-1]
    return pad(states, (0, missing)) if missing else _in_rows(states)

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

from lstmcast.network.kernel import (
    Layer,
    is_gru,
    library,
    pack_columns,
    pack_gates,
    padded,
    parts_of,
    run,
    unpack_gradients,
)

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
    return parts[0].unsqueeze(0) if len(parts) == 1 else torch.stack(tuple(parts))


class _Layer(torch.autograd.Function):
    """(T, B, F), h and c (B, U) or None, and weights -> (T, B, U), the last h, an LSTM's last c."""

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
        units = weight_hh.shape[1]
        width = padded(units)
        states = inputs.new_empty(steps + 1, windows, width)
        cells = None
        if not is_gru(weight_hh):
            cells = inputs.new_empty(steps + 1 if trained else 1, windows, width)
        for whole, first in ((states, state), (cells, cell)):
            if whole is None:
                continue
            if first is None or units < width:
                whole[0].zero_()
            if first is not None:
                whole[0, :, :units] = first
        gates = inputs.new_empty(steps, windows, 4 * width) if trained else None
        weights = (weight_ih, weight_hh, bias_ih, bias_hh)
        _run_forward(_layer_of(inputs, states, cells, gates, units), weights)
        if trained:
            ctx.save_for_backward(inputs, *weights, states, cells, gates)
            ctx.spent = False
        ctx.set_materialize_grads(False)
        # The last state is a copy: kept by itself, it would hold those of all steps.
        ends = [part[-1, :, :units].clone() for part in (states, cells) if part is not None]
        return states[1:, :, :units], *ends

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_states: Tensor | None, *d_last: Tensor | None) -> Any:
        inputs, *weights, states, cells, gates = ctx.saved_tensors
        weight_ih, weight_hh, *_ = weights
        steps, windows, features = inputs.shape
        units = weight_hh.shape[1]
        layer = _layer_of(inputs, states, cells, gates, units)
        if ctx.spent:  # the gates became their gradients the first time
            _run_forward(layer, weights)
        ctx.spent = True
        width, new = padded(units), weight_hh.new_empty
        d_inputs = new(steps, windows, padded(features)) if ctx.needs_input_grad[1] else None
        d_outputs = None if d_states is None else _wide(d_states, width)
        d_ends = weight_hh.new_zeros(2, windows, width)  # of h and c; the last become the first
        for whole, last in zip(d_ends, d_last, strict=False):  # a GRU has no c
            if last is not None:
                whole[:, :units] = last
        d_weights = new(layer.parts, features + units + 1, 4 * width)
        layer.tell(
            state_panels=pack_columns(weight_hh, weight_hh),
            input_panels=None if d_inputs is None else pack_columns(weight_ih, weight_hh),
            d_outputs=d_outputs,
            d_output_step=0 if d_outputs is None else d_outputs.stride(0),
            d_output_row=0 if d_outputs is None else d_outputs.stride(1),
            d_state=d_ends[0],
            d_cell=d_ends[1],
            d_inputs=d_inputs,
            d_weights=d_weights,
        )
        run(layer, back=True)
        return (
            None,
            None if d_inputs is None else d_inputs[:, :, :features],
            d_ends[0, :, :units] if ctx.needs_input_grad[2] else None,
            d_ends[1, :, :units] if ctx.needs_input_grad[3] else None,
            *unpack_gradients(d_weights, weights),
        )


def _layer_of(
    inputs: Tensor, states: Tensor, cells: Tensor | None, gates: Tensor | None, units: int
) -> Layer:
    """What both calls are told."""
    weights = 4 * units * (inputs.shape[2] + units)
    layer = Layer(*inputs.shape, units, parts_of(inputs.shape[1], weights))
    layer.tell(
        gru=cells is None,
        inputs=inputs,
        input_step=inputs.stride(0),
        input_row=inputs.stride(1),
        states=states,
        cells=cells,
        cell_step=0 if cells is None or gates is None else cells.stride(0),
        gates=gates,
    )
    return layer


def _run_forward(layer: Layer, weights: Sequence[Tensor | None]) -> None:
    weight_ih, weight_hh, *biases = weights
    assert weight_ih is not None and weight_hh is not None, "every layer has them"
    panels, bias = pack_gates(weight_ih, weight_hh, *biases)
    layer.tell(panels=panels, bias=bias)
    run(layer, back=False)


def _in_rows(steps: Tensor) -> Tensor:
    """The same numbers, those of the last axis one behind the other."""
    return steps if steps.stride(-1) == 1 else steps.contiguous()


def _wide(states: Tensor, width: int) -> Tensor:
    """(..., U) -> (..., U'), zeros behind."""
    missing = width - states.shape[-1]
    return pad(states, (0, missing)) if missing else _in_rows(states)

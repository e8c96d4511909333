"""GRU layers: by our compiled code, or for training on a CPU in a fifth of torch's operations.

On a CPU torch has a layer for LSTMs (oneDNN's), but runs a GRU operation by operation, and keeps a
node of its graph for each. Where our compiled code does not run, all steps of a layer are one node
here: one product for the inputs of all steps, one and five short passes in each step, and one
product for each weight's gradient.

    r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)      z likewise
    n = tanh(W_in x + b_in + r * (W_hn h + b_hn))
    h' = n + z * (h - n)

Source: Cho et al. 2014, in the form of torch.nn.GRU.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lstmcast.network.kernel.autograd import run_layers, runs_here

SMALL = 128 * 64
"""Windows in a batch times units up to which this is faster: at 32 times 64 a step takes 1.7 times
longer with torch.nn.GRU, at 128 times 64 1.1 times; above that both take as long."""

sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input
"""(gradient of the output, output) -> gradient of the input, in one pass."""


class GRU(nn.GRU):
    """torch's GRU layers, computed by code of our own where that is possible and worth it."""

    def forward(self, inputs: Any, state: Any = None) -> Any:
        """What torch.nn.GRU gives of inputs, or packed inputs, and first states."""
        if runs_here(self, inputs):
            if state is not None:
                self.check_forward_args(inputs, state, None)
            outputs, last = run_layers(self, inputs, None if state is None else [state])
            return outputs, last[0]
        plain = type(inputs) is Tensor and inputs.dim() == 3 and inputs.device.type == "cpu"
        if plain and len(inputs) * self.hidden_size <= SMALL and torch.is_grad_enabled():
            return run_gru(self, inputs, state)
        return super().forward(inputs, state)


def run_gru(stack: nn.GRU, inputs: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
    """What `stack(inputs, state)` gives.

    Args:
        stack: Batch first, without dropout, on a CPU.
        inputs: (B, T, F).
        state: (L * D, B, U); None: zeros.
    """
    node: Any = _GRULayer  # torch gives `apply` no types
    steps = inputs.transpose(0, 1)  # (T, B, F)
    finals: list[Tensor] = []
    for layer in range(stack.num_layers):
        outputs = []
        for suffix in ("", "_reverse") if stack.bidirectional else ("",):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            weights = [getattr(stack, f"{n}_l{layer}{suffix}", None) for n in names]
            first = state[len(finals)] if state is not None else None
            ordered = steps.flip(0) if suffix else steps
            states = node.apply(ordered, first, *weights)  # (T, B, U)
            finals.append(states[-1])
            outputs.append(states.flip(0) if suffix else states)
        steps = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=2)
    return steps.transpose(0, 1), torch.stack(finals)


class _GRULayer(torch.autograd.Function):
    """(T, B, F), (B, U) or None, and the weights of one direction -> (T, B, U)."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        first: Tensor | None,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor | None,
        bias_hh: Tensor | None,
    ) -> Tensor:
        length, count, _ = inputs.shape
        units = weight_hh.shape[1]
        flat = inputs.reshape(length * count, -1)
        by_input = (
            flat @ weight_ih.T if bias_ih is None else torch.addmm(bias_ih, flat, weight_ih.T)
        )
        by_input = by_input.view(length, count, 3 * units)
        by_state = inputs.new_empty(length, count, 3 * units)  # becomes r, z and W_hn h + b_hn
        states = inputs.new_empty(length + 1, count, units)
        states[0] = 0 if first is None else first
        across = weight_hh.T.contiguous()
        bias = across.new_zeros(3 * units) if bias_hh is None else bias_hh
        gates, new_by_state = by_state[:, :, : 2 * units], by_state[:, :, 2 * units :]
        z = by_state[:, :, units : 2 * units]
        r, new = by_state[:, :, :units], by_input[:, :, 2 * units :]  # `new` becomes n
        views = (by_state, gates, by_input[:, :, : 2 * units], r, z, new, new_by_state)
        before = states[0]
        for whole, both, added, r_t, z_t, n, h_n, after in zip(
            *(each.unbind(0) for each in views), states[1:].unbind(0), strict=True
        ):
            torch.addmm(bias, before, across, out=whole)
            both.add_(added).sigmoid_()
            n.addcmul_(r_t, h_n).tanh_()
            torch.lerp(n, before, z_t, out=after)
            before = after
        ctx.save_for_backward(inputs, weight_ih, weight_hh, by_state, new, states)
        ctx.biased = bias_ih is not None
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        inputs, weight_ih, weight_hh, by_state, new, states = ctx.saved_tensors
        length, count, units = new.shape
        r, z, h_n = by_state.split(units, dim=2)
        # Of r, z, W_hn h + b_hn and n before their activations, side by side.
        found = inputs.new_empty(length, count, 4 * units)
        d_r, d_z, d_hn, d_n = found.split(units, dim=2)
        # First what the gradient of h' is to be multiplied with, for all steps.
        tanh_backward(1 - z, new, grad_input=d_n)
        sigmoid_backward(states[:-1] - new, z, grad_input=d_z)
        sigmoid_backward(h_n, r, grad_input=d_r)
        to_state = found[:, :, : 3 * units]
        d_h = torch.zeros_like(states[0])
        views = (gradient, d_r, d_z, d_hn, d_n, r, z, to_state)
        for given, d_r_t, d_z_t, d_hn_t, d_n_t, r_t, z_t, to_state_t in zip(
            *(reversed(each.unbind(0)) for each in views), strict=True
        ):
            d_h.add_(given)
            d_n_t.mul_(d_h)
            d_z_t.mul_(d_h)
            d_r_t.mul_(d_n_t)
            torch.mul(d_n_t, r_t, out=d_hn_t)
            d_h.mul_(z_t).addmm_(to_state_t, weight_hh)
        flat = found.view(length * count, 4 * units)
        by_input = torch.cat([flat[:, : 2 * units], flat[:, 3 * units :]], dim=1)
        by_state = flat[:, : 3 * units]
        d_inputs = None
        if ctx.needs_input_grad[0]:
            d_inputs = (by_input @ weight_ih).view_as(inputs)
        return (
            d_inputs,
            d_h if ctx.needs_input_grad[1] else None,
            by_input.T @ inputs.reshape(length * count, -1),
            by_state.T @ states[:-1].view(length * count, units),
            by_input.sum(dim=0) if ctx.biased else None,
            by_state.sum(dim=0) if ctx.biased else None,
        )

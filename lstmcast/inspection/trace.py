"""One window followed through a network: every layer's input, output, gates and states.

The network runs as it always does, and hooks write down what goes into and comes out of each of its
modules. Every call of a recurrent layer is then computed again by the cells of `cells.py`, which
also give the gates, and compared with what torch's layer gave.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from lstmcast.inspection.tolerance import Check, compared
from lstmcast.inspection.verify_layers import Call, LayerView, layer_views
from lstmcast.network.decoder import Context
from lstmcast.network.decoders import DirectDecoder
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.heads import Units
from lstmcast.network.normalize import Level, normalize_window
from lstmcast.network.segments import SegmentsDecoder
from lstmcast.windows.batches import Batch


@dataclass(frozen=True)
class Trace:
    """What happens to one window; with independent channels, to its first target alone.

    Attributes:
        batch: The window, B = 1, scaled, with all targets.
        calls: Of all modules, in the order in which they ended.
        layers: Every recurrent layer and direction, in the order in which they ran.
        context: What the decoder saw: the encoder's inputs, outputs and final states.
        level: What `normalize` took out of the window; None for `none`.
        decoded: (1, H, C, head width) what the decoder gave.
        skipped: (1, H, C, 1) what the linear path added to `decoded`; None without one.
        forecast: (1, H, C), in the units of the batch.
        exact: (1, H, C) the same again in float64, from what the last linear layer was given.
        readout: (1, W) what a direct decoder reads of the encoder; None of the others.
        checks: Of the forecast.
    """

    batch: Batch
    calls: list[Call]
    layers: list[LayerView]
    context: Context
    level: Level | None
    decoded: Tensor
    skipped: Tensor | None
    forecast: Tensor
    exact: Tensor
    readout: Tensor | None
    checks: list[Check]

    def all_checks(self) -> list[Check]:
        """Those of every layer, and of the forecast."""
        return [check for layer in self.layers for check in layer.checks] + self.checks

    def head_call(self) -> Call:
        """The last call of the linear layer that makes the forecast."""
        return last_linear(self.calls)


@torch.no_grad()
def trace_window(network: Forecaster, batch: Batch) -> Trace:
    """Follow one window through a network in evaluation mode.

    Args:
        network: Any Forecaster; left in evaluation mode.
        batch: One window.
    """
    assert len(batch) == 1, f"a trace follows one window, got {len(batch)}"
    network.eval()
    alone = first_target(network, network.split(batch))
    forecast, calls = record_calls(network, batch, alone)
    context = network.encode(alone)
    decoded = _output_of(network.decoder, calls)
    skipped = None if network.skip is None else _output_of(network.skip, calls)
    exact = _forecast_again(network, alone, calls, decoded, skipped, context.units)
    decoder = network.decoder
    axes = ("T" if network.segments is None else "T/s"), "+H-1"
    if isinstance(decoder, SegmentsDecoder):
        axes = axes[0], "+N"
    readout = None
    if isinstance(decoder, DirectDecoder):
        readout = decoder.readout(context.encoding, context.mask)
    return Trace(
        batch=batch,
        calls=calls,
        layers=list(layer_views(calls, context.encoding.outputs.shape[1], *axes)),
        context=context,
        level=context.units.level,
        decoded=decoded,
        skipped=skipped,
        forecast=forecast,
        exact=exact,
        readout=readout,
        checks=[
            compared(
                "every linear layer's outputs, again in float64",
                [
                    (_linear_again(call.module, call.inputs[0]), call.output)
                    for call in calls
                    if isinstance(call.module, nn.Linear)
                ],
            ),
            compared("the forecast (H, C), at its level again, in float64", [(exact, forecast)]),
        ],
    )


def _linear_again(linear: nn.Linear, inputs: Tensor) -> Tensor:
    """`W x + b` in float64, as a product and a sum of torch's rather than its linear layer."""
    outputs = torch.einsum("...i,oi->...o", inputs.double(), linear.weight.double())
    return outputs if linear.bias is None else outputs + linear.bias.double()


def first_target(network: Forecaster, batch: Batch) -> Batch:
    """Of a batch that `split` gave, the first window: that of the first target, if they are apart.

    Without independent channels it is all there is.
    """
    parts = {field.name: getattr(batch, field.name) for field in fields(batch)}
    first: dict[str, Any] = {
        name: part if part is None else part[:1] for name, part in parts.items()
    }
    return Batch(**first)


def _output_of(module: nn.Module, calls: list[Call]) -> Tensor:
    """What a module gave when it was last called."""
    output: Tensor = [call.output for call in calls if call.module is module][-1]
    return output


def _forecast_again(
    network: Forecaster,
    batch: Batch,
    calls: list[Call],
    decoded: Tensor,
    skipped: Tensor | None,
    units: Units,
) -> Tensor:
    """(1, H, C) in float64: the linear layer that forecasts, the head, the window's level."""
    linear = last_linear(calls).module
    assert isinstance(linear, nn.Linear)
    rows = [
        _linear_again(linear, call.inputs[0]).reshape(-1, linear.out_features)
        for call in calls
        if call.module is linear
    ]
    again = torch.cat(rows)
    if not isinstance(network.decoder, SegmentsDecoder):
        again = again[-(decoded.numel() // linear.out_features) :]  # of every_step, the last step
    again = again.reshape(1, -1, *decoded.shape[2:])[:, : decoded.shape[1]]
    if skipped is not None:
        again = torch.cat([again[..., :1] + skipped.double(), again[..., 1:]], dim=-1)
    mask = None if batch.mask is None else batch.mask.double()
    level = normalize_window(
        network.normalize,
        batch.inputs.double(),
        network.inner.targets,
        mask,
        network.sizes.season,
        network.sizes.horizon,
    ).level
    center, scale = (
        None if part is None else part.double() for part in (units.center, units.scale)
    )
    return network.head.read(again, Units(level, center, scale)).point()


def last_linear(calls: list[Call]) -> Call:
    """The last call of the linear layer that makes the forecast."""
    decoder = [call for call in calls if call.name.startswith("decoder.")]
    return [call for call in decoder if isinstance(call.module, nn.Linear)][-1]


def record_calls(network: Forecaster, batch: Batch, alone: Batch) -> tuple[Tensor, list[Call]]:
    """The forecast (B, H, C), and every call of every module that led to it.

    Args:
        network: In evaluation mode.
        batch: Of windows as they are gathered, for the categories' vectors.
        alone: Input of the layers after these.
    """
    calls: list[Call] = []

    def listen(name: str, module: nn.Module) -> Any:
        return module.register_forward_hook(
            lambda module, inputs, output: calls.append(Call(name, module, inputs, output))
        )

    handles = [listen(name, module) for name, module in network.named_modules() if name]
    try:
        network.embedder(batch)
        forecast = network.head.read(*network.decode(alone)).point()
    finally:
        for handle in handles:
            handle.remove()
    return forecast, calls

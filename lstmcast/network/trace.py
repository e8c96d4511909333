"""One window followed through a network: every layer's input, output, gates and states.

The network runs as it always does, and hooks write down what goes into and comes out of each of its
modules. Every call of a recurrent layer is then computed again by the cells of `cells.py`, which
also give the gates, and compared with what torch's layer gave.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lstmcast.network.decoder import Context
from lstmcast.network.decoders import DirectDecoder
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.normalize import Level
from lstmcast.network.recompute import Call, Check, LayerView, compared, layer_views
from lstmcast.series.batches import Batch


@dataclass(frozen=True)
class Trace:
    """What happens to one window.

    Attributes:
        batch: The window, B = 1, scaled.
        calls: Of all modules, in the order in which they ended.
        layers: Every recurrent layer and direction, in the order in which they ran.
        context: What the decoder saw: the encoder's inputs, outputs and final states.
        level: What `normalize` took out of the window; None for `none`.
        decoded: (1, H, C, head width) what the decoder gave.
        forecast: (1, H, C), in the units of the batch.
        readout: (1, W) what a direct decoder reads of the encoder; None of the others.
        checks: Of the forecast.
    """

    batch: Batch
    calls: list[Call]
    layers: list[LayerView]
    context: Context
    level: Level | None
    decoded: Tensor
    forecast: Tensor
    readout: Tensor | None
    checks: list[Check]

    def all_checks(self) -> list[Check]:
        """Those of every layer, and of the forecast."""
        return [check for layer in self.layers for check in layer.checks] + self.checks

    def head_call(self) -> Call:
        """The last call of the linear layer that makes the forecast."""
        return [call for call in self.calls if isinstance(call.module, nn.Linear)][-1]


@torch.no_grad()
def trace_window(network: Forecaster, batch: Batch) -> Trace:
    """Follow one window through a network in evaluation mode.

    Args:
        network: Any Forecaster; left in evaluation mode.
        batch: One window.
    """
    assert len(batch) == 1, f"a trace follows one window, got {len(batch)}"
    network.eval()
    forecast, calls = record_calls(network, batch)
    context, level = network.encode(network.split(batch))
    decoded = [call.output for call in calls if call.module is network.decoder][-1]
    point = network.head.point(decoded)
    again = point if level is None else level.restore(point)
    decoder = network.decoder
    readout = None
    if isinstance(decoder, DirectDecoder):
        readout = decoder.readout(context.encoding, context.mask)
    return Trace(
        batch=batch,
        calls=calls,
        layers=list(layer_views(calls, batch.inputs.shape[1])),
        context=context,
        level=level,
        decoded=decoded,
        forecast=forecast,
        readout=readout,
        checks=[compared("the forecast, from the decoder's output", [(again, forecast)])],
    )


def record_calls(network: Forecaster, batch: Batch) -> tuple[Tensor, list[Call]]:
    """The forecast (B, H, C), and every call of every module that led to it."""
    calls: list[Call] = []

    def listen(name: str, module: nn.Module) -> Any:
        return module.register_forward_hook(
            lambda module, inputs, output: calls.append(Call(name, module, inputs, output))
        )

    handles = [listen(name, module) for name, module in network.named_modules() if name]
    try:
        forecast: Tensor = network(batch)
    finally:
        for handle in handles:
            handle.remove()
    return forecast, calls

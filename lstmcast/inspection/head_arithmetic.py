"""The weighted sum that makes one number of a forecast, number by number."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lstmcast.inspection.tolerance import Check, compared
from lstmcast.inspection.trace import Trace
from lstmcast.network.decoders import DirectDecoder, Seq2SeqDecoder
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.readouts import READOUTS
from lstmcast.network.segments import SegmentsDecoder


@dataclass(frozen=True)
class HeadArithmetic:
    """How the first step of the first target comes about: `weights . inputs + bias`.

    Attributes:
        module: Name of the linear layer.
        source: What the network's state among its inputs is, such as `out[:, -1]`.
        state: Numbers among the inputs that are the network's; the rest is known from outside, the
            future and static columns.
        inputs: (W,).
        weights: (W,) the row of the layer's weights.
        bias: Added at last.
        total: What the layer gave.
        skip: What the linear path adds to it; 0 without one.
        point: The point forecast that the head makes of it, still at the window's level.
        place: Of `total` among the numbers that the layer gives the head for this step and target.
        width: How many these are: 1, or more where the head says more than a point.
        check: Comparison with the sum in float64.
    """

    module: str
    source: str
    state: int
    inputs: Tensor
    weights: Tensor
    bias: float
    total: float
    skip: float
    point: float
    place: int
    width: int
    check: Check


def head_arithmetic(network: Forecaster, trace: Trace) -> HeadArithmetic:
    """Take the sum of the forecast's first number apart."""
    name = trace.head_call().name
    call = next(call for call in trace.calls if call.name == name)
    linear = call.module
    assert isinstance(linear, nn.Linear)
    # Of every_step, the last step makes the forecast; of segments, the first its first step.
    row = 0 if isinstance(network.decoder, SegmentsDecoder) else -1
    inputs = call.inputs[0].reshape(-1, linear.in_features)[row]
    outputs = call.output.reshape(-1, linear.out_features)[row]
    place = 0  # of every head, the first number is the forecast's center
    skip = torch.zeros(()) if trace.skipped is None else trace.skipped[0, 0, 0, 0]
    point = outputs[place] + skip
    if network.head.counts:  # there, a mean that softplus makes positive comes in between
        point = trace.context.units.remove(trace.forecast)[0, 0, 0]
    total, weights = outputs[place], linear.weight[place].detach()
    bias = torch.zeros(()) if linear.bias is None else linear.bias[place].detach()
    again = (weights.double() * inputs.double()).sum() + bias.double()
    state, source = _state(network, trace)
    return HeadArithmetic(
        module=name,
        source=source,
        state=state,
        inputs=inputs,
        weights=weights,
        bias=float(bias),
        total=float(total),
        skip=float(skip),
        point=float(point),
        place=place,
        width=network.head.width,
        check=compared("the head's first sum, in float64", [(again, total)]),
    )


def _state(network: Forecaster, trace: Trace) -> tuple[int, str]:
    """How many of a decoder's inputs are the network's own, and what they are."""
    decoder = network.decoder
    if trace.readout is not None and isinstance(decoder, DirectDecoder):
        name = next(key for key, value in READOUTS.items() if value is decoder.readout)
        sources = {
            "last": "out[:, -1]",
            "state": "the final h and c of every layer",
            "mean": "the mean of out over time",
            "all": "out of all steps, side by side",
        }
        return trace.readout.shape[1], sources.get(name, name)
    if isinstance(decoder, Seq2SeqDecoder):
        return decoder.stack.width, "the decoder's h"
    if isinstance(decoder, SegmentsDecoder):
        return network.encoder.width, "the h of the horizon's first segment"
    return network.encoder.width, "out[:, -1]"

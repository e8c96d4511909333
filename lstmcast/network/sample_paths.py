"""Sample paths: a draw of the whole horizon in which every step knows of those drawn before it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lstmcast.config import NetworkConfig
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.heads import Units
from lstmcast.windows.batches import Batch

FEEDING_BACK = ("recursive", "seq2seq")
"""Decoders that are given each step before they make the next."""


def why_no_paths(config: NetworkConfig) -> str | None:
    """The reason why a network cannot draw sample paths; None if it can."""
    if config.decoder not in FEEDING_BACK:
        return (
            f"network.decoder is {config.decoder}, which forecasts each step separately: sampled "
            "steps would be independent, and their sum would vary too little. Train with "
            f"{' or '.join(FEEDING_BACK)}"
        )
    if config.head == "point":
        return (
            "network.head is point, which says one number and nothing to draw from. Train with "
            "normal, student_t or quantiles, or for counts poisson or negative_binomial"
        )
    if config.skip != "none":
        return (
            f"network.skip is {config.skip}, and what goes past the recurrent layers reads the "
            "window alone: what is drawn for one step would be lost on the next. Train with "
            "network.skip: none (network.preset: plain has none)"
        )
    return None


@torch.inference_mode()
def draw_path(network: Forecaster, batch: Batch, generator: torch.Generator) -> Tensor:
    """A path for each window: every step is drawn from the head and fed back before the next.

    Args:
        network: In evaluation mode, one that `why_no_paths` has nothing against.
        batch: B windows.
        generator: Of all chance.

    Returns:
        (B, H, C) in the units of the batch.
    """
    context = network.encode(network.split(batch))
    steps: list[Tensor] = []

    def draw(decoded: Tensor, units: Units) -> Tensor:
        """(B, C, head width) -> (B, C) at the level of the window."""
        steps.append(network.head.read(decoded[:, None], units).sample(generator))
        return units.remove(steps[-1])[:, 0]

    decoded = network.decoder(replace(context, feed=draw), network.encoder)
    if len(steps) < network.sizes.horizon:  # nothing follows the last step that it is fed back to
        draw(decoded[:, -1], context.units)
    path = torch.cat(steps, dim=1)
    return path if network.channels is None else network.channels.join(path[..., None])[..., 0]

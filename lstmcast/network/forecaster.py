"""The whole network: embed -> normalize -> encode -> decode -> head -> the window's level again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstmcast.config import NetworkConfig
from lstmcast.network.decoders import DECODERS, Context, EveryStepDecoder, following
from lstmcast.network.distributions import Distribution
from lstmcast.network.embedding import Embedder
from lstmcast.network.heads import HEADS, Units
from lstmcast.network.normalize import normalize_window
from lstmcast.network.recurrent import RecurrentEncoder
from lstmcast.network.sizes import Sizes
from lstmcast.series.batches import Batch

ENCODERS: dict[str, type[RecurrentEncoder]] = dict.fromkeys(
    ("rnn", "gru", "lstm"), RecurrentEncoder
)
"""What `network.cell` names."""


class Forecaster(nn.Module):
    """A batch of windows -> a forecast of every target for every step of the horizon.

    Args:
        config: What to build.
        sizes: Axes of the windows.
        loss: What training minimizes, a key of `heads.LOSSES`.
    """

    def __init__(self, config: NetworkConfig, sizes: Sizes, loss: str) -> None:
        super().__init__()
        self.sizes = sizes
        self.normalize = config.normalize
        self.embedder = Embedder(sizes)
        wide = self.embedder.sizes
        self.encoder = ENCODERS[config.cell](config, wide.inputs + wide.static)
        self.head = HEADS[config.head](loss, sizes.levels)
        self.decoder = DECODERS[config.decoder](config, self.encoder, wide, self.head)

    def forward(self, batch: Batch) -> Tensor:
        """(B, T, F) -> (B, H, C), in the units of the batch."""
        return self.foretell(batch).point()

    def foretell(self, batch: Batch) -> Distribution:
        """(B, T, F) -> what the head says of (B, H, C), in the units of the batch."""
        context = self.encode(batch)
        return self.head.read(self.decoder(context, self.encoder), context.units)

    def encode(self, batch: Batch) -> Context:
        """Embed, normalize and encode a batch.

        Every step of the encoder is given the static columns too.
        """
        batch = self.embedder(batch)
        inputs, level = normalize_window(
            self.normalize, batch.inputs, self.sizes.targets, batch.mask
        )  # (B, T, F)
        if batch.static is not None:
            static = batch.static[:, None].expand(-1, inputs.shape[1], -1)
            inputs = torch.cat([inputs, static], dim=2)  # (B, T, F + K)
        teacher = None
        if self.training:
            teacher = batch.targets if level is None else level.remove(batch.targets)
        encoding = self.encoder(inputs, batch.mask)  # (B, T, D * U)
        units = Units(level, *(_per_window(part) for part in (batch.center, batch.scale)))
        return Context(inputs, encoding, batch.mask, batch.future, batch.static, teacher, units)

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Sum of the losses over the observed targets of a batch, and their number.

        In training, an `every_step` decoder is judged at every step; otherwise, and always in
        validation, it is the forecast that is judged.
        """
        if not (self.training and isinstance(self.decoder, EveryStepDecoder)):
            return self.head.loss(self.foretell(batch), batch.targets, batch.weights)
        context = self.encode(batch)
        units = Units(None, *(_per_window(part, 2) for part in (batch.center, batch.scale)))
        forecast = self.head.read(self.decoder.every(context), units)  # of (B, T, H, C)
        targets = following(batch.inputs[:, :, : self.sizes.targets], batch.targets)
        return self.head.loss(forecast, targets, every_step_weights(batch))

    def parameter_count(self) -> int:
        """Trained numbers."""
        return sum(parameter.numel() for parameter in self.parameters())

    def example_batch(self, windows: int = 2) -> Batch:
        """A batch of the right shapes, for tracing, export and tests."""
        sizes = self.sizes
        return Batch(
            inputs=torch.zeros(windows, sizes.lookback, sizes.inputs),
            targets=torch.zeros(windows, sizes.horizon, sizes.targets),
            series=torch.zeros(windows, dtype=torch.long),
            center=torch.zeros(windows, sizes.targets),
            scale=torch.ones(windows, sizes.targets),
            future=torch.zeros(windows, sizes.horizon, sizes.future) if sizes.future else None,
            static=torch.zeros(windows, sizes.static) if sizes.static else None,
        )


def _per_window(part: Tensor | None, axes: int = 1) -> Tensor | None:
    """(B, C) with axes of 1 between, to stand beside (B, H, C) or (B, T, H, C)."""
    return None if part is None else part.view(len(part), *[1] * axes, -1)


def every_step_weights(batch: Batch) -> Tensor | None:
    """(B, T, H, C) 0 where what follows a step was not observed, or the step is padded."""
    weights = None
    if batch.weights is not None and batch.past_weights is not None:
        weights = following(batch.past_weights, batch.weights)
    if batch.mask is None:
        return weights
    begun = batch.mask[:, :, None, None]
    shape = (*batch.mask.shape, *batch.targets.shape[1:])
    return begun.expand(shape) if weights is None else weights * begun


def build_forecaster(config: NetworkConfig, sizes: Sizes, loss: str, seed: int) -> Forecaster:
    """A network whose first weights depend on the seed alone."""
    torch.manual_seed(seed)
    return Forecaster(config, sizes, loss)

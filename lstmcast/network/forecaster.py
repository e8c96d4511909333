"""The whole network: embed -> normalize -> encode -> decode -> head -> the window's level again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstmcast.config import NetworkConfig
from lstmcast.network.channels import Channels
from lstmcast.network.decoder import Context
from lstmcast.network.decoders import DECODERS, EveryStepDecoder, following
from lstmcast.network.embedding import Embedder
from lstmcast.network.heads import HEADS
from lstmcast.network.normalize import Level, normalize_window
from lstmcast.network.recurrent import RecurrentEncoder
from lstmcast.network.segments import SegmentEmbedding, segment_length
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
        self.channels = Channels(wide) if config.channels == "independent" else None
        wide = wide if self.channels is None else self.channels.sizes
        width, length = wide.inputs + wide.static, segment_length(config, wide.lookback)
        self.segments = None
        if config.segment != 1 or config.decoder == "segments":
            width = config.units[0]
            self.segments = SegmentEmbedding(
                length, wide.inputs, wide.static, width, config.dropout
            )
        self.encoder = ENCODERS[config.cell](config, width)
        self.head = HEADS[config.head](loss)
        self.decoder = DECODERS[config.decoder](config, self.encoder, wide, self.head)
        self.linear_skip = None
        if config.skip == "linear":
            self.linear_skip = nn.Linear(wide.lookback, wide.horizon)
            nn.init.zeros_(self.linear_skip.weight)
            nn.init.zeros_(self.linear_skip.bias)
        self.inner = wide

    def forward(self, batch: Batch) -> Tensor:
        """(B, T, F) -> (B, H, C), in the units of the batch."""
        forecast = self.forecast(self.split(batch))
        return forecast if self.channels is None else self.channels.join(forecast)

    def split(self, batch: Batch) -> Batch:
        """Categories as vectors; and, with independent channels, a window for each target."""
        batch = self.embedder(batch)
        return batch if self.channels is None else self.channels.split(batch)

    def forecast(self, batch: Batch) -> Tensor:
        """The forecast of a batch that `split` gave, (B, H, C)."""
        context, level = self.encode(batch)
        forecast = self.head.point(self.decoder(context, self.encoder))  # (B, H, C)
        if self.linear_skip is not None:
            past = context.inputs[:, :, : self.inner.targets].transpose(1, 2)  # (B, C, T)
            forecast = forecast + self.linear_skip(past).transpose(1, 2)
        return forecast if level is None else level.restore(forecast)

    def encode(self, batch: Batch) -> tuple[Context, Level | None]:
        """Normalize and encode a batch that `split` gave; the level is what `restore` puts back.

        Every step of the encoder is given the static columns too.
        """
        inputs, level = normalize_window(
            self.normalize, batch.inputs, self.inner.targets, batch.mask
        )  # (B, T, F)
        teacher = None
        if self.training:
            teacher = batch.targets if level is None else level.remove(batch.targets)
        if self.segments is not None:
            mask = self.segments.fold_mask(batch.mask)
            encoding = self.encoder(self.segments(inputs, batch.static), mask)  # (B, T // s, D * U)
            return Context(inputs, encoding, mask, batch.future, batch.static, teacher), level
        if batch.static is not None:
            static = batch.static[:, None].expand(-1, inputs.shape[1], -1)
            inputs = torch.cat([inputs, static], dim=2)  # (B, T, F + K)
        encoding = self.encoder(inputs, batch.mask)  # (B, T, D * U)
        return Context(inputs, encoding, batch.mask, batch.future, batch.static, teacher), level

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Sum of the losses over the observed targets of a batch, and their number.

        In training, an `every_step` decoder is judged at every step; otherwise, and always in
        validation, it is the forecast that is judged.
        """
        batch = self.split(batch)
        if not (self.training and isinstance(self.decoder, EveryStepDecoder)):
            total, count = self.head.loss(self.forecast(batch), batch.targets, batch.weights)
            return total, count
        context, _ = self.encode(batch)
        forecast = self.head.point(self.decoder.every(context))  # (B, T, H, C)
        targets = following(batch.inputs[:, :, : self.inner.targets], batch.targets)
        total, count = self.head.loss(forecast, targets, every_step_weights(batch))
        return total, count

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
            future=torch.zeros(windows, sizes.horizon, sizes.future) if sizes.future else None,
            static=torch.zeros(windows, sizes.static) if sizes.static else None,
        )


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

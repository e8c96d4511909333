"""The whole network: embed -> normalize -> fold -> encode -> decode -> head -> the level again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstmcast.config import NetworkConfig
from lstmcast.network.channels import Channels
from lstmcast.network.decoder import Context
from lstmcast.network.decoders import DECODERS, EveryStepDecoder, following
from lstmcast.network.distributions import Distribution
from lstmcast.network.embedding import Embedder
from lstmcast.network.heads import HEADS, Units
from lstmcast.network.normalize import Normalized, normalize_window
from lstmcast.network.recurrent import RecurrentEncoder
from lstmcast.network.segments import SegmentEmbedding
from lstmcast.network.sizes import Sizes, segment_length
from lstmcast.network.skip import LinearSkip
from lstmcast.windows.batches import Batch


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
        differenced = config.normalize == "difference"
        inputs = wide.inputs + differenced * wide.targets
        width = inputs + wide.static
        self.segments = None
        if config.segment != 1 or config.decoder == "segments":
            width = config.units[0]
            length = segment_length(config.segment, wide.lookback, wide.season)
            self.segments = SegmentEmbedding(length, inputs, wide.static, width)
        self.encoder = RecurrentEncoder(config, width)
        self.head = HEADS[config.head](loss, sizes.levels)
        self.decoder = DECODERS[config.decoder](config, self.encoder, wide, self.head)
        self.skip = LinearSkip(wide, differenced) if config.skip != "none" else None
        self.inner = wide

    def forward(self, batch: Batch) -> Tensor:
        """(B, T, F) -> (B, H, C), in the units of the batch."""
        return self.predict_distribution(batch).point()

    def predict_distribution(self, batch: Batch) -> Distribution:
        """(B, T, F) -> the head's distribution of (B, H, C), in the units of the batch."""
        decoded, units = self.decode(self.split(batch))
        if self.channels is not None:
            decoded, units = self.channels.join(decoded), self.channels.join_units(units)
        return self.head.read(decoded, units)

    def split(self, batch: Batch) -> Batch:
        """Categories become embeddings; with independent channels, one window per target."""
        batch = self.embedder(batch)
        return batch if self.channels is None else self.channels.split(batch)

    def decode(self, batch: Batch) -> tuple[Tensor, Units]:
        """The head's input for a batch from `split`: (B, H, C, head width)."""
        context = self.encode(batch)
        decoded: Tensor = self.decoder(context, self.encoder)
        if self.skip is not None:
            skipped = self.skip(context.window, self.inner.targets)
            decoded = torch.cat([decoded[..., :1] + skipped, decoded[..., 1:]], dim=-1)
        return decoded, context.units

    def encode(self, batch: Batch) -> Context:
        """Normalize and encode a batch that `split` gave.

        Every step of the encoder is given the static columns too.
        """
        window = self.normalized(batch)
        inputs, level = window.inputs, window.level  # (B, T, F)
        teacher = None
        if self.training:
            teacher = batch.targets if level is None else level.remove(batch.targets)
        units = Units(level, *(_per_window(part) for part in (batch.center, batch.scale)))
        mask = batch.mask
        if self.segments is not None:
            mask = self.segments.fold_mask(mask)
            read = self.segments(inputs, batch.static)  # (B, T // s, E)
        elif batch.static is not None:
            static = batch.static[:, None].expand(-1, inputs.shape[1], -1)
            read = inputs = torch.cat([inputs, static], dim=2)  # (B, T, F + K)
        else:
            read = inputs
        encoding = self.encoder(read, mask)  # (B, T, D * U)
        return Context(window, inputs, encoding, mask, batch.future, batch.static, teacher, units)

    def normalized(self, batch: Batch) -> Normalized:
        """The windows of a batch from `split`, each normalized by its own level."""
        return normalize_window(
            self.normalize,
            batch.inputs,
            self.inner.targets,
            batch.mask,
            self.sizes.season,
            self.sizes.horizon,
        )

    def begin_linear(self, weight: Tensor, bias: Tensor) -> None:
        """Initialize as a linear forecaster: set the linear path, and add nothing to it.

        Args:
            weight: (H, T).
            bias: (H,).
        """
        assert self.skip is not None, "a network without a linear path"
        with torch.no_grad():
            self.skip.linear.weight.copy_(weight)
            self.skip.linear.bias.copy_(bias)
            for parameter in self.decoder.linear.parameters():
                parameter.zero_()

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor | int]:
        """Sum of the losses over the observed targets of a batch, and their number.

        In training, an `every_step` decoder is judged at every step; otherwise, and always in
        validation, it is the forecast that is judged.
        """
        if not (self.training and isinstance(self.decoder, EveryStepDecoder)):
            return self.head.loss(self.predict_distribution(batch), batch.targets, batch.weights)
        decoded = self.decoder.every(self.encode(self.split(batch)))
        if self.channels is not None:
            decoded = self.channels.join(decoded)
        units = Units(None, *(_per_window(part, 2) for part in (batch.center, batch.scale)))
        forecast = self.head.read(decoded, units)  # of (B, T, H, C)
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
            future=torch.zeros(windows, sizes.horizon, sizes.future) if sizes.future else None,
            static=torch.zeros(windows, sizes.static) if sizes.static else None,
            center=torch.zeros(windows, sizes.targets),
            scale=torch.ones(windows, sizes.targets),
        )


def _per_window(part: Tensor | None, axes: int = 1) -> Tensor | None:
    """(B, C) with axes of 1 between, to broadcast with (B, H, C) or (B, T, H, C)."""
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

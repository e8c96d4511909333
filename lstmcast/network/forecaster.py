"""The whole network: normalize -> encode -> decode -> head -> back at the window's level."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstmcast.config import NetworkConfig
from lstmcast.network.decoders import DECODERS
from lstmcast.network.heads import HEADS
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
        self.encoder = ENCODERS[config.cell](config, sizes.inputs)
        self.head = HEADS[config.head](loss)
        self.decoder = DECODERS[config.decoder](self.encoder.width, sizes, self.head.width)

    def forward(self, batch: Batch) -> Tensor:
        """(B, T, F) -> (B, H, C), in the units of the batch."""
        inputs, level = normalize_window(
            self.normalize, batch.inputs, self.sizes.targets, batch.mask
        )  # (B, T, F)
        encoding = self.encoder(inputs, batch.mask)  # (B, T, D * U)
        decoded = self.decoder(encoding, batch.future, batch.static)  # (B, H, C, 1)
        forecast = self.head.point(decoded)  # (B, H, C)
        return forecast if level is None else level.restore(forecast)

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Sum of the losses over the observed targets of a batch, and their number."""
        total, count = self.head.loss(self(batch), batch.targets, batch.weights)
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


def build_forecaster(config: NetworkConfig, sizes: Sizes, loss: str, seed: int) -> Forecaster:
    """A network whose first weights depend on the seed alone."""
    torch.manual_seed(seed)
    return Forecaster(config, sizes, loss)

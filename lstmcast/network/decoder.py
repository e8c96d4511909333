"""What every decoder is given, and what all of them have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from lstmcast.config import NetworkConfig
from lstmcast.network.heads import Head, Units
from lstmcast.network.normalize import Normalized
from lstmcast.network.recurrent import Encoding, RecurrentEncoder
from lstmcast.network.sizes import Sizes


@dataclass(frozen=True)
class Context:
    """What a decoder may look at.

    Attributes:
        window: (B, T, F) without its own level.
        inputs: (B, T, F + K) as the encoder read them: targets, past, future, static.
        encoding: What it made of them.
        mask: (B, T) 0 where padded; None: nothing is.
        future: (B, H, F') known-future columns; None without them.
        static: (B, K) static columns; None without them.
        teacher: (B, H, C) the true targets, at the window's level, in training; None otherwise.
        units: What brings a window's numbers to other units.
        feed: What makes (B, C) at the window's level, to be fed back, of a step's (B, C, head
            width) and the units; None: the head's mean.
    """

    window: Normalized
    inputs: Tensor
    encoding: Encoding
    mask: Tensor | None = None
    future: Tensor | None = None
    static: Tensor | None = None
    teacher: Tensor | None = None
    units: Units = field(default_factory=Units)
    feed: Callable[[Tensor, Units], Tensor] | None = None


class Decoder(nn.Module, ABC):
    """A way from a state to the horizon.

    Args:
        config: Of the network.
        encoder: The encoder; `recursive` continues to run it.
        sizes: Axes of the windows.
        head: What the decoded numbers are for; recursive decoders feed its mean back.

    Attributes:
        linear: The last map, which makes the decoded numbers.
    """

    linear: nn.Linear

    def __init__(
        self, config: NetworkConfig, encoder: RecurrentEncoder, sizes: Sizes, head: Head
    ) -> None:
        super().__init__()
        self.sizes = sizes
        self.head_width = head.width
        self.feed = head.fed_back
        self.teacher_forcing = config.teacher_forcing

    @abstractmethod
    def forward(self, context: Context, encoder: RecurrentEncoder) -> Tensor:
        """A context and the encoder that made it -> (B, H, C, head width)."""

    def fed_back(self, context: Context, step: int, decoded: Tensor) -> Tensor:
        """(B, C) what the next step is given: the forecast, or by teacher forcing the truth."""
        if context.teacher is not None and float(torch.rand(())) < self.teacher_forcing:
            return context.teacher[:, step]
        return (context.feed or self.feed)(decoded, context.units)


def joined(*parts: Tensor | None) -> Tensor:
    """The parts that there are, side by side."""
    known = [part for part in parts if part is not None]
    return known[0] if len(known) == 1 else torch.cat(known, dim=-1)

"""Many steps as one: a window of T steps is read, and a horizon written, segment by segment.

A recurrent layer forgets over hundreds of steps; over a dozen segments it does not. Source: Lin et
al. 2023, "SegRNN: segment recurrent neural network for long-term time series forecasting",
arXiv:2308.11200.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstmcast.config import NetworkConfig
from lstmcast.network.decoder import Context, Decoder, joined
from lstmcast.network.heads import Head
from lstmcast.network.initialization import normal
from lstmcast.network.recurrent import RecurrentEncoder
from lstmcast.network.sizes import Sizes, segment_length
from lstmcast.network.stepwise import State


class SegmentEmbedding(nn.Module):
    """s steps folded into one: linear, ReLU.

    The oldest T mod s steps are left out.

    Args:
        length: s.
        inputs: F, columns of a step.
        static: K, static columns repeated in every segment.
        width: E, of what a segment becomes.
    """

    def __init__(self, length: int, inputs: int, static: int, width: int) -> None:
        super().__init__()
        self.length = length
        self.linear = nn.Linear(length * inputs + static, width)

    def forward(self, inputs: Tensor, static: Tensor | None) -> Tensor:
        """(B, T, F), (B, K) -> (B, T // s, E)."""
        count = inputs.shape[1] // self.length
        folded = inputs[:, -count * self.length :].reshape(len(inputs), count, -1)
        if static is not None:
            folded = torch.cat([folded, static[:, None].expand(-1, count, -1)], dim=2)
        embedded: Tensor = torch.relu(self.linear(folded))
        return embedded

    def fold_mask(self, mask: Tensor | None) -> Tensor | None:
        """(B, T) -> (B, T // s): a segment is there if one of its steps is."""
        if mask is None:
            return None
        count = mask.shape[1] // self.length
        return mask[:, -count * self.length :].reshape(len(mask), count, -1).amax(dim=2)


class SegmentsDecoder(Decoder):
    """All segments of the horizon at once, each one step of the encoder's own layers.

    Every segment starts from the encoder's final states and is given the vector of its position,
    with the known-future columns of its steps and the static columns added to it linearly.
    """

    def __init__(
        self, config: NetworkConfig, encoder: RecurrentEncoder, sizes: Sizes, head: Head
    ) -> None:
        super().__init__(config, encoder, sizes, head)
        self.length = segment_length(config.segment, sizes.lookback, sizes.season)
        self.count = -(-sizes.horizon // self.length)
        width = encoder.inputs
        self.positions = nn.Parameter(normal(0.1, self.count, width))
        known = self.length * sizes.future + sizes.static
        self.known = nn.Linear(known, width, bias=False) if known else None
        self.linear = nn.Linear(encoder.width, self.length * sizes.targets * head.width)

    def forward(self, context: Context, encoder: RecurrentEncoder) -> Tensor:
        """N segments: (B * N, 1, E) -> (B * N, U) -> (B, H, C, head width)."""
        batch, sizes = len(context.inputs), self.sizes
        asked = self.positions.expand(batch, -1, -1)  # (B, N, E)
        if self.known is not None:
            asked = asked + self.known(self._known_ahead(context))
        states = [self._for_each_segment(state) for state in context.encoding.states]
        encoding = encoder.run(asked.reshape(batch * self.count, 1, -1), states)
        decoded: Tensor = self.linear(encoding.last)
        steps = decoded.view(batch, -1, sizes.targets, self.head_width)
        return steps[:, : sizes.horizon]

    def _for_each_segment(self, state: State) -> State:
        """(L, B, U) -> (L, B * N, U)."""
        if isinstance(state, tuple):
            h, c = (part.repeat_interleave(self.count, dim=1) for part in state)
            return h, c
        return state.repeat_interleave(self.count, dim=1)

    def _known_ahead(self, context: Context) -> Tensor:
        """(B, N, s * F' + K); steps after the horizon are zeros."""
        future = static = None
        if context.future is not None:
            missing = self.count * self.length - self.sizes.horizon
            padded = nn.functional.pad(context.future, (0, 0, 0, missing))
            future = padded.reshape(len(padded), self.count, -1)
        if context.static is not None:
            static = context.static[:, None].expand(-1, self.count, -1)
        return joined(future, static)

"""Encoding -> what the head needs for every step of the horizon."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lstmcast.config import NetworkConfig
from lstmcast.network.decoder import Context, Decoder, joined
from lstmcast.network.heads import Head
from lstmcast.network.readouts import READOUTS, readout_width
from lstmcast.network.recurrent import RecurrentEncoder, state_shapes
from lstmcast.network.segments import SegmentsDecoder
from lstmcast.network.sizes import Sizes, segment_length
from lstmcast.network.stepwise import State


class DirectDecoder(Decoder):
    """One linear layer from a readout to all H steps at once.

    Future and static covariates, if any, are joined to the readout.
    """

    def __init__(
        self, config: NetworkConfig, encoder: RecurrentEncoder, sizes: Sizes, head: Head
    ) -> None:
        super().__init__(config, encoder, sizes, head)
        self.readout = READOUTS[config.readout]
        steps = sizes.lookback // segment_length(config.segment, sizes.lookback, sizes.season)
        width = readout_width(config.readout, encoder, steps)
        known = sizes.horizon * sizes.future + sizes.static
        self.linear = nn.Linear(width + known, sizes.horizon * sizes.targets * head.width)

    def forward(self, context: Context, encoder: RecurrentEncoder) -> Tensor:
        """(B, W), (B, H, F'), (B, K) -> (B, H, C, head width)."""
        vector = self.readout(context.encoding, context.mask)
        future = None if context.future is None else context.future.flatten(1)
        flat: Tensor = self.linear(joined(vector, future, context.static))
        return flat.view(-1, self.sizes.horizon, self.sizes.targets, self.head_width)


class RecursiveDecoder(Decoder):
    """One step at a time, each forecast fed back to the encoder as if it had been observed.

    The forecast of a step is a linear map of the encoder's output, the step's known-future columns
    and the static columns. Past columns keep their last value.
    """

    def __init__(
        self, config: NetworkConfig, encoder: RecurrentEncoder, sizes: Sizes, head: Head
    ) -> None:
        super().__init__(config, encoder, sizes, head)
        width = encoder.width + sizes.future + sizes.static
        self.linear = nn.Linear(width, sizes.targets * head.width)

    def forward(self, context: Context, encoder: RecurrentEncoder) -> Tensor:
        """H times (B, D * U) -> (B, C, head width)."""
        sizes, encoding = self.sizes, context.encoding
        past = context.inputs[:, -1, sizes.targets : sizes.inputs - sizes.future]
        steps = []
        for step in range(sizes.horizon):
            future = None if context.future is None else context.future[:, step]
            decoded = self.linear(joined(encoding.last, future, context.static))
            steps.append(decoded.view(-1, sizes.targets, self.head_width))
            if step + 1 < sizes.horizon:
                fed = self.fed_back(context, step, steps[-1])
                kept = past if past.shape[1] else None
                row = joined(fed, kept, future, context.static)  # (B, F + K)
                encoding = encoder.run(row[:, None], encoding.states)
        return torch.stack(steps, dim=1)


class Seq2SeqDecoder(Decoder):
    """A second stack of the same cells, started with the encoder's final states.

    Its input at each step is the target of the step before (its own forecast, or in training, by
    teacher forcing, now and then the truth) and the step's known-future columns. The decoder runs
    forward only; from an encoder of two directions, a linear bridge joins both directions' states.

    Source: Sutskever et al. 2014, "Sequence to sequence learning with neural networks".
    """

    def __init__(
        self, config: NetworkConfig, encoder: RecurrentEncoder, sizes: Sizes, head: Head
    ) -> None:
        super().__init__(config, encoder, sizes, head)
        forward_only = {"bidirectional": False, "initial_state": "zeros"}
        self.stack = RecurrentEncoder(
            config.model_copy(update=forward_only), sizes.targets + sizes.future
        )
        self.bridges = nn.ModuleList()
        if encoder.directions == 2:
            for layer in encoder.layers():
                units = [shape[2] for shape in state_shapes(layer)]
                self.bridges.append(nn.ModuleList(nn.Linear(2 * u, u) for u in units))
        self.linear = nn.Linear(self.stack.width + sizes.static, sizes.targets * head.width)

    def forward(self, context: Context, encoder: RecurrentEncoder) -> Tensor:
        """H times (B, C + F') -> (B, U) -> (B, C, head width)."""
        sizes = self.sizes
        states: list[State] = self._bridged(context.encoding.states)
        fed = context.inputs[:, -1, : sizes.targets]
        steps: list[Tensor] = []
        for step in range(sizes.horizon):
            future = None if context.future is None else context.future[:, step]
            encoding = self.stack.run(joined(fed, future)[:, None], states)
            states = encoding.states
            decoded = self.linear(joined(encoding.last, context.static))
            steps.append(decoded.view(-1, sizes.targets, self.head_width))
            fed = self.fed_back(context, step, steps[-1])
        return torch.stack(steps, dim=1)

    def _bridged(self, states: list[State]) -> list[State]:
        """Both directions' states as one: (L * 2, B, U) -> (L, B, U)."""
        if not self.bridges:
            return states
        bridged_states: list[State] = []
        for state, bridge in zip(states, self.bridges, strict=True):
            assert isinstance(bridge, nn.ModuleList)
            parts = state if isinstance(state, tuple) else (state,)
            both = [  # (L * 2, B, U) -> (L, B, 2 * U)
                part.view(-1, 2, *part.shape[1:]).transpose(1, 2).flatten(2) for part in parts
            ]
            bridged = [linear(part) for linear, part in zip(bridge, both, strict=True)]
            bridged_states.append(bridged[0] if len(bridged) == 1 else (bridged[0], bridged[1]))
        return bridged_states


class EveryStepDecoder(Decoder):
    """A linear layer on every step's output, which in training forecasts what follows that step.

    Forecasting uses the last step. Every step but the last would have to be told what comes, if the
    encoder read backwards or the window were normalized: the config refuses both.
    """

    def __init__(
        self, config: NetworkConfig, encoder: RecurrentEncoder, sizes: Sizes, head: Head
    ) -> None:
        super().__init__(config, encoder, sizes, head)
        known = sizes.horizon * sizes.future + sizes.static
        self.linear = nn.Linear(encoder.width + known, sizes.horizon * sizes.targets * head.width)

    def forward(self, context: Context, encoder: RecurrentEncoder) -> Tensor:
        """The last step of `every`: (B, H, C, head width)."""
        return self.every(context)[:, -1]

    def every(self, context: Context) -> Tensor:
        """(B, T, D * U) -> (B, T, H, C, head width)."""
        sizes = self.sizes
        length = context.inputs.shape[1]
        future = static = None
        if context.future is not None:
            seen = context.inputs[:, :, sizes.inputs - sizes.future : sizes.inputs]
            future = following(seen, context.future).flatten(2)  # (B, T, H * F')
        if context.static is not None:
            static = context.static[:, None].expand(-1, length, -1)
        flat: Tensor = self.linear(joined(context.encoding.outputs, future, static))
        return flat.view(-1, length, sizes.horizon, sizes.targets, self.head_width)


def following(past: Tensor, ahead: Tensor) -> Tensor:
    """What follows each step: (B, T, C) and (B, H, C) -> (B, T, H, C)."""
    horizon = ahead.shape[1]
    return torch.cat([past[:, 1:], ahead], dim=1).unfold(1, horizon, 1).transpose(2, 3)


DECODERS: dict[str, type[Decoder]] = {
    "direct": DirectDecoder,
    "recursive": RecursiveDecoder,
    "seq2seq": Seq2SeqDecoder,
    "every_step": EveryStepDecoder,
    "segments": SegmentsDecoder,
}
"""What `network.decoder` names."""

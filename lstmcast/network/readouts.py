"""Encoding -> the one vector that the direct decoder forecasts from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lstmcast.network.recurrent import Encoding, RecurrentEncoder

Readout = Callable[[Encoding, Tensor | None], Tensor]


def read_last(encoding: Encoding, mask: Tensor | None) -> Tensor:
    """(B, D * U) the output of the last step."""
    return encoding.last


def read_state(encoding: Encoding, mask: Tensor | None) -> Tensor:
    """(B, sum of L * D * U) the final h, and c of an LSTM, of every layer and direction."""
    parts = [
        part.transpose(0, 1).flatten(1)
        for state in encoding.states
        for part in (state if isinstance(state, tuple) else (state,))
    ]
    return torch.cat(parts, dim=1)


def read_mean(encoding: Encoding, mask: Tensor | None) -> Tensor:
    """(B, D * U) the mean of all steps that are not padded."""
    if mask is None:
        return encoding.outputs.mean(dim=1)
    return (encoding.outputs * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def read_all(encoding: Encoding, mask: Tensor | None) -> Tensor:
    """(B, T * D * U) the outputs of all steps; those of padded steps are 0."""
    outputs = encoding.outputs if mask is None else encoding.outputs * mask[:, :, None]
    return outputs.flatten(1)


READOUTS: dict[str, Readout] = {
    "last": read_last,
    "state": read_state,
    "mean": read_mean,
    "all": read_all,
}
"""What `network.readout` names."""


def readout_width(name: str, encoder: RecurrentEncoder, lookback: int) -> int:
    """Numbers that a readout gives for each window."""
    if name == "state":
        return encoder.state_width()
    return encoder.width * (lookback if name == "all" else 1)

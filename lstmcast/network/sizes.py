"""The lengths of all axes of a network's windows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

MAX_WIDTH = 50

SEGMENTS = 15
"""Segments in a window if `network.segment` is `auto`."""
FEWEST = 4
"""Segments in a window without which `auto` does not take a season for a segment."""


@dataclass(frozen=True)
class Category:
    """One column of categories among the columns of a window.

    Attributes:
        column: Its name.
        static: Whether it is a static column.
        place: Along F, or along K where static.
        count: n, categories seen in training; codes are 0 (unknown) to n.
        width: E, of their vectors.
        fixed: Whether the vectors are given, and not trained on.
    """

    column: str
    static: bool
    place: int
    count: int
    width: int
    fixed: bool = False


def embedding_width(count: int) -> int:
    """Default width of the embeddings of n categories: 1.6 n^0.56, at most 50.

    Source: the rule of thumb of fastai's tabular models, there with at most 600.
    """
    return int(max(1, min(MAX_WIDTH, round(1.6 * float(count) ** 0.56))))


def segment_length(segment: int | str, lookback: int, season: int) -> int:
    """Steps in a segment; `auto` cuts a window into about 15, of whole seasons if it can."""
    if isinstance(segment, int):
        return min(segment, lookback)
    length = max(1, round(lookback / SEGMENTS))
    if 1 < season <= lookback // FEWEST:
        return season * max(1, round(length / season))
    return length


@dataclass(frozen=True)
class Sizes:
    """Axes of the windows that a network is built for.

    Attributes:
        lookback: T, steps.
        horizon: H, steps.
        inputs: F, columns of the window: targets, past, future.
        targets: C.
        future: F', known-future columns.
        static: K, static columns.
        categories: Which of the columns hold codes of categories.
        levels: Of the intervals that a head of quantiles forecasts, in percent.
        season: Steps in a season, where the network is built by it; otherwise 1.
    """

    lookback: int
    horizon: int
    inputs: int
    targets: int
    future: int = 0
    static: int = 0
    categories: tuple[Category, ...] = ()
    levels: tuple[float, ...] = ()
    season: int = 1

    def to_json(self) -> dict[str, Any]:
        """As a plain dict."""
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Sizes:
        """The sizes that `to_json` described."""
        categories = tuple(Category(**one) for one in state.get("categories", ()))
        levels = tuple(state.get("levels", ()))
        return cls(**{**state, "categories": categories, "levels": levels})

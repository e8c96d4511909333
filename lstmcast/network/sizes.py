"""The lengths of all axes of a network's windows."""

from __future__ import annotations

from dataclasses import asdict, dataclass


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
    """

    lookback: int
    horizon: int
    inputs: int
    targets: int
    future: int = 0
    static: int = 0

    def to_json(self) -> dict[str, int]:
        """As a plain dict, to be given back as keywords."""
        return asdict(self)

"""The order in which an epoch visits its windows; of many windows made as it is needed.

Up to a pool of windows the order is a permutation of all of them. Of more, the windows are cut into
blocks that follow each other in the table, the blocks are shuffled, and the windows of a pool of
blocks are shuffled among each other: a pass over the table touches a bounded part of it at a time,
so that the pages of a table larger than memory are read once an epoch and not once a window. Each
batch still holds windows of as many parts of the table as a pool has blocks. Held are the order of
the blocks and that of one pool.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lstmcast.windows.windows import WindowIndex

BLOCK_BYTES, MOST_BLOCK, SPANS = 1 << 16, 1 << 12, 4
"""Bytes of the table under a block of windows; most windows in a block; smallest ratio of a block
to the rows of one window, so that few rows are read for two blocks."""

POOL_BYTES, LEAST_POOL, MOST_POOL = 1 << 30, 1 << 16, 1 << 22
"""Bytes of the table under a pool of windows; fewest and most windows in a pool."""


@dataclass(frozen=True)
class Pools:
    """How many windows are shuffled together.

    Attributes:
        block: Windows that follow each other in the table.
        pool: Windows, in whole blocks, that are shuffled among each other.
    """

    block: int
    pool: int


def pools_of(row_bytes: int, stride: int, span: int) -> Pools:
    """The pools of a table.

    They depend on the table and the config alone, never on the machine: they decide numbers.

    Args:
        row_bytes: Of a row of the scaled table.
        stride: Rows from one window to the next.
        span: T + H, rows of a window.
    """
    apart = max(row_bytes * stride, 1)
    block = min(max(BLOCK_BYTES // apart, SPANS * span // stride, 1), MOST_BLOCK)
    pool = int(np.clip(POOL_BYTES // apart, LEAST_POOL, MOST_POOL))
    return Pools(block, max(pool // block, 1) * block)


@dataclass(frozen=True)
class Order:
    """The order of the windows of an epoch.

    Attributes:
        index: The windows.
        seed: Of the shuffle; None: the order of the index.
        epoch: From 1; each has an order of its own.
        sample: `windows`, each once; or `series`: as many, of a series drawn at random each time.
        pools: What is shuffled together.
    """

    index: WindowIndex
    seed: int | None
    epoch: int
    sample: str
    pools: Pools

    def places(self) -> Callable[[int, int], np.ndarray]:
        """The windows at positions `begin` to `end` of an epoch."""
        count, size = len(self.index), self.pools.pool
        seed = self.seed
        if seed is None:
            return lambda begin, end: np.arange(begin, end)
        last = max(count // size, 1) - 1  # the last pool has the rest too

        @lru_cache(maxsize=1)
        def pool(number: int) -> np.ndarray:
            if self.sample == "series":
                windows = count - last * size if number == last else size
                return series_order(self.index, seed, self.epoch, number, windows)
            if count <= size:
                return epoch_order(count, seed, self.epoch)
            return self._shuffled(blocks(), seed, number, number == last)

        @lru_cache(maxsize=1)
        def blocks() -> np.ndarray:
            whole = count // self.pools.block  # what is behind the last whole one stays last
            return np.append(epoch_order(whole, seed, self.epoch), whole)

        def places(begin: int, end: int) -> np.ndarray:
            first, behind = (min(place // size, last) for place in (begin, max(begin, end - 1)))
            return np.concatenate(
                [
                    pool(number)[max(begin - number * size, 0) : end - number * size]
                    for number in range(first, behind + 1)
                ]
            )

        return places

    def _shuffled(self, blocks: np.ndarray, seed: int, pool: int, is_last: bool) -> np.ndarray:
        """(B,) the windows of some blocks in one order."""
        size, many = self.pools.block, self.pools.pool // self.pools.block
        heads = size * blocks[pool * many : None if is_last else (pool + 1) * many]
        windows = (heads[:, None] + np.arange(size)).ravel()
        windows = windows[windows < len(self.index)]
        _generator(seed, self.epoch, pool + 1).shuffle(windows)
        return windows


def epoch_order(count: int, seed: int | None, epoch: int) -> np.ndarray:
    """(N,) the order in which an epoch visits its windows: shuffled, or 0..N-1 without seed."""
    return np.arange(count) if seed is None else _generator(seed, epoch).permutation(count)


def series_order(
    index: WindowIndex, seed: int, epoch: int, part: int = 0, count: int | None = None
) -> np.ndarray:
    """(N,) windows for a part of an epoch: a series at random, then one of its windows at random.

    Args:
        index: The windows.
        seed: Of the draw.
        epoch: Its number.
        part: Its number in the epoch.
        count: N; None: as many as there are.
    """
    heads = np.flatnonzero(np.diff(index.series, prepend=-1))  # runs lie in order of series
    counts = np.add.reduceat(index.counts, heads)
    rng = _generator(seed, epoch, part)
    drawn = rng.integers(len(counts), size=len(index) if count is None else count)
    first = np.cumsum(counts) - counts
    order: np.ndarray = first[drawn] + rng.integers(counts[drawn])
    return order


def _generator(seed: int, epoch: int, part: int = 0) -> np.random.Generator:
    """Random generator of a part of an epoch; 2^192 blocks separate two parts."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch], counter=[0, 0, 0, part]))

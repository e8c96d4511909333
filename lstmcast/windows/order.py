"""The order in which an epoch visits its windows, shuffled in bounded memory.

If all windows fit a pool, the order is a permutation of them. Otherwise the windows are cut into
blocks of neighbours in the table, the blocks are shuffled, and then the windows within each pool of
blocks. So training reads a bounded part of the table at a time, and a table larger than memory is
read once per epoch, not once per window. A batch still mixes as many parts of the table as a pool
has blocks. Memory holds the order of the blocks and the order of one pool.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lstmcast.windows.windows import WindowIndex

BLOCK_BYTES, MOST_BLOCK, SPANS = 1 << 16, 1 << 12, 4
"""Bytes of the table in a block; most windows in a block; least rows of a block, in lengths of a
window (so that blocks share few rows)."""

POOL_BYTES, LEAST_POOL, MOST_POOL = 1 << 30, 1 << 16, 1 << 22
"""Bytes of the table in a pool; fewest and most windows in a pool."""


@dataclass(frozen=True)
class Pools:
    """Sizes of blocks and pools.

    Attributes:
        block: Neighbouring windows that stay in one pool.
        pool: Windows, in whole blocks, that are shuffled together.
    """

    block: int
    pool: int


def pools_of(row_bytes: int, stride: int, span: int) -> Pools:
    """The pools of a table.

    They change the forecasts, so they depend only on the table and the config, not on the machine.

    Args:
        row_bytes: Bytes of a row of the scaled table.
        stride: Rows from one window to the next.
        span: T + H, rows of a window.
    """
    apart = max(row_bytes * stride, 1)
    block = min(max(BLOCK_BYTES // apart, SPANS * span // stride, 1), MOST_BLOCK)
    pool = int(np.clip(POOL_BYTES // apart, LEAST_POOL, MOST_POOL))
    return Pools(block, max(pool // block, 1) * block)


@dataclass(frozen=True)
class Order:
    """The order of the windows in an epoch.

    Attributes:
        index: The windows.
        seed: Random seed of the shuffle; None: the order of the index.
        epoch: Number of the epoch, from 1; each has its own order.
        sample: `windows`: each window once; `series`: as many draws, each from a random series.
        pools: Sizes of blocks and pools.
    """

    index: WindowIndex
    seed: int | None
    epoch: int
    sample: str
    pools: Pools

    def places(self) -> Callable[[int, int], np.ndarray]:
        """A function (begin, end) -> the windows at these positions of the epoch."""
        count, size = len(self.index), self.pools.pool
        seed = self.seed
        if seed is None:
            return lambda begin, end: np.arange(begin, end)
        last = max(count // size, 1) - 1  # the last pool also has the rest

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
            whole = count // self.pools.block  # the incomplete block stays last
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
    """(N,) the order of an epoch's windows: shuffled, or 0..N-1 without a seed."""
    return np.arange(count) if seed is None else _generator(seed, epoch).permutation(count)


def series_order(
    index: WindowIndex, seed: int, epoch: int, part: int = 0, count: int | None = None
) -> np.ndarray:
    """(N,) windows for a part of an epoch: a random series, then a random window of it.

    Args:
        index: The windows.
        seed: Random seed.
        epoch: Number of the epoch.
        part: Number of the part.
        count: N; None: the number of windows.
    """
    heads = np.flatnonzero(np.diff(index.series, prepend=-1))  # runs are ordered by series
    counts = np.add.reduceat(index.counts, heads)
    rng = _generator(seed, epoch, part)
    drawn = rng.integers(len(counts), size=len(index) if count is None else count)
    first = np.cumsum(counts) - counts
    order: np.ndarray = first[drawn] + rng.integers(counts[drawn])
    return order


def _generator(seed: int, epoch: int, part: int = 0) -> np.random.Generator:
    """Random generator of a part of an epoch; two parts are 2^192 blocks of numbers apart."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch], counter=[0, 0, 0, part]))

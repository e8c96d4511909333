"""The order in which an epoch visits its windows; of many windows computed, and never held.

Up to a pool of windows the order is a permutation of all of them, as an array. Of more, the windows
are cut into blocks that follow each other in the table, the blocks are shuffled, and the windows of
a pool of blocks are shuffled among each other: a pass over the table touches a bounded part of it
at a time, so that the pages of a table larger than memory are read once an epoch and not once a
window. Each batch still holds windows of as many parts of the table as a pool has blocks.

Shuffled is by a keyed permutation: a Feistel network over the smallest square of a power of two
that holds all places, walked along its cycle until it is back among them (Black & Rogaway, "Ciphers
with arbitrary finite domains", CT-RSA 2002). The hash in it is the finalizer of SplitMix64 (Steele,
Lea & Flood, OOPSLA 2014).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lstmcast.series.windows import WindowIndex

BLOCK_BYTES, MOST_BLOCK, SPANS = 1 << 16, 1 << 12, 4
"""Of the table that a block of windows lies over; windows in it at most; times a window's own rows
that it is at least, so that few rows are read for two blocks."""

POOL_BYTES, LEAST_POOL, MOST_POOL = 1 << 30, 1 << 16, 1 << 22
"""Of the table that a pool of windows may reach over; windows in a pool at least, and at most."""

ROUNDS = 6

_MASK = (1 << 64) - 1


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
    """Which windows stand at which places of an epoch.

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
        """What tells the windows at places `begin` to `end`."""
        count = len(self.index)
        if self.seed is None:
            return lambda begin, end: np.arange(begin, end)
        if count <= self.pools.pool:
            drawn = self.sample == "series"
            order = (
                series_order(self.index, self.seed, self.epoch)
                if drawn
                else epoch_order(count, self.seed, self.epoch)
            )
            return lambda begin, end: order[begin:end]
        if self.sample == "series":
            return _Drawn(self.index, self.seed, self.epoch)
        return Pooled(count, self.pools, self.seed, self.epoch)


class Pooled:
    """A permutation of 0..N-1 by pools of shuffled blocks; call it with two places.

    Args:
        count: N, more than a pool.
        pools: What is shuffled together.
        seed: Of the shuffle.
        epoch: Its number.
    """

    def __init__(self, count: int, pools: Pools, seed: int, epoch: int) -> None:
        self.count, self.pool, self.block = count, pools.pool, pools.block
        self.blocks = count // self.block  # what is left behind the last joins the last pool
        self.pools = max(1, self.blocks * self.block // self.pool)
        self.key = _mix((seed * 0x9E3779B97F4A7C15 + epoch * 0xD1B54A32D192ED03) & _MASK)

    def __call__(self, begin: int, end: int) -> np.ndarray:
        """(end - begin,) windows at these places."""
        parts = []
        while begin < end:
            number = min(begin // self.pool, self.pools - 1)
            first = number * self.pool
            behind = self.count if number == self.pools - 1 else first + self.pool
            stop = min(end, behind)
            places = np.arange(begin - first, stop - first)
            within = permuted(places, behind - first, _mix(self.key + 2 * number + 1))
            parts.append(self._windows(within, first // self.block))
            begin = stop
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def _windows(self, within: np.ndarray, first: int) -> np.ndarray:
        """The windows at places of a pool whose blocks are the `first` and later of the shuffle."""
        block, place = np.divmod(within, self.block)
        whole = first + block < self.blocks
        used, inverse = np.unique(np.where(whole, first + block, 0), return_inverse=True)
        shuffled = permuted(used, self.blocks, self.key)[inverse]
        windows: np.ndarray = np.where(whole, shuffled, self.blocks) * self.block + place
        return windows


class _Drawn:
    """Windows of series drawn at random, so many places at a time."""

    def __init__(self, index: WindowIndex, seed: int, epoch: int) -> None:
        heads = np.flatnonzero(np.diff(index.series, prepend=-1))
        self.counts = np.add.reduceat(index.counts, heads)
        self.first = np.cumsum(self.counts) - self.counts
        self.key = _mix((seed * 0x9E3779B97F4A7C15 + epoch * 0xD1B54A32D192ED03) & _MASK)

    def __call__(self, begin: int, end: int) -> np.ndarray:
        """(end - begin,) windows at these places, each drawn by its place alone."""
        places = np.arange(begin, end, dtype=np.uint64)
        series = _hash(places, np.uint64(self.key)) % np.uint64(len(self.counts))
        chosen = series.astype(np.int64)
        within = _hash(places, np.uint64(_mix(self.key + 1))) % self.counts[chosen].astype(
            np.uint64
        )
        windows: np.ndarray = self.first[chosen] + within.astype(np.int64)
        return windows


def permuted(places: np.ndarray, count: int, key: int) -> np.ndarray:
    """Where a keyed permutation of 0..count-1 takes some places (B,)."""
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    mask, shift = np.uint64((1 << half) - 1), np.uint64(half)
    keys = [np.uint64(_mix(key + number)) for number in range(ROUNDS)]

    def walk(values: np.ndarray) -> np.ndarray:
        left, right = values >> shift, values & mask
        for each in keys:
            left, right = right, left ^ (_hash(right, each) & mask)
        return (left << shift) | right

    result = walk(places.astype(np.uint64))
    outside = np.flatnonzero(result >= np.uint64(count))
    while len(outside):  # a permutation of all: the cycle comes back
        result[outside] = walk(result[outside])
        outside = outside[result[outside] >= np.uint64(count)]
    return result.astype(np.int64)


def epoch_order(count: int, seed: int | None, epoch: int) -> np.ndarray:
    """(N,) the order in which an epoch visits its windows: shuffled, or 0..N-1 without seed."""
    if seed is None:
        return np.arange(count)
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(count)


def series_order(index: WindowIndex, seed: int, epoch: int) -> np.ndarray:
    """(N,) windows for one epoch: a series at random, then one of its windows at random."""
    heads = np.flatnonzero(np.diff(index.series, prepend=-1))  # runs lie in order of series
    counts = np.add.reduceat(index.counts, heads)
    rng = np.random.Generator(np.random.Philox(key=[seed, epoch]))
    drawn = rng.integers(len(counts), size=len(index))
    first = np.cumsum(counts) - counts
    order: np.ndarray = first[drawn] + rng.integers(counts[drawn])
    return order


def _hash(values: np.ndarray, key: np.uint64) -> np.ndarray:
    """The finalizer of SplitMix64, of each value with a key."""
    mixed = values + key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def _mix(value: int) -> int:
    """The same of one number."""
    return int(_hash(np.array([value & _MASK], dtype=np.uint64), np.uint64(0x9E3779B97F4A7C15))[0])

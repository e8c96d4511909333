"""What the process is set to while it trains: memory kept, numbers next to zero flushed."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator

import torch

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""glibc's names of the two options in <malloc.h>."""

LARGEST = 2**31 - 1
"""An option is a C int; the activations of 4,096 windows need all of it."""

DEFAULT = 128 * 1024
"""What both options are to begin with, in bytes."""


@contextlib.contextmanager
def tuned_process() -> Iterator[None]:
    """Make training steps fast, and put the process back behind them.

    Two habits of the machine cost more than the arithmetic. glibc gives large blocks back to the
    kernel as soon as they are freed, and every step faults all their pages in again: kept, a step
    of 1,024 windows has 2 page faults in place of 97,000. And gradients that fade over many steps
    end below 1e-38, where Intel's processors are a hundred times slower: there they become 0. (Two
    layers of 128 units, 168 steps, 256 windows: the backward pass took 5.7 s and takes 0.5 s.)

    Threads take their settings over from the one that starts them: this should stand before the
    first arithmetic in more than one thread.
    """
    flushed_before = sys.float_info.min / 2 == 0.0
    torch.set_flush_denormal(True)
    _keep_blocks_below(LARGEST)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed_before)
        _keep_blocks_below(DEFAULT)


def _keep_blocks_below(size: int) -> None:
    """Have freed blocks of fewer bytes kept by the process, where its memory is glibc's."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        return  # another C library
    library.mallopt(MMAP_THRESHOLD, size)
    library.mallopt(TRIM_THRESHOLD, size)
    if size == DEFAULT:
        library.malloc_trim(0)

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

USUAL = 32 * 1024 * 1024
"""What the first comes to by itself in a process that frees large blocks, the other to twice that.

Once set they stay: with the 128 KiB that they begin with, what comes after a training would fault
in all its pages.
"""


@contextlib.contextmanager
def fast_training_process() -> Iterator[None]:
    """Make training steps fast, and restore the process afterwards.

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
    _keep_blocks(LARGEST, LARGEST)
    try:
        yield
    finally:
        torch.set_flush_denormal(flushed_before)
        _keep_blocks(USUAL, 2 * USUAL)


def _keep_blocks(size: int, together: int) -> None:
    """Let the process keep freed blocks below a size, and a total size at its memory's end.

    Nothing happens where the memory is not glibc's.
    """
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    if not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        return  # another C library
    library.mallopt(MMAP_THRESHOLD, size)
    library.mallopt(TRIM_THRESHOLD, together)
    if size < LARGEST:
        library.malloc_trim(0)

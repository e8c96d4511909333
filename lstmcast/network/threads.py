"""How many threads a network's arithmetic is given, by a rule of its shape alone."""

from __future__ import annotations

import torch

WORTH_SHARING = 128 * 128
"""Windows in a batch times units, from which a step is given all threads.

Threads of small steps spend their time waiting for each other. On two cores (torch 2.13, lookback
96), a step of 64 windows and 64 units took 24 ms in one thread and 15 ms in two on an idle machine,
but 44 ms and 2,080 ms beside two busy processes.
"""


def use_threads(batch_size: int, units: list[int]) -> None:
    """Compute small networks in one thread; leave torch's own number to large ones.

    The number follows from the config, never from a timing, so that sums are rounded the same way
    each time; it is never raised above what torch was started with.
    """
    if batch_size * max(units) < WORTH_SHARING:
        torch.set_num_threads(1)

"""How many threads a network's arithmetic is given, by a rule of its shape alone."""

from __future__ import annotations

import torch

WORTH_SHARING = 128 * 128
"""Windows in a batch times units, from which a step is given all threads.

Threads of small steps spend their time waiting for each other. On two cores (torch 2.13, lookback
96), a step of 64 windows and 64 units took 24 ms in one thread and 15 ms in two on an idle machine,
but 44 ms and 2,080 ms beside two busy processes.
"""


STARTED_WITH = torch.get_num_threads()


def use_threads(batch_size: int, units: list[int]) -> None:
    """Compute small networks in one thread; give large ones the number torch was started with.

    The number follows from the config, never from a timing, so that sums are rounded the same way
    each time. It holds for the process until the next call.
    """
    small = batch_size * max(units) < WORTH_SHARING
    torch.set_num_threads(1 if small else STARTED_WITH)

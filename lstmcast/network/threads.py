"""How many threads torch is given, by a rule of the network's shape alone."""

from __future__ import annotations

import torch

from lstmcast.config import NetworkConfig, TrainingConfig
from lstmcast.network.kernel.call import THREADS, made_for
from lstmcast.network.precision import choose_precision
from lstmcast.parallel import ranks

WORTH_SHARING = 128 * 128
"""Windows in a batch times units, from which a step by torch's layers is given all threads.

Threads of small steps spend their time waiting for each other. On two cores (torch 2.13, lookback
96), a step of 64 windows and 64 units took 24 ms in one thread and 15 ms in two on an idle machine,
but 44 ms and 2,080 ms beside two busy processes.
"""


def use_threads(network: NetworkConfig, training: TrainingConfig, pad: bool) -> None:
    """Have torch compute small networks in one thread, large ones in those it was started with.

    The number follows from the config, never from a timing, so that sums are rounded the same way
    each time. It holds for the process until the next call. Layers by `kernel` have threads of
    their own, and torch one: its others would wait beside them, and take a core each for that.

    Args:
        network: What is computed.
        training: Its batches, and the digits of its numbers.
        pad: Whether windows may be padded: these are computed by torch.
    """
    windows = ranks().most(training.batch_size)
    small = windows * max(network.units) < WORTH_SHARING
    has_own = not pad and _has_own(network, training.precision)
    torch.set_num_threads(1 if small or has_own else THREADS)


def _has_own(network: NetworkConfig, precision: str) -> bool:
    """Whether all recurrent layers of a training on a CPU use the compiled code's threads."""
    if not made_for(network):
        return False
    return choose_precision(precision, network, torch.device("cpu")) == torch.float32

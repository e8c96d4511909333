"""The compiled code as other processors have it, or none of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from lstmcast.network.kernel import call, load

NONE = "DEFAULT"
"""What torch calls a processor without vectors that matter here."""


@contextmanager
def held_to(kind: str) -> Iterator[None]:
    """Within the block, the library is that for a kind of processor: a key of LIBRARIES, or NONE.

    The test is skipped where this processor has not its instructions.
    """
    order = [*load.LIBRARIES, NONE]
    if order.index(kind) < order.index(torch.backends.cpu.get_cpu_capability()):
        pytest.skip(f"no {kind} here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: kind)
        _forget()
        try:
            yield
        finally:
            patch.undo()
            _forget()


def _forget() -> None:
    load.library.cache_clear()
    call._lanes.cache_clear()

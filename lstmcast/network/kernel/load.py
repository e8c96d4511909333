"""The compiled code (layer.c, update.c): whether there is one for this machine, and which."""

from __future__ import annotations

import ctypes
import hashlib
from functools import cache
from pathlib import Path

import torch

PACKAGE = Path(__file__).parents[2]
SOURCES = tuple(
    PACKAGE / name
    for name in (
        "network/kernel/layer.c",
        "training/update.c",
        "network/kernel/gates.h",
        "network/kernel/pool.h",
        "network/kernel/weights.h",
    )
)
LIBRARIES = {
    kind: PACKAGE / f"network/kernel/kernel_{kind.lower()}.so" for kind in ("AVX512", "AVX2")
}
"""By what torch calls the instructions that a processor has."""


@cache
def library() -> ctypes.CDLL | None:
    """The compiled code; None on other processors, or where there is none of just this source."""
    path = LIBRARIES.get(torch.backends.cpu.get_cpu_capability())
    if path is None or not path.is_file():
        return None
    try:
        found = ctypes.CDLL(str(path))
        made_of = _made_of(found)
    except (OSError, ValueError):  # it cannot be loaded here, or is something else
        return None
    sources = b"".join(each.read_bytes() for each in SOURCES)
    if made_of.split()[0] != hashlib.sha256(sources).hexdigest():
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    found.scratch_of.argtypes, found.scratch_of.restype = [pointer, number], number
    found.run_forward.argtypes = found.run_backward.argtypes = [pointer, number]
    found.update.argtypes = [pointer]
    return found


def code() -> ctypes.CDLL:
    """The library, for those who have seen that there is one."""
    found = library()
    assert found is not None, "check `library` first"
    return found


def identity() -> str | None:
    """Which compiled code a training on a CPU is rounded by; None: by torch's."""
    found = library()
    return None if found is None else hashlib.sha256(_made_of(found).encode()).hexdigest()[:12]


def _made_of(code: ctypes.CDLL) -> str:
    """Digest of the source, flags, compiler."""
    return (ctypes.c_char_p.in_dll(code, "made_of").value or b"?").decode()

"""The memory that the process uses, and the memory that is free."""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path

from lstmcast.config import Config
from lstmcast.config.values import memory_bytes
from lstmcast.errors import ConfigError

READ = 2
"""Least memory to read a CSV file, in units of its size: its bytes and its numbers."""


def memory_budget(config: Config | None) -> int | None:
    """Bytes that this process may use in total; None if unknown.

    `training.memory_limit`, or the memory in use plus the free memory.
    """
    if config is not None and config.training.memory_limit is not None:
        return memory_bytes(config.training.memory_limit)
    free = available()
    return None if free is None else resident() + free


def check_file(path: Path, config: Config | None) -> None:
    """Refuse a table whose file is too large for the memory, before it is read.

    Raises:
        ConfigError: Says how much memory the file needs, and how much there is.
    """
    packed = path.suffix.lower() in (".gz", ".parquet", ".pq")
    limit = memory_budget(config)
    if packed or limit is None or not path.is_file():
        return
    least = READ * path.stat().st_size
    if least > limit:
        raise ConfigError(
            f"{path} has {gigabytes(path.stat().st_size)}; reading it needs at least "
            f"{gigabytes(least)} of memory, and there are {gigabytes(limit)}: name it in a config "
            "with data.storage: disk, save it as Parquet, or set training.memory_limit"
        )


def resident() -> int:
    """Bytes of memory that this process uses now; if unknown, its peak."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return peak()
    return pages * mmap.PAGESIZE


def anonymous() -> int:
    """Resident bytes that are not mapped from files; if unknown, all resident bytes."""
    for line in _lines(Path("/proc/self/status")):
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    return resident()


def peak() -> int:
    """Peak of the memory of this process, in bytes."""
    import resource  # Windows has none

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def available() -> int | None:
    """Free bytes, within the limits of the machine and of its container."""
    found = [free for free in (_of_machine(), *_of_container()) if free is not None]
    return max(min(found), 0) if found else None


def _of_machine() -> int | None:
    """Bytes available without swapping; if not on Linux, all physical memory."""
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    try:
        return os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE - resident()
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _of_container() -> list[int | None]:
    """Bytes free within control groups, version 2 and 1; caches count as free."""
    root = Path("/sys/fs/cgroup")
    own = [line.rpartition(":")[2].strip("/") for line in _lines(Path("/proc/self/cgroup"))]
    folders = [root, *(root / name for name in own if name)]
    found = [_left(place / "memory.max", place / "memory.current", place) for place in folders]
    old = root / "memory"
    return [*found, _left(old / "memory.limit_in_bytes", old / "memory.usage_in_bytes", old)]


def _left(limit: Path, used: Path, folder: Path) -> int | None:
    limits, uses = _lines(limit), _lines(used)
    if not (limits and uses and limits[0].isdigit() and uses[0].isdigit()):
        return None  # there is no limit, or it reads "max"
    stats = dict(line.split()[:2] for line in _lines(folder / "memory.stat") if line.count(" "))
    return int(limits[0]) - int(uses[0]) + int(stats.get("inactive_file", 0))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def gigabytes(size: float) -> str:
    """A size in words: 1.5 GB, 320 MB."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size, 1e6) / 1e6:.0f} MB"

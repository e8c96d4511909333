"""Parallel processes (ranks) under torchrun: broadcast, all-reduce and all-gather between them.

torchrun starts the same command several times and numbers the processes: their ranks. All ranks run
the same program; each does its share of large work, and an all-reduce or all-gather combines the
results, so that all ranks have them. Only rank 0 writes files and prints.

The ranks exchange numbers, and text as JSON; nothing is unpickled. Without torchrun there is one
rank, `ALONE`: every exchange returns its input, and torch is not imported here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lstmcast.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor
    from torch.distributed.distributed_c10d import Store

PATIENCE = timedelta(hours=2)
"""How long a rank waits for the others; a dead rank closes its connection, which shows at once."""

PRECEDENCE = 0.5
"""Seconds that a rank waits so that a rank with more information can print the error."""

VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Environment variables that torchrun sets for each process."""


@dataclass(frozen=True)
class Ranks:
    """One rank, and its connection to the others.

    Attributes:
        rank: Rank of this process, from 0.
        count: Number of processes.
        local: Rank among the processes of this machine.
        local_count: Processes on this machine.
        restarts: How often torchrun has restarted the processes.
        launch: Identifies the torchrun; it stays the same after a restart.
        store: Small values that all ranks share; None: there is one rank.
    """

    rank: int = 0
    count: int = 1
    local: int = 0
    local_count: int = 1
    restarts: int = 0
    launch: str = ""
    store: Store | None = None

    @property
    def alone(self) -> bool:
        """Whether there is one rank only."""
        return self.count == 1

    @property
    def first(self) -> bool:
        """Whether this is rank 0, which writes and prints."""
        return self.rank == 0

    def share(self, number: int) -> slice:
        """This rank's share of `number` items; the shares differ by one item at most."""
        return share_of(number, self.rank, self.count)

    def most(self, number: int) -> int:
        """Size of the largest share of `number` items."""
        return -(-number // self.count)

    def broadcast(self, value: Any = None) -> Any:
        """Broadcast a JSON value of rank 0 to all ranks; the others' values are ignored."""
        if self.alone:
            return value
        import numpy as np

        data = np.frombuffer(json.dumps(value).encode(), dtype=np.uint8)
        return json.loads(self.broadcast_array(data if self.first else None).tobytes())

    def broadcast_array(self, array: np.ndarray | None) -> np.ndarray:
        """Broadcast an array of rank 0 to all ranks; the others pass None."""
        if self.alone:
            assert array is not None, "rank 0 passes an array"
            return array
        import numpy as np
        import torch
        from torch import distributed

        said = "" if array is None else json.dumps([array.dtype.str, array.shape])
        head = torch.zeros(1024, dtype=torch.uint8)
        head[: len(said)] = torch.frombuffer(bytearray(said.encode() or b" "), dtype=torch.uint8)
        distributed.broadcast(head, 0)
        kind, shape = json.loads(head.numpy().tobytes().rstrip(b"\0"))
        whole = np.empty(shape, dtype=kind) if array is None else np.array(array, order="C")
        if whole.size:
            distributed.broadcast(torch.from_numpy(whole.reshape(-1).view(np.uint8)), 0)
        return whole

    def max(self, value: int) -> int:
        """The maximum of the values of all ranks; it also waits for all ranks."""
        if self.alone:
            return value
        import torch
        from torch import distributed

        found = torch.tensor(value)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return int(found)

    def all_reduce(self, values: Tensor) -> Tensor:
        """All-reduce: the sum of the tensors of all ranks, in place."""
        if not self.alone:
            from torch import distributed

            distributed.all_reduce(values)
        return values

    def all_reduce_arrays(self, arrays: Sequence[np.ndarray]) -> None:
        """Replace float64 arrays by their sums over all ranks."""
        if self.alone or not arrays:
            return
        import numpy as np
        import torch

        together = self.all_reduce(
            torch.from_numpy(np.concatenate([each.ravel() for each in arrays]))
        )
        begin = 0
        for each in arrays:
            each[...] = together[begin : begin + each.size].numpy().reshape(each.shape)
            begin += each.size

    def sum(self, value: int) -> int:
        """The sum of the integers of all ranks."""
        if self.alone:
            return value
        import torch

        return int(self.all_reduce(torch.tensor(value)))

    def send(self, text: str) -> None:
        """Send a text to rank 0; waits until rank 0 has received it."""
        import torch
        from torch import distributed

        data = torch.frombuffer(bytearray(text.encode() or b" "), dtype=torch.uint8)
        distributed.send(torch.tensor([len(data), bool(text)]), 0)
        distributed.send(data, 0)

    def received(self, own: str) -> Iterator[str]:
        """On rank 0: its own text, then the texts of the other ranks in their order."""
        yield own
        for rank in range(1, self.count):
            import torch
            from torch import distributed

            size = torch.empty(2, dtype=torch.int64)
            distributed.recv(size, rank)
            data = torch.empty(int(size[0]), dtype=torch.uint8)
            distributed.recv(data, rank)
            yield data.numpy().tobytes().decode() if size[1] else ""

    def all_gather(self, part: np.ndarray, axis: int = 0) -> np.ndarray:
        """All-gather: the arrays of all ranks, concatenated in the order of the ranks."""
        if self.alone:
            return part
        import numpy as np

        whole = [self._from(rank, part) for rank in range(self.count)]
        joined: np.ndarray = np.concatenate(whole, axis=axis)
        return joined

    def _from(self, rank: int, part: np.ndarray) -> np.ndarray:
        """Broadcast an array of one rank; shapes may differ between ranks."""
        import numpy as np
        import torch
        from torch import distributed

        shape = torch.tensor(part.shape)
        distributed.broadcast(shape, rank)
        mine = rank == self.rank
        whole = np.array(part, order="C") if mine else np.empty(tuple(shape.tolist()), part.dtype)
        if whole.size:
            distributed.broadcast(torch.from_numpy(whole.reshape(-1).view(np.uint8)), rank)
        return whole

    def may_speak(self, hearsay: bool = False) -> bool:
        """Whether this rank prints why the command ends; rank 0 has priority.

        Args:
            hearsay: Whether it only knows that another rank has ended; that rank has priority.
        """
        if self.store is None:
            return True
        time.sleep(PRECEDENCE * ((not self.first) + 2 * hearsay))
        try:
            return int(self.store.add("lstmcast/last words", 1)) == 1
        except RuntimeError:
            return self.first  # torchrun, which owns the store, has ended


ALONE = Ranks()
_joined = ALONE


def ranks() -> Ranks:
    """The ranks of this command; `ALONE` without torchrun."""
    return _joined


def share_of(number: int, part: int, parts: int) -> slice:
    """The items of one of several parts; the parts differ by one item at most."""
    return slice(number * part // parts, number * (part + 1) // parts)


def connect() -> None:
    """Connect to the other ranks; without torchrun nothing happens.

    Raises:
        ConfigError: The environment sets several processes but lacks variables of torchrun.
    """
    global _joined
    if "TORCHELASTIC_RUN_ID" in os.environ or os.environ.get("WORLD_SIZE", "1") not in ("", "1"):
        _joined = _of_environment()


def disconnect() -> None:
    """Disconnect from the other ranks after the work."""
    global _joined
    if not _joined.alone:
        from torch import distributed

        distributed.destroy_process_group()
    _joined = ALONE


def _of_environment() -> Ranks:
    missing = [name for name in VARIABLES if name not in os.environ]
    if missing:
        raise ConfigError(
            f"the environment sets {os.environ.get('WORLD_SIZE', 'several')} processes, but "
            f"{', '.join(missing)} is missing: start with torchrun, or unset WORLD_SIZE"
        )
    rank, count, local, local_count = (int(os.environ[name]) for name in VARIABLES[:4])
    named = os.environ.get("TORCHELASTIC_RUN_ID", "none")
    own = f"{os.uname().nodename} {os.getppid()}"  # the torchrun that started this process
    found = Ranks(
        rank,
        count,
        local,
        local_count,
        restarts=int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")),
        launch=own if named == "none" else f"{named} {own}",
    )
    if count == 1:
        return found
    import torch
    from torch import distributed
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    # Arrays in main memory use gloo, arrays on a GPU use nccl.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    shared, _, _ = next(rendezvous("env://", timeout=PATIENCE))
    # The store outlives the processes: after a restart it still has their old addresses.
    store = PrefixStore(f"lstmcast {found.restarts}", shared)
    distributed.init_process_group(
        backend, store=store, rank=rank, world_size=count, timeout=PATIENCE
    )
    return replace(found, store=store)


def peer_died(error: BaseException) -> bool:
    """Whether a collective operation failed because another rank has ended."""
    if ranks().alone or not isinstance(error, RuntimeError):
        return False
    from torch import distributed

    words = ("gloo", "Connection", "connection", "NCCL", "Broken pipe")
    return isinstance(error, distributed.DistError) or any(each in str(error) for each in words)

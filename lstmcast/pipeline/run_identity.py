"""begun.json: the identity of a run's inputs, so that a resume can detect changes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lstmcast.config import Config
from lstmcast.errors import DataError, RunError, join
from lstmcast.network.kernel.load import identity
from lstmcast.parallel import ranks
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.warm_start import fingerprint
from lstmcast.runs.reading import read_object

RunIdentity = dict[str, Any]

DATA_FIELDS = ("rows", "first", "last", "sha256")
"""Recorded properties of a table."""


def describe_inputs(prepared: Prepared, device: torch.device) -> RunIdentity:
    """The content of begun.json."""
    return {
        "config": without_paths(prepared.config),
        "data": {
            "rows": len(prepared.table.frame),
            "first": prepared.first,
            "last": prepared.last,
            "sha256": prepared.table.sha256,
        },
        "vectors": describe_vectors(prepared),
        **initial_weights(prepared.config.training.init_from),
        "made_with": {
            "device": str(device),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "kernel": identity(),
            "ranks": ranks().count,
        },
        **({"launch": ranks().launch} if ranks().launch else {}),
    }


def initial_weights(source: str | None) -> RunIdentity:
    """The checksum of the warm-start weights, if there are any."""
    return {} if source is None else {"init_from": fingerprint(source)}


def describe_vectors(prepared: Prepared) -> dict[str, str]:
    """SHA-256 of the given vectors of each column, for the categories of the table."""
    return {
        column: hashlib.sha256(given.known.tobytes() + given.unknown.tobytes()).hexdigest()
        for column, given in prepared.vectors.items()
    }


def without_paths(config: Config) -> RunIdentity:
    """A config as JSON without file paths: only the content of the files counts."""
    values = config.model_dump(mode="json")
    for name in ("path", "storage", "tables"):
        del values["data"][name]
    values["data"]["vectors"] = sorted(values["data"]["vectors"])
    del values["training"]["init_from"]
    return values


def digest_of_inputs(record: RunIdentity) -> str:
    """Checksum in every checkpoint of the run, of all inputs except the machine."""
    machine = ("made_with", "launch")
    inputs = {name: value for name, value in record.items() if name not in machine}
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def read_identity(path: Path) -> RunIdentity | None:
    """The identity of a run; None if the run ended before it was written.

    Raises:
        RunError: The file is damaged.
    """
    try:
        if not path.is_file():
            return None
        record = read_object(path)
        fields = {name: dict(record[name]) for name in ("config", "data", "vectors", "made_with")}
        return {**record, **fields}
    except (RunError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged ({error}); remove {path.parent} to start over") from None


@dataclass(frozen=True)
class EarlierRun:
    """A run to resume or to repeat, with the same inputs.

    Attributes:
        record: Its inputs, as from `describe_inputs`; an older version may have recorded fewer.
            None: it ended before they were written.
        config: Path of its config.
        resumed: Whether it resumes in its own folder; otherwise it is repeated in another one.
        kept: Whether the new folder stays.
    """

    record: RunIdentity | None
    config: str
    resumed: bool
    kept: bool = True

    @property
    def since(self) -> str:
        """The start of the time without changes, in the words of messages."""
        return "since the run began" if self.resumed else "since the run"

    def refuse_changes(self, now: RunIdentity, data: str) -> None:
        """Refuse a changed config, table (named `data` in messages), vector file or warm start.

        Raises:
            RunError: Names every difference in the first changed part.
        """
        if self.record is None:
            return
        was = {"init_from": None, **self.record} if self.resumed else self.record
        names = {"config": self.config, "data": data, "vectors": "a file of data.vectors"}
        for part, what in names.items():
            if part in was:
                refuse_changes(was[part], now[part], what, self.resumed)
        if "init_from" in was:
            before, after = {"sha256": was["init_from"]}, {"sha256": now.get("init_from")}
            refuse_changes(before, after, "training.init_from", self.resumed)

    def note_other_machine(self, now: RunIdentity, listener: ProgressListener) -> None:
        """Note each difference between this machine and the one that began the run."""
        if not self.resumed or self.record is None:
            return
        for name, was in self.record["made_with"].items():
            if now["made_with"].get(name) != was:
                listener.note(
                    f"The run began with {name} {was} and resumes with "
                    f"{now['made_with'].get(name)}: the last digits may differ from those of an "
                    "uninterrupted run."
                )


@contextlib.contextmanager
def same_data_as(earlier: EarlierRun | None) -> Iterator[None]:
    """Report a DataError on the table of an earlier run as a change of that table.

    Raises:
        RunError: The data has changed.
    """
    try:
        yield
    except DataError as error:
        if earlier is None or earlier.record is None:
            raise
        raise RunError(f"the data has changed {earlier.since}: {error}") from error


def require_same_on_all_ranks(record: RunIdentity) -> None:
    """Refuse a rank whose config, table or vectors differ from those of rank 0.

    Raises:
        DataError: On the ranks that differ.
    """
    first = ranks().broadcast(record)
    differing = [name for name in ("config", "data", "vectors") if first[name] != record[name]]
    if differing:
        raise DataError(
            f"rank {ranks().rank}, on {platform.node()}, has other {' and '.join(differing)} than "
            "rank 0: every machine must see the same files"
        )


def refuse_changes(
    was: RunIdentity,
    now: RunIdentity,
    what: str,
    resumed: bool = True,
) -> None:
    """Refuse a part of the inputs, named `what` in messages, that has changed.

    Raises:
        RunError: Names every difference.
    """
    advice = "Restore it to resume, or train into another folder"
    if not resumed:
        advice = "Restore it to train the run again, or start a new run with `lstmcast train`"
    before, after = flat(was), flat(now)
    faults = [
        f"{what} has changed since the run began: {name} was {before.get(name)}, and is "
        f"{after.get(name)}"
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
    if faults:
        raise join(RunError, [*faults[:-1], f"{faults[-1]}. {advice}"])


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values, by dotted name."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found

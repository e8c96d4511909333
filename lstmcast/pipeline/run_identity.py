"""begun.json: what a run is made of, so that a resume can tell whether it still is."""

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

TOLD_OF_DATA = ("rows", "first", "last", "sha256")
"""What is noted of a table."""


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
        **beginning_weights(prepared.config.training.init_from),
        "made_with": {
            "device": str(device),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "kernel": identity(),
            "ranks": ranks().count,
        },
        **({"launch": ranks().launch} if ranks().launch else {}),
    }


def beginning_weights(source: str | None) -> RunIdentity:
    """What a training begins with, if it is not random weights."""
    return {} if source is None else {"init_from": fingerprint(source)}


def describe_vectors(prepared: Prepared) -> dict[str, str]:
    """SHA-256 of the given vectors of each column: of those that the table's words have."""
    return {
        column: hashlib.sha256(given.known.tobytes() + given.unknown.tobytes()).hexdigest()
        for column, given in prepared.vectors.items()
    }


def without_paths(config: Config) -> RunIdentity:
    """A config as JSON without the places of its files: their content is what counts."""
    values = config.model_dump(mode="json")
    for name in ("path", "storage", "tables"):
        del values["data"][name]
    values["data"]["vectors"] = sorted(values["data"]["vectors"])
    del values["training"]["init_from"]
    return values


def digest_of(record: RunIdentity) -> str:
    """What every checkpoint of the run carries; the machine may change, the rest may not."""
    about_the_machine = ("made_with", "launch")
    made_of = {name: value for name, value in record.items() if name not in about_the_machine}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def read_identity(path: Path) -> RunIdentity | None:
    """The record of a run; None where it ended before it had one.

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
    """A run that is gone on with, or made once more, and must be made of the same.

    Attributes:
        record: What it was made of, as `describe_inputs` has it; parts that nobody noted may
            lack. None: it ended before that was noted.
        config: Path of its config.
        goes_on: Whether it was interrupted and goes on in its own folder.
        kept: Whether the folder that is filled now stays.
    """

    record: RunIdentity | None
    config: str
    goes_on: bool
    kept: bool = True

    @property
    def since(self) -> str:
        """How messages call the time from which nothing may have changed."""
        return "since the run began" if self.goes_on else "since the run"

    def refuse_changes(self, now: RunIdentity, data: str) -> None:
        """Refuse another config, other data or other weights to begin with.

        Args:
            now: What there is.
            data: What messages call the table.

        Raises:
            RunError: Names every difference of the first of these that differs.
        """
        if self.record is None:
            return
        was = {"init_from": None, **self.record} if self.goes_on else self.record
        names = {"config": self.config, "data": data, "vectors": "a file of data.vectors"}
        for part, what in names.items():
            if part in was:
                refuse_changes(was[part], now[part], what, self.goes_on)
        if "init_from" in was:
            before, after = {"sha256": was["init_from"]}, {"sha256": now.get("init_from")}
            refuse_changes(before, after, "training.init_from", self.goes_on)

    def note_machine(self, now: RunIdentity, listener: ProgressListener) -> None:
        """Say in what the machine is another than the one that a run began on."""
        if not self.goes_on or self.record is None:
            return
        for name, was in self.record["made_with"].items():
            if now["made_with"].get(name) != was:
                listener.note(
                    f"The run began with {name} {was} and goes on with "
                    f"{now['made_with'].get(name)}: the last digits may differ from those of a run "
                    "never interrupted."
                )


@contextlib.contextmanager
def same_data_as(earlier: EarlierRun | None) -> Iterator[None]:
    """Data that could be used once, and in the block cannot, has changed since.

    Raises:
        RunError: It has.
    """
    try:
        yield
    except DataError as error:
        if earlier is None or earlier.record is None:
            raise
        raise RunError(f"the data has changed {earlier.since}: {error}") from error


def require_same_on_all_ranks(record: RunIdentity) -> None:
    """Refuse ranks that have read another table, or another config, than rank 0.

    Raises:
        DataError: This one has.
    """
    told = ranks().broadcast(record)
    differing = [name for name in ("config", "data", "vectors") if told[name] != record[name]]
    if differing:
        raise DataError(
            f"rank {ranks().rank}, on {platform.node()}, has other {' and '.join(differing)} than "
            "rank 0: every machine must see the same files"
        )


def refuse_changes(
    was: RunIdentity,
    now: RunIdentity,
    what: str,
    goes_on: bool = True,
) -> None:
    """Refuse to go on with something else than what the run began with.

    Args:
        was: One part of the record.
        now: The same part as it is.
        what: It in words.
        goes_on: Whether the run was interrupted; otherwise it is made once more.

    Raises:
        RunError: Names every difference.
    """
    advice = "Put it back to resume, or train again into another folder"
    if not goes_on:
        advice = "Put it back to train the run again, or train anew with `lstmcast train`"
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
    """Nested values by dotted name."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found

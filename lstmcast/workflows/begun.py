"""begun.json: what a run is made of, so that a resume can tell whether it still is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lstmcast.config import Config
from lstmcast.errors import RunError, join
from lstmcast.network.library import identity
from lstmcast.ranks import ranks
from lstmcast.run_files import read_object
from lstmcast.workflows.begin_from import fingerprint
from lstmcast.workflows.prepared import Prepared

Record = dict[str, Any]


def describe_beginning(prepared: Prepared, device: torch.device) -> Record:
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


def beginning_weights(source: str | None) -> Record:
    """What a training begins with, if it is not random weights."""
    return {} if source is None else {"init_from": fingerprint(source)}


def beginnings(was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Record, Record]:
    """The weights that two trainings begin with, to be compared."""
    return {"sha256": was.get("init_from")}, {"sha256": now.get("init_from")}


def describe_vectors(prepared: Prepared) -> dict[str, str]:
    """SHA-256 of the given vectors of each column: of those that the table's words have."""
    return {
        column: hashlib.sha256(given.known.tobytes() + given.unknown.tobytes()).hexdigest()
        for column, given in prepared.vectors.items()
    }


def without_paths(config: Config) -> Record:
    """A config as JSON without the places of its files: their content is what counts."""
    values = config.model_dump(mode="json")
    for name in ("path", "storage", "tables"):
        del values["data"][name]
    values["data"]["vectors"] = sorted(values["data"]["vectors"])
    del values["training"]["init_from"]
    return values


def digest_of(record: Record) -> str:
    """What every checkpoint of the run carries; the machine may change, the rest may not."""
    about_the_machine = ("made_with", "launch")
    made_of = {name: value for name, value in record.items() if name not in about_the_machine}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()


def read_record(path: Path) -> Record | None:
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


def refuse_changes(
    was: Record,
    now: Record,
    what: str,
    advice: str = "Put it back to resume, or train again into another folder",
) -> None:
    """Refuse to go on with something else than what the run began with.

    Args:
        was: One part of the record.
        now: The same part as it is.
        what: It in words.
        advice: What to do.

    Raises:
        RunError: Names every difference.
    """
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

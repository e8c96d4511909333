"""`lstmcast compare`: runs side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstmcast.config.shapes import spelled
from lstmcast.errors import ConfigError, RunError
from lstmcast.proposing.source import config_of_run
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.reading import read_object

NETWORK = "lstmcast"


@dataclass(frozen=True)
class Compared:
    """One run.

    Attributes:
        run: The folder.
        scores: Of the network on the test rows; empty without test rows.
        differs: The config fields that differ between the runs, as in YAML.
    """

    run: Path
    scores: dict[str, Any]
    differs: dict[str, str]


@dataclass(frozen=True)
class Comparison:
    """Runs, the best first.

    Attributes:
        runs: Best first.
        measure: The score that orders them.
        judged_alike: Whether all were scored on the same windows of the same table.
    """

    runs: list[Compared]
    measure: str
    judged_alike: bool

    def best(self, measure: str) -> float | None:
        """The best value of a measure; None if no run has it."""
        values = [value for run in self.runs if (value := run.scores.get(measure)) is not None]
        return min(values, key=lambda value: badness(measure, value), default=None)


def badness(measure: str, value: float) -> float:
    """A number that is lower for a better score."""
    if measure.startswith("skill"):
        return -value
    if measure.startswith("coverage_"):
        return abs(value - float(measure.removeprefix("coverage_")) / 100)
    return abs(value)  # a bias is as bad in either direction


def compare(paths: Sequence[Path], measure: str) -> Comparison:
    """Order run folders, or folders of run folders, by a score of metrics.json, best first.

    Raises:
        ConfigError: No run has this score.
        RunError: There is no run, or a run is damaged.
    """
    folders = list(dict.fromkeys(run for path in paths for run in runs_in(path)))
    scores = [scores_of(folder) for folder in folders]
    known = list(dict.fromkeys(name for score in scores for name in score))
    if measure not in known:
        raise ConfigError(f"--sort {measure}: the runs have {', '.join(known) or 'no test scores'}")
    differing = differences([settings_of(folder) for folder in folders])
    parts = zip(folders, scores, differing, strict=True)
    runs = sorted(
        (Compared(folder.path, score, differs) for folder, score, differs in parts),
        key=lambda run: _rank(run, measure),
    )
    judged = {json.dumps(scored_on(folder), sort_keys=True) for folder in folders}
    return Comparison(runs, measure, len(judged) == 1)


def _rank(run: Compared, measure: str) -> tuple[bool, float]:
    value = run.scores.get(measure)
    return (value is None, 0.0 if value is None else badness(measure, value))


def runs_in(path: Path) -> list[RunFolder]:
    """The run in a folder, or the runs in its subfolders.

    Raises:
        RunError: There is no run.
    """
    if RunFolder(path).metrics.is_file():
        return [RunFolder(path)]
    inside = sorted(path.iterdir()) if path.is_dir() else []
    runs = [RunFolder(entry) for entry in inside if RunFolder(entry).metrics.is_file()]
    if not runs:
        lacks = RunFolder(path).what_lacks()
        raise RunError(
            f"{path} is neither a finished run nor a folder of runs: no metrics.json; {lacks}"
        )
    return runs


def scores_of(run: RunFolder) -> dict[str, float | None]:
    """The pooled scores of the network on the test rows; empty without test rows."""
    scores = (read_object(run.metrics).get("test") or {}).get(NETWORK, {})
    return {
        name: value
        for name, value in scores.items()
        if isinstance(value, float | None) and name not in ("windows", "points")
    }


def scored_on(run: RunFolder) -> Any:
    """Table, test windows and targets: scores compare only if these are equal."""
    manifest = read_object(run.manifest)
    data, windows = manifest.get("data", {}), manifest.get("windows", {})
    return [data.get("sha256"), windows.get("test"), settings_of(run)["data.target"]]


def settings_of(run: RunFolder) -> dict[str, str]:
    """Every config field of a run, as in YAML."""
    config = config_of_run(run).model_dump()
    return {
        f"{section}.{key}": spelled(value)
        for section, fields in config.items()
        for key, value in fields.items()
    }


def differences(settings: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """For each run, the fields that differ between the runs."""
    keys = [key for key in settings[0] if len({each.get(key) for each in settings}) > 1]
    return [{key: each[key] for key in keys if key in each} for each in settings]

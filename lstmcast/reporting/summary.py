"""Summary of a run: scores, versions and commands as words and small tables."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstmcast.errors import counted
from lstmcast.judging.scores import SCORES_EXPLAINED, same_scores
from lstmcast.reporting.charts import short
from lstmcast.reporting.contents import Contents
from lstmcast.reporting.packing import Packed
from lstmcast.reporting.scores import ScoreTable, percent, score_table
from lstmcast.reporting.series_results import Item, featured

Facts = list[tuple[str, str]]


@dataclass(frozen=True)
class Entry:
    """A series in the list of series.

    Attributes:
        number: Of the item.
        label: Its series, its target, or both.
        cells: Its scores.
        drawn: Whether the page holds its numbers.
    """

    number: int
    label: str
    cells: list[str]
    drawn: bool


def title_of(contents: Contents) -> str:
    """The title of the page."""
    path = contents.path.resolve()
    if contents.is_backtest and contents.manifest:
        return f"{path.parents[1].name}, backtest {path.name}"
    return path.name


def subtitle_of(contents: Contents, items: Sequence[Item]) -> str:
    """The task in one line: targets, horizon, lookback, span."""
    targets = contents.layout.targets
    said = [", ".join(targets[:4]) + (f" and {len(targets) - 4} more" if len(targets) > 4 else "")]
    series = len({item.series for item in items})
    if series > 1:
        said.append(counted(series, "series"))
    window = contents.config.window
    said.append(f"{counted(window.horizon, 'step')} ahead, from {window.lookback:,}")
    data = contents.manifest.get("data")
    if data:
        said.append(f"{data['first']} to {data['last']}")
    return " · ".join(said)


def facts_of(contents: Contents) -> Facts:
    """The few numbers shown in large type."""
    if contents.scores is None:
        return []
    network = contents.scores["lstmcast"]
    others = {name: s["mae"] for name, s in contents.scores.items() if name != "lstmcast"}
    known = {name: value for name, value in others.items() if value is not None}
    facts = [("mean absolute error", short(network["mae"]))]
    if known:
        best = min(known, key=known.__getitem__)
        facts.append((f"best baseline, {best}", short(known[best])))
    if network.get("skill") is not None:
        facts.append(("skill against the best baseline", f"{100 * network['skill']:.1f} %"))
    for name in network:
        if name.startswith("coverage_"):
            level = name.removeprefix("coverage_")
            facts.append((f"coverage of the {level} % interval", percent(network[name])))
    facts.append((f"test windows, {network['points']:,} values", f"{network['windows']:,}"))
    return facts


def tables_of(contents: Contents) -> list[tuple[str, ScoreTable]]:
    """Scores of network and baselines, then those of validation and of each target."""
    if contents.scores is None:
        return []
    what = f"All {counted(len(contents.metrics['folds']), 'fold')}" if contents.is_backtest else ""
    tables = [(what or "Test rows, every window", score_table(contents.scores))]
    validation = contents.metrics.get("validation")
    if validation:
        tables.append(("Validation rows", score_table(validation)))
    targets = list(contents.scores["lstmcast"]["per_target"])
    if len(targets) > 1:
        for target in targets:
            parts = {name: s["per_target"][target] for name, s in contents.scores.items()}
            tables.append((f"Target {target}", score_table(parts)))
    return tables


def about_scores(contents: Contents) -> str:
    """The meaning of the columns of the score tables."""
    if contents.scores is None:
        return ""
    known = contents.scores["lstmcast"]
    levels = [name.removeprefix("coverage_") for name in known if name.startswith("coverage_")]
    said = [
        "Lower is better; the star marks the lowest.",
        f"{'mae, rmse and crps' if 'crps' in known else 'mae and rmse'} are in units of the data, "
        "smape is in percent, mase and rmsse are relative to repeating the last season on the "
        "train rows.",
    ]
    if levels:
        said.append(
            f'"in {levels[0]} %" is the observed coverage: the share of actual values within the '
            f"{levels[0]} % interval."
        )
    targets = len(known["per_target"])
    if targets > 1:
        said.append(
            f"The first table combines {targets} targets, each in its own unit: the one with the "
            "largest values has the most weight. A table for each target follows."
        )
    if same_scores(contents.scores, "naive", "seasonal_naive"):
        said.append("seasonal_naive equals naive here: the season is one step.")
    return " ".join([*said, SCORES_EXPLAINED])


def made_by(items: Sequence[Item]) -> str:
    """The forecasters of the rows after the last one, if other than the network."""
    counts = Counter(item.method for item in items if item.method)
    others = {name: count for name, count in counts.items() if name != "lstmcast"}
    if not others:
        return ""
    listed = " and ".join(f"{count:,} by {name}" for name, count in others.items())
    total, own = counted(counts.total(), "forecast"), counts["lstmcast"]
    return (
        f"Of the {total} after the last row, {own:,} are by the network, {listed}: a baseline "
        "serves series on which it was better on past windows (forecast.fallback), and series "
        "shorter than the lookback. Scores and verdict are those of the network alone."
    )


def groups_of(items: list[Item], packed: Packed) -> dict[str, list[Entry]]:
    """The series listed at first."""
    if len(items) < 2:
        return {}
    several = len({item.target for item in items}) > 1
    return {
        name: [entry_of(k, items[k], several, "from" in packed.data["items"][k]) for k in numbers]
        for name, numbers in featured(items).items()
    }


def entry_of(number: int, item: Item, several: bool, drawn: bool) -> Entry:
    """A series of the list."""
    s = item.scored
    cells = [short(s.mae), short(s.relative), short(s.bias), percent(s.coverage)]
    parts = [item.name, item.target if several or not item.name else ""]
    return Entry(number, " · ".join(part for part in parts if part), cells, drawn)


def data_facts_of(contents: Contents) -> Facts:
    """The table: path, rows, columns, span, windows."""
    data, windows = contents.manifest.get("data"), contents.manifest.get("windows")
    if not data or not windows:
        return [("table", contents.config.data.path)]
    return [
        ("table", str(data["path"])),
        ("sha256", str(data["sha256"])),
        ("rows", f"{data['rows']:,}"),
        ("series", f"{data['series']:,}"),
        ("columns", ", ".join(map(str, data["columns"]))),
        ("from, to", f"{data['first']}, {data['last']}"),
        ("frequency", f"{data['frequency']}, season of {counted(data['season'], 'step')}"),
        (
            "windows",
            f"{windows['train']:,} train, {windows['validation']:,} validation, "
            f"{windows['test']:,} test; {windows['left_out_at_cuts']:,} left out at splits",
        ),
    ]


def made_with_of(contents: Contents) -> Facts:
    """Versions, machine and training."""
    made = contents.manifest
    if not made:
        return []
    facts = [(name, str(made[name])) for name in ("lstmcast", "torch", "numpy", "python")]
    facts += [
        ("platform", f"{made['platform']}, {made['device']}, {counted(made['threads'], 'thread')}"),
        ("seed", str(made["seed"])),
        ("parameters", f"{made['parameters']:,}"),
    ]
    training = made["training"]
    for number, member in enumerate(training.get("members", [training]), start=1):
        facts.append(
            (
                f"training of member {number}" if "members" in training else "training",
                f"{counted(member['epochs'], 'epoch')}, the best {member['best_epoch']}, "
                f"stopped by {member['stopped_by']}",
            )
        )
    return [*facts, ("time", f"{made['timings']['total_seconds']:,.1f} s")]


def repeat_of(contents: Contents) -> str:
    """The command that repeats the run."""
    if contents.is_backtest:
        return backtest_command(contents)
    return f"lstmcast rerun {shlex.quote(str(contents.path))} --verify"


def backtest_command(contents: Contents) -> str:
    """The command that made a backtest."""
    plan: dict[str, Any] = contents.metrics.get("plan", {})
    own = contents.path / "config.yaml"
    source = own if own.is_file() else contents.path.parents[1]
    words = ["lstmcast", "backtest", shlex.quote(str(Path(source)))]
    for flag in ("folds", "step", "rows"):
        if plan.get(flag) is not None:
            words.append(f"--{flag} {plan[flag]}")
    if plan.get("refit"):
        words.append(f"--refit {plan['refit']}{':warm' if plan.get('warm') else ''}")
    if plan.get("rivals"):
        words.append(f"--rivals {shlex.quote(','.join(plan['rivals']))}")
    words += [f"--fail-under {shlex.quote(gate)}" for gate in plan.get("gates", [])]
    return " ".join(words)

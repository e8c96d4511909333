"""Compare two runs: weights, preprocessing, scores and forecasts.

On the same CPU model with the same versions, every bit must be equal. Other machines sum in another
order, and training amplifies the rounding errors: the bounds below are a few times the differences
between ways of computing on one CPU (docs/safety.md).
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from lstmcast.errors import RunError
from lstmcast.forecasting.model_file.model import KEY
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.reading import read_object
from lstmcast.runs.tensors import TensorFile

SCORES = 0.05
"""Largest relative difference of a score of the network on another machine."""

FORECASTS = 0.25
"""Largest mean difference of the forecasts of a target on another machine, in units of its MAE."""

MEASURES = ("mae", "mse", "rmse", "smape", "mape", "mase", "rmsse", "pinball", "crps", "wql")
"""Scores with a bound on another machine: those that are never near 0."""


@dataclass(frozen=True)
class Difference:
    """One difference between two runs.

    Attributes:
        part: weights, preprocessing, metrics, forecast.csv or backtest.csv.
        name: Of the tensor, score or column.
        words: Its size.
        counts: Whether it exceeds its bound.
    """

    part: str
    name: str
    words: str
    counts: bool


def compare_runs(was: RunFolder, now: RunFolder, exact: bool) -> list[Difference]:
    """All differences between two runs.

    If `exact`, every bit must be equal. Otherwise pooled scores and forecasts must be within
    the bounds above, and weights and preprocessing may differ.

    Raises:
        RunError: A file of a run is missing or damaged.
    """
    metrics = read_object(was.metrics), read_object(now.metrics)
    mae = {} if exact else typical_errors(metrics[0])
    return [
        *tensor_differences(was.model, now.model, exact),
        *score_differences(*metrics, exact),
        *table_differences(was.forecast, now.forecast, mae, exact),
        *table_differences(was.backtest, now.backtest, mae, exact),
    ]


def tensor_differences(was: Path, now: Path, exact: bool) -> Iterator[Difference]:
    """Differences of the weights, and of their JSON without the config, which is equal already."""
    files = TensorFile(was, KEY), TensorFile(now, KEY)
    before, after = files[0].read(), files[1].read()
    for name in dict.fromkeys([*before, *after]):
        a, b = before.get(name), after.get(name)
        if a is None or b is None or a.shape != b.shape:
            words = " and ".join("none" if t is None else f"shape {list(t.shape)}" for t in (a, b))
            yield Difference("weights", name, words, counts=True)
        elif not torch.equal(a, b):
            largest = float((a.double() - b.double()).abs().max())
            yield Difference("weights", name, f"largest difference {largest:.2g}", counts=exact)
    old, new = (dict(leaves(drop(file.described, "config"))) for file in files)
    yield from leaf_differences("preprocessing", old, new, exact)


def score_differences(
    was: dict[str, Any], now: dict[str, Any], exact: bool
) -> Iterator[Difference]:
    """Differences of all scores, or of the pooled scores with their bound."""
    if exact:
        yield from leaf_differences("metrics", dict(leaves(was)), dict(leaves(now)), True)
        return
    before, after = dict(pooled(was)), dict(pooled(now))
    for name in dict.fromkeys([*before, *after]):
        a, b = before.get(name), after.get(name)
        if a is None or b is None:
            if a is not b:
                yield Difference("metrics", name, f"was {a}, and is {b}", counts=True)
            continue
        share = abs(a - b) / max(abs(a), abs(b), math.ulp(0.0))
        if share:
            words = f"was {a:.6g}, and is {b:.6g}, a difference of {share:.2%}"
            yield Difference("metrics", name, words, counts=share > SCORES)


def pooled(metrics: Mapping[str, Any]) -> Iterator[tuple[str, float | None]]:
    """The scores with a bound of every forecaster, by dotted name."""
    for split in ("test", "validation"):
        for forecaster, scores in (metrics.get(split) or {}).items():
            for measure in MEASURES:
                if measure in scores:
                    yield f"{split}.{forecaster}.{measure}", scores[measure]


def typical_errors(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The MAE of the network by target, on the test rows or else on the validation rows."""
    judged = metrics.get("test") or metrics.get("validation") or {}
    scores = judged.get("lstmcast", {}).get("per_target", {})
    return {target: score["mae"] or 0.0 for target, score in scores.items()}


def table_differences(
    was: Path, now: Path, mae: Mapping[str, float], exact: bool
) -> Iterator[Difference]:
    """Differences by column; forecast.csv is missing if future covariates end too early."""
    if not (was.is_file() or now.is_file()):
        return
    files = [path.read_bytes() if path.is_file() else b"" for path in (was, now)]
    if files[0] == files[1]:
        return
    try:
        before, after = (
            pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False) if data else None
            for data in files
        )
    except (ValueError, pd.errors.ParserError) as error:
        raise RunError(f"{was} is damaged: {error}") from error
    if before is None or after is None or list(before) != list(after) or len(before) != len(after):
        sizes = " and ".join(
            "missing" if f is None else f"{len(f):,} rows of {len(f.columns)} columns"
            for f in (before, after)
        )
        yield Difference(was.name, "table", sizes, counts=True)
        return
    usual = max(mae.values(), default=math.inf)  # the columns of a wide table are no targets
    for column in before:
        a, b = before[column], after[column]
        if a.equals(b):
            continue
        x, y = (pd.to_numeric(cells.replace("", "nan"), errors="coerce") for cells in (a, b))
        gap = np.abs(x.to_numpy(np.float64) - y.to_numpy(np.float64))
        known = ~np.isnan(gap)
        if not (known | (a == b)).all():
            rows = int((~known & (a != b)).sum())
            yield Difference(was.name, str(column), f"{rows:,} cells differ", counts=True)
            continue
        words = f"largest difference {gap[known].max():.2g}, mean {gap[known].mean():.2g}"
        bound = FORECASTS * mae.get(str(column).rpartition("_")[0], mae.get(str(column), usual))
        counts = exact or bool(gap[known].mean() > bound)
        yield Difference(was.name, str(column), words, counts)


def leaf_differences(
    part: str, was: Mapping[str, Any], now: Mapping[str, Any], counts: bool
) -> Iterator[Difference]:
    """Differences of single values."""
    for name in dict.fromkeys([*was, *now]):
        a, b = was.get(name), now.get(name)
        if a != b:
            yield Difference(part, name, f"was {str(a)[:40]}, and is {str(b)[:40]}", counts)


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The single values of nested JSON, by dotted name."""
    if isinstance(value, Mapping):
        members: Any = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    else:
        yield name, value
        return
    for key, member in members:
        yield from leaves(member, f"{name}.{key}" if name else str(key))


def drop(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """All members except one."""
    return {key: value for key, value in values.items() if key != name}

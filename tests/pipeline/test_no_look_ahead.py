"""No data leakage: noise at and after the end of a split changes nothing before it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from lstmcast.config import build_config
from lstmcast.panel.panel import FILLED
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.windows.batches import Batch, WindowTable
from lstmcast.windows.windows import WindowIndex

NUMBERS = ["y", "z", "p", "f"]
VALIDATION, TEST = 12, 10
LENGTHS = {"a": 60, "b": 45, "c": 52}


def frame_with_gaps() -> pd.DataFrame:
    """Three daily series; rows and cells are missing, also on both sides of both cuts."""
    rng = np.random.default_rng(7)
    parts = []
    for k, (name, length) in enumerate(LENGTHS.items()):
        stamps = pd.date_range("2024-01-01", periods=length) + pd.Timedelta(days=3 * k)
        part = pd.DataFrame(rng.normal(10 * k, 1 + k, (length, 4)), columns=NUMBERS)
        part.insert(0, "t", stamps)
        part.insert(0, "id", name)
        for cut in (length - TEST - VALIDATION, length - TEST):
            part.loc[cut - 2 : cut + 2, "y"] = np.nan
            part.loc[cut - 3 : cut, "p"] = np.nan
            part.loc[cut : cut + 1, "f"] = np.nan
        part.loc[8:10, ["y", "z", "f"]] = np.nan
        missing_rows = [14, 15, length - TEST - VALIDATION - 1, length - TEST, length - TEST + 1]
        parts.append(part.drop(index=missing_rows))
    return pd.concat(parts, ignore_index=True)


def prepared(path: Path, frame: pd.DataFrame, gaps: str, method: str, per: str) -> Prepared:
    frame.to_csv(path, index=False)
    config = build_config(
        {
            "data": {
                "path": str(path),
                "time": "t",
                "series": ["id"],
                "target": ["y", "z"],
                "past": ["p"],
                "future": ["f"],
                "frequency": "D",
                "gaps": gaps,
            },
            "split": {"validation": VALIDATION, "test": TEST},
            "window": {"lookback": 6, "horizon": 3, "pad": True},
            "scale": {"method": method, "per": per},
        }
    )
    return prepare(config, ProgressListener())


def gathered(prepared: Prepared, index: WindowIndex) -> Batch:
    """All windows of an index in the form that the network gets."""
    table = WindowTable(
        prepared.panel,
        prepared.scaler,
        None,
        lookback=6,
        horizon=3,
        pad=True,
        device=torch.device("cpu"),
    )
    return table.gather_windows(index, np.arange(len(index)))


@pytest.mark.parametrize("gaps", ["forward", "interpolate", "zero"])
@pytest.mark.parametrize(
    ("method", "per"), [("standard", "all"), ("minmax", "series"), ("robust", "series")]
)
@pytest.mark.parametrize("cut", ["validation", "test"])
def test_noise_after_a_cut_changes_nothing_before_it(tmp_path, gaps, method, per, cut):
    frame = frame_with_gaps()
    clean = prepared(tmp_path / "clean.csv", frame, gaps, method, per)
    panel = clean.panel
    begins = clean.cuts.train if cut == "validation" else clean.cuts.validation
    rows = np.arange(len(panel.values))
    later = rows >= begins[panel.series_of(rows)]
    source = panel.source_rows[later]
    noise = 1e6 * np.random.default_rng(8).normal(size=(int((source != FILLED).sum()), 4))
    spoilt = frame.copy()
    places = source[source != FILLED]
    spoilt.loc[places, NUMBERS] = np.where(frame.loc[places, NUMBERS].isna(), np.nan, noise)

    noisy = prepared(tmp_path / "noisy.csv", spoilt, gaps, method, per)

    # The noise is there, and a gap crosses the end of each split, where it could leak.
    assert (noisy.panel.values[later] != panel.values[later]).any(axis=0).all()
    unknown = np.isin(np.stack([begins - 1, begins]), rows[panel.source_rows == FILLED])
    assert unknown.any(axis=0).all()
    assert clean.scaler.to_json() == noisy.scaler.to_json()
    assert panel.values[~later].tobytes() == noisy.panel.values[~later].tobytes()
    assert not np.isnan(panel.values[~later]).any()
    for name in ("train", "validation")[: 1 if cut == "validation" else 2]:
        index, other = clean.windows.by_name()[name], noisy.windows.by_name()[name]
        assert len(index) > 15
        assert [part.tolist() for part in index.all()] == [part.tolist() for part in other.all()]
        known, again = gathered(clean, index), gathered(noisy, other)
        for field in ("inputs", "targets", "weights", "mask", "future"):
            one, two = getattr(known, field), getattr(again, field)
            assert (one is None) == (two is None)
            assert one is None or torch.equal(one, two)


@pytest.mark.parametrize("gaps", ["forward", "interpolate"])
def test_a_gap_across_a_cut_holds_the_last_value_before_it(tmp_path, gaps):
    panel = (clean := prepared(tmp_path / "t.csv", frame_with_gaps(), gaps, "none", "all")).panel
    for cut in (*clean.cuts.train, *clean.cuts.validation):
        assert not panel.observed[cut - 2 : cut + 3, 0].any()
        last = panel.values[cut - 3, 0]
        assert panel.observed[cut - 3, 0] and (panel.values[cut - 2 : cut + 3, 0] == last).all()


def test_interpolation_starts_no_window_inside_a_gap(tmp_path):
    clean = prepared(tmp_path / "t.csv", frame_with_gaps(), "interpolate", "none", "all")
    for index in clean.windows.by_name().values():
        origins, _ = index.all()
        assert clean.panel.observed[origins - 1].all()

"""Frames become CSV as pandas writes it, however long they are."""

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lstmcast.pipeline.run_tables import csv_text
from lstmcast.stamps.stamp_style import MANY, StampStyle


@pytest.fixture(autouse=True)
def _long_frames(limits: Any) -> None:
    limits(WRITTEN_BY_ARROW=0)


def numbers(count: int = 3000) -> np.ndarray:
    rng = np.random.default_rng(0)
    wild = rng.normal(size=count) * 10.0 ** rng.integers(-300, 300, count)
    usual = rng.normal(size=count) * 10.0 ** rng.integers(-6, 17, count)
    edges = [0.0, -0.0, 1e9, 1e-4, 9.9e-5, 1e15, 1e16, 2.0**53, np.nan, np.inf, -np.inf, 5e-324]
    whole = rng.integers(-(10**10), 10**10, count).astype(float)
    return np.concatenate([wild, usual, np.round(usual, 3), whole, edges])


def by_pandas(frame: pd.DataFrame) -> str:
    return str(frame.to_csv(index=False, lineterminator="\n"))


def test_numbers_are_written_with_the_digits_of_pandas() -> None:
    values = numbers()
    frame = pd.DataFrame({"day": "2020-01-01", "y": values, "y_lo80": values[::-1]})
    written = csv_text(frame)
    assert written == by_pandas(frame)
    read = pd.read_csv(io.StringIO(written))
    np.testing.assert_allclose(read.y.to_numpy(), values, rtol=1e-15)


@pytest.mark.parametrize(
    "cells",
    [
        ["a", "b c", " d", "", "ü", "'"],
        ["plain", "a,b", 'say "x"', "two\nlines", "\r", ""],
        [None, "x", None, "y", "z", "w"],
        [1, 2, 3, 4, 5, 6],
        [True, False, True, True, False, True],
        pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
        pd.Categorical(["u", "v", "u", "u", "v", "v"]),
        [np.nan] * 6,
    ],
    ids=str,
)
def test_other_cells_are_written_and_quoted_as_pandas_does(cells: Any) -> None:
    frame = pd.DataFrame({"cells": cells, "x": [1.0, 2.5, np.nan, 0.1, 3.0, 4.0]})
    assert csv_text(frame) == by_pandas(frame)
    frame = frame.rename(columns={"cells": 'odd, "name"'})
    assert csv_text(frame) == by_pandas(frame)
    assert csv_text(frame[["x"]]) == by_pandas(frame[["x"]])


def test_a_frame_without_rows_has_its_header() -> None:
    frame = pd.DataFrame({"a": np.zeros(0), "b": np.zeros(0)})
    assert csv_text(frame) == "a,b\n"


def test_many_stamps_that_repeat_are_written_like_few() -> None:
    style = StampStyle("%d.%m.%Y %H:%M")
    few = np.array(["2020-01-31T05:00", "1969-12-31T23:59"], dtype="datetime64[us]")
    many = few[np.random.default_rng(0).integers(2, size=MANY + 1)]
    expected = ["31.01.2020 05:00" if stamp == few[0] else "31.12.1969 23:59" for stamp in many]
    assert style.format(many) == expected

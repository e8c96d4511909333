"""Input made to exhaust memory, or to run as a formula: bounded, or said."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY, daily_text

from lstmcast.errors import DataError
from lstmcast.series import gzipped
from lstmcast.series.read import read_table
from lstmcast.workflows.prepare import is_formula


def test_a_gzip_bomb_is_refused_before_it_unfolds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gzipped, "ALWAYS_TAKEN", 1 << 20)
    bomb = tmp_path / "bomb.csv.gz"
    bomb.write_bytes(gzip.compress(b"a,b\n" + b"1,1\n" * 5_000_000))
    with pytest.raises(DataError, match="200 times its size"):
        read_table(bomb)


def test_a_gzip_file_of_several_members_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "two.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"))
    assert read_table(path).frame["b"].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("word", "formula"),
    [
        ("=cmd()", True),
        ("@SUM(A1)", True),
        ("+1+cmd()", True),
        ("-x", True),
        ("-5", False),
        ("+3.5", False),
        ("shop=1", False),
        ("", False),
    ],
)
def test_formulas_are_told_from_numbers_and_names(word: str, formula: bool) -> None:
    assert is_formula(word) == formula


def test_a_series_named_like_a_formula_is_pointed_out_and_left_as_it_is(
    cli: Any, tmp_path: Path
) -> None:
    rows = daily_text().splitlines()
    body = "\n".join(["shop," + rows[0], *(f"=cmd(),{row}" for row in rows[1:])])
    (tmp_path / "t.csv").write_text(body + "\n")
    window = ["-s", "window.lookback=14", "-s", "window.horizon=3", "-s", "data.series=shop"]
    run = tmp_path / "r"
    outcome = cli("train", tmp_path / "t.csv", *TINY, *window, "--run", run)
    assert outcome.code == 0, outcome.err
    assert "'=cmd()'" in outcome.err and "formula" in outcome.err
    assert (run / "forecast.csv").read_text().splitlines()[1].startswith("=cmd(),2024-04-30")

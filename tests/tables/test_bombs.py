"""Input made to exhaust memory, or to run as a formula: bounded, or said."""

from __future__ import annotations

import gzip
import io
import os
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from support.daily import TINY, daily_text

from lstmcast.errors import DataError
from lstmcast.panel.vectors import read_vectors
from lstmcast.pipeline.prepared import is_formula
from lstmcast.tables.peek import peek
from lstmcast.tables.read import read_table


def test_a_gzip_bomb_is_refused_before_it_unfolds(tmp_path: Path, limits: Any) -> None:
    limits(GZIP_ALWAYS_TAKEN=1 << 20)
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


@pytest.mark.parametrize("read", [read_table, peek])
def test_a_line_of_ten_gigabytes_is_refused_unread(tmp_path: Path, read: Any) -> None:
    endless = tmp_path / "endless.csv"
    with endless.open("wb") as file:
        file.write(b"a,b\n1,")
        file.truncate(10 * 2**30)  # holes: they take no room on disk
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="has a line of over 64 MiB"):
            read(endless)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()


def test_a_head_without_line_ends_is_refused_too(tmp_path: Path, limits: Any) -> None:
    limits(LONGEST_LINE=1 << 22)
    path = tmp_path / "t.csv"
    path.write_bytes(b"1" * ((1 << 22) + 1))
    with pytest.raises(DataError, match="has a line of over"):
        peek(path)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_large_table_of_short_lines_is_read(tmp_path: Path, limits: Any, end: str) -> None:
    limits(LONGEST_LINE=64)
    path = tmp_path / "t.csv"
    path.write_bytes(end.join(["a,b", *["1,2"] * 500, ""]).encode())
    assert len(read_table(path).frame) == 500
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert len(read_table(path).frame) == 500


def test_lines_that_never_end_are_refused_wherever_they_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Any
) -> None:
    limits(LONGEST_LINE=1000)
    text = b"a,b\n1,2\n1," + b"3" * 3000
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(text))
    with pytest.raises(DataError, match="has a line of over"):
        read_table(path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    with pytest.raises(DataError, match="standard input: has a line of over"):
        read_table("-")
    vectors = tmp_path / "v.txt"
    vectors.write_text("a 1 2\nb 1 " + "2" * 3000)
    with pytest.raises(DataError, match="has a line of over"):
        read_vectors(vectors, ["a", "b"], "w")


def test_a_million_columns_are_refused_in_one_message(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    row = ",".join(["1"] * 1_000_000)
    path.write_text(f"{','.join(map(str, range(1_000_000)))}\n{row}\n{row}\n")
    outcome = cli("check", path)
    assert outcome.code in (1, 3) and len(outcome.err + outcome.out) < 1000
    assert "names 1,000,000 columns" in outcome.err + outcome.out


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="there is no such device here")
def test_a_device_is_no_table(cli: Any, daily_run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a device"):
        read_table("/dev/zero")
    link = tmp_path / "zeros.csv"
    link.symlink_to("/dev/zero")
    outcome = cli("predict", daily_run, link)
    assert outcome.code == 3 and "is a device" in outcome.err


def test_stamps_far_apart_make_no_grid_that_fills_the_memory(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    minutes = [f"2024-01-01 00:{minute:02d},1" for minute in range(40)]
    path.write_text("\n".join(["t,y", "1024-01-01 00:00,1", *minutes, ""]))
    roles = ["-s", "data.time=t", "-s", "data.target=y"]
    outcome = cli("window", path, *roles, "-s", "window.lookback=3", "-o", tmp_path / "w")
    assert outcome.code == 3 and "would become" in outcome.err

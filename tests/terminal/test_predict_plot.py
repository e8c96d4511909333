"""`lstmcast predict RUN --plot`: the forecast as a plot of characters."""

import numpy as np
import pandas as pd
import pytest
from support.daily import TINY, daily_text

import lstmcast
from lstmcast.terminal.plot import ROWS, Plot, draw

BLOCKS = {chr(0x2800 + k) for k in range(1, 256)} | {"░"}


def lines_of(text):
    """The lines of a plot behind their labels."""
    return str(text).splitlines()[1 : ROWS + 1]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_plot_is_as_wide_as_the_terminal_and_no_wider(daily_run, cli, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    outcome = cli("predict", daily_run, "--plot")
    assert outcome.code == 0 and "\x1b" not in outcome.out
    lines = outcome.out.splitlines()
    longest = max(len(line) for line in lines[1 : ROWS + 1])
    assert width - 4 <= longest <= width - 1
    assert all(len(line) <= width for line in lines[1:])
    assert BLOCKS & set(outcome.out)


def test_a_long_title_breaks_at_the_terminals_width():
    plot = Plot("a name of many words " * 9, *(np.arange(3.0),) * 4, ("a", "b", "c"))
    lines = str(draw(plot, 60, braille=True)).splitlines()
    assert len(lines) == ROWS + 1 + 4 and all(len(line) <= 60 for line in lines)
    assert " ".join(lines[:4]).count("many words") == 9


def test_a_plot_names_its_values_and_stamps(daily_run, cli):
    forecast = pd.read_csv(daily_run / "forecast.csv")
    table = pd.read_csv(daily_run.parent / "daily.csv")
    out = cli("predict", daily_run, "--plot").out.splitlines()
    assert out[0] == "sales: 3 steps after 2024-04-29, shaded: 80 % interval"
    history = table["sales"].to_numpy()[-7:]
    bounds = forecast[["sales_lo80", "sales_hi80"]].to_numpy()
    assert f"{max(history.max(), bounds.max()):.4g}" == out[1].split()[0]
    assert f"{min(history.min(), bounds.min()):.4g}" == out[ROWS].split()[0]
    assert out[ROWS + 1].split() == ["2024-04-23", "2024-04-29", "2024-05-02"]


def test_a_plot_replaces_the_table_unless_it_goes_to_a_file(daily_run, cli, tmp_path):
    target = tmp_path / "f.csv"
    outcome = cli("predict", daily_run, "--plot", "--quiet", "-o", target)
    assert target.read_text() == (daily_run / "forecast.csv").read_text()
    assert "date,sales" not in outcome.out and BLOCKS & set(outcome.out)
    outcome = cli("predict", daily_run, "--plot", "--json")
    assert outcome.code == 2 and "--plot and --json" in outcome.err


def test_a_terminal_without_braille_gets_letters(daily_run, cli, monkeypatch):
    plot = Plot(
        "t", np.arange(7.0), np.arange(7.0, 10.0), *[np.full(3, np.nan)] * 2, ("a", "b", "c")
    )
    text = str(draw(plot, 40, braille=False))
    assert text.isascii() and "*" in text and "o" in text


def test_a_rising_line_rises_and_a_gap_is_a_gap():
    nothing = np.full(2, np.nan)
    history = np.array([0.0, 1, 2, np.nan, np.nan, np.nan, np.nan, 7])
    plot = Plot("t", history, np.array([8.0, 9.0]), nothing, nothing, ("a", "b", "c"))
    rows = [line[4:].ljust(36) for line in lines_of(draw(plot, 40, braille=False))]
    columns = ["".join(column).strip() for column in zip(*rows, strict=True)]
    heights = [min(r for r, row in enumerate(rows) if row[c] != " ") if columns[c] else None
               for c in range(36)]  # fmt: skip
    known = [height for height in heights if height is not None]
    assert known == sorted(known, reverse=True)
    assert None in heights[10:24] and heights[0] == ROWS - 1
    assert "".join(columns).count("o") > 2


def test_the_interval_is_shaded_between_its_bounds():
    low, high = np.full(5, 2.0), np.full(5, 8.0)
    plot = Plot("t", np.array([0.0, 10.0]), np.full(5, 5.0), low, high, ("a", "b", "c"))
    shaded = [k for k, line in enumerate(lines_of(draw(plot, 60, False))) if "." in line[6:]]
    assert [shaded[0], shaded[-1]] == [2, 9]  # 8 and 2 of 0 to 10, in 12 rows


def test_constant_and_missing_values_can_be_drawn():
    ones, none = np.ones(3), np.full(3, np.nan)
    for history, forecast in ((ones, ones), (none, none), (none, ones), (ones[:0], ones)):
        text = str(draw(Plot("t", history, forecast, none, none, ("a", "b", "c")), 50, True))
        assert len(text.splitlines()) == ROWS + 2


def test_of_many_series_the_first_are_drawn(tmp_path, cli):
    table = tmp_path / "wide.csv"
    body = daily_text().splitlines()[1:]
    table.write_text(
        "date,a,b,c,d\n" + "".join(f"{line},1{k},2{k},\n" for k, line in enumerate(body))
    )
    names = "data.target=[a,b,c]"
    settings = ["data.layout=wide", names, "data.time=date", "window.lookback=14",
                "window.horizon=3", *TINY[1::2]]  # fmt: skip
    run = lstmcast.train(table, set=settings, run=tmp_path / "r", device="cpu").path
    out = cli("predict", run, "--plot").out
    assert [line.split(":")[0] for line in out.splitlines() if "steps after" in line] == list("abc")
    settings[1] = "data.target=[a,b,c]"
    long = tmp_path / "long.csv"
    long.write_text(
        "shop,date,sales\n" + "".join(f"{s},{line}\n" for s in "abcde" for line in body)
    )
    settings = ["data.series=shop", "data.target=sales", *settings[3:]]
    run = lstmcast.train(long, set=settings, run=tmp_path / "long", device="cpu").path
    out = cli("predict", run, "--plot").out
    assert "3 of 5 plots are drawn" in out and "c sales: 3 steps" in out and "d sales" not in out

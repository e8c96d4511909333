"""The page of a run: its numbers, its files, and what is wrong with a folder that is none.

What a browser makes of it is in test_report_page.py.
"""

import gzip
import hashlib
import json
import re
import sys
from importlib.resources import files

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from support.daily import TINY, daily_text
from support.processes import modules_loaded_by

import lstmcast
from lstmcast.errors import RunError
from lstmcast.reporting.autocorrelation import autocorrelations
from lstmcast.reporting.axis import axis_of, calendar_names, season_names
from lstmcast.reporting.contents import read_contents
from lstmcast.reporting.error_statistics import calendar, collect_errors, distribution
from lstmcast.reporting.images import images_of
from lstmcast.reporting.packing import drawn, rows_for, unit_of
from lstmcast.reporting.page import PLOTLY, page_of
from lstmcast.reporting.page_content import dates_of, story_of
from lstmcast.reporting.rows import read_layout, read_test
from lstmcast.reporting.series_results import items_of, not_overlapping, ranked
from lstmcast.runs.folder import RunFolder

SMALL = ["window.lookback=14", "window.horizon=3", *TINY[1::2]]


def shops_text(shops=4, rows=120):
    """Daily sales of some shops, each ten times as large as the one before."""
    lines = ["shop,date,sales"]
    for k in range(shops):
        body = daily_text(rows, seed=k).splitlines()[1:]
        for line in body:
            day, _, value = line.partition(",")
            lines.append(f"shop {k},{day},{float(value) * 10**k:.2f}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def shops_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shops")
    table = folder / "shops.csv"
    table.write_text(shops_text())
    settings = [*SMALL, "data.series=shop", "data.target=sales"]
    return lstmcast.train(table, set=settings, run=folder / "run", device="cpu").path


def items_in(run):
    contents = read_contents(run)
    dates = dates_of(contents)
    return items_of(dates, contents.layout, contents.test, contents.recent, contents.future)


def data_of(page):
    """The JSON that a page holds."""
    text = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', page, re.S)
    return json.loads(text[1])


def test_training_ends_with_a_page_that_report_writes_again(daily_run, cli):
    page = daily_run / "report.html"
    text = page.read_text(encoding="utf-8")
    page.unlink()
    outcome = cli("report", daily_run, "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out) == {"report": str(page), "images": [], "notes": []}
    assert page.read_text(encoding="utf-8") == text


def test_the_page_says_the_verdict_the_scores_and_what_was_used(daily_run):
    page = (daily_run / "report.html").read_text(encoding="utf-8")
    metrics = json.loads((daily_run / "metrics.json").read_text())
    manifest = json.loads((daily_run / "manifest.json").read_text())
    text = re.sub(r"<[^>]*>", " ", page.split("<main>")[1].split("</main>")[0])
    text = text.replace("&lt;", "<").replace("&#39;", "'")
    assert metrics["verdict"]["sentence"] in text
    for forecaster, score in metrics["test"].items():
        mae = re.escape(f"{score['mae']:.4g}")
        assert re.search(rf"{forecaster}\s+{mae}\b", text)
    for fact in (manifest["data"]["sha256"], manifest["torch"], "lookback: 14"):
        assert fact in text
    assert f"lstmcast rerun {daily_run} --verify" in text


def test_the_page_says_what_check_finds(tmp_path):
    table = tmp_path / "gaps.csv"
    lines = daily_text().splitlines()
    lines[40:43] = [line.partition(",")[0] + "," for line in lines[40:43]]
    table.write_text("\n".join(lines) + "\n")
    run = lstmcast.train(table, set=SMALL, run=tmp_path / "r", device="cpu").path
    (found,) = json.loads((run / "findings.json").read_text())["findings"]
    assert found["code"] == "LC106" and found["count"] == 3 and found["lines"][0] == "line 41"
    text = (run / "report.html").read_text()
    assert "LC106 missing values" in text and "line 41, line 42, line 43)" in text
    assert "3 missing values filled" in text


def test_report_loads_no_torch_and_no_plotly(daily_run):
    loaded = modules_loaded_by(f"""
sys.argv = ["lstmcast", "report", {str(daily_run)!r}, "--quiet"]
from lstmcast.cli.main import main
try:
    main()
except SystemExit as stopped:
    assert not stopped.code, stopped.code
print()
""")
    assert "jinja2" in loaded and not loaded & {"torch", "plotly", "kaleido"}


def test_collect_errors_each_series_are_those_of_backtest_csv(shops_run):
    frame = pd.read_csv(shops_run / "backtest.csv")
    frame["error"] = frame["sales"] - frame["sales_actual"]
    frame["in"] = frame["sales_actual"].between(frame["sales_lo80"], frame["sales_hi80"])
    groups = frame.groupby("shop")
    items = items_in(shops_run)
    assert [item.name for item in items] == ["shop 0", "shop 1", "shop 2", "shop 3"]
    for item in items:
        error = groups.get_group(item.name)["error"]
        assert item.scored.points == len(error)
        assert item.scored.mae == pytest.approx(error.abs().mean())
        assert item.scored.bias == pytest.approx(error.mean())
        assert item.scored.coverage == pytest.approx(groups.get_group(item.name)["in"].mean())


def test_large_and_small_series_weigh_alike_where_they_are_put_together(shops_run):
    items = items_in(shops_run)
    sizes = [item.scored.mae for item in items]
    relative = [item.scored.relative for item in items]
    assert max(sizes) / min(sizes) > 500 and max(relative) / min(relative) < 2
    assert [items[k].scored.relative for k in ranked(items)] == sorted(relative, reverse=True)
    errors = collect_errors(items)
    scales = {item.name: item.scale for item in items}
    frame = pd.read_csv(shops_run / "backtest.csv")
    expected = (frame["sales"] - frame["sales_actual"]) / frame["shop"].map(scales)
    assert np.sort(errors.values) == pytest.approx(np.sort(expected))


def test_the_scale_of_a_series_is_its_mean_change_from_one_season_before(daily_run):
    (item,) = items_in(daily_run)
    table = pd.read_csv(daily_run.parent / "daily.csv").set_index("date")["sales"]
    shown = table.iloc[-len(item.actual) :]
    assert item.actual == pytest.approx(shown.to_numpy())
    assert item.scale == pytest.approx(shown.diff(7).abs().mean())


def test_the_calendar_holds_the_mean_absolute_error_of_each_day(shops_run):
    contents = read_contents(shops_run)
    dates, errors = dates_of(contents), collect_errors(items_in(shops_run))
    rows, columns = calendar_names(dates)
    means, counts = calendar(errors, rows, columns)
    days = pd.to_datetime(np.array(dates.texts)[errors.places])
    frame = pd.DataFrame({"error": np.abs(errors.values), "day": days.strftime("%a")})
    frame["week"] = (days - pd.to_timedelta(days.day_of_week, unit="D")).strftime("%Y-%m-%d")
    table = frame.pivot_table(index="day", columns="week", values="error", aggfunc=["mean", "size"])
    for r, day in enumerate(rows.labels):
        for c, week in enumerate(columns.labels):
            if counts[r, c]:
                assert means[r, c] == pytest.approx(table.loc[day, ("mean", week)])
                assert counts[r, c] == table.loc[day, ("size", week)]
    assert counts.sum() == len(frame)


def test_autocorrelation_is_that_of_the_textbook_whatever_series_stand_beside_it():
    values = np.random.default_rng(0).normal(size=230).cumsum()
    holes = np.where(np.arange(230) % 7 == 3, np.nan, values)
    series = [values[:200], np.ones(50), values[200:], np.full(50, np.nan), np.empty(0), holes]
    found = autocorrelations([*series, values[:2]], 20)
    for each, lags in ((0, 20), (2, 15), (5, 20)):
        known = np.nan_to_num(series[each] - np.nanmean(series[each]))
        full = np.correlate(known, known, "full")[len(known) :] / (known**2).sum()
        assert found[each] == pytest.approx(full[:lags])
    assert [len(found[k]) for k in (1, 3, 4, 6)] == [0, 0, 0, 0]
    assert autocorrelations([], 20) == []


def test_a_histogram_counts_every_error(shops_run):
    errors = collect_errors(items_in(shops_run))
    assert distribution(errors)[1].sum() == len(errors.values)


def test_of_forecasts_that_overlap_the_first_is_drawn_and_all_are_counted():
    places = np.array([0, 1, 2, 1, 2, 3, 3, 4, 5, 5, 6, 7])
    steps = np.array([1, 2, 3] * 4)
    shown = [True] * 3 + [False] * 3 + [True] * 3 + [False] * 3
    assert not_overlapping(np.zeros(12, dtype=int), places, steps).tolist() == shown
    # Of the next series, the second forecast is that of step 2 alone.
    both = [
        np.repeat([0, 1], [12, 4]),
        np.append(places, [3, 4, 4, 5]),
        np.append(steps, [2, 3, 2, 1]),
    ]
    assert not_overlapping(*both).tolist() == [*shown, True, True, False, True]
    assert not_overlapping(*[np.empty(0, dtype=int)] * 3).size == 0


def test_series_are_told_apart_by_their_names_as_written_in_whatever_order_rows_come(tmp_path):
    names = [("NA", "1"), ("a", "01"), ('says "x",\nthen y', "1"), ("a", "1"), ("", "NA")]
    rows = [
        (*name, "9", step, "9", 10.0 * k + step, np.nan if k == 1 else 1.0)
        for step in (1, 2, 3)
        for k, name in enumerate(names)
    ]
    header = ["shop", "shop", "origin", "step", "row", "sales", "sales_actual"]
    frame = pd.DataFrame(rows, columns=header)
    frame["row"] = frame["step"] + 9
    path = tmp_path / "backtest.csv"
    frame.to_csv(path, index=False)
    layout = read_layout(path)
    test = read_test(path, layout)
    dates = axis_of([test.times.categories.to_numpy()], False, "auto", "", 1)
    items = items_of(dates, layout, test, None, None)
    assert [item.series for item in items] == names
    for k, item in enumerate(items):
        assert item.forecast.tolist() == [10 * k + 1, 10 * k + 2, 10 * k + 3]
        assert item.scored.points == (0 if k == 1 else 3)


@pytest.mark.parametrize(
    ("stamps", "alias", "season", "names", "first"),
    [
        (pd.date_range("2024-01-01", periods=48, freq="h"), "h", 24, "hour of the day", "00"),
        (pd.date_range("2024-01-02", periods=20), "D", 7, "day of the week", "Tue"),
        (pd.date_range("2024-01-06", periods=60, freq="W-SAT"), "W-SAT", 52, "month", "Jan"),
        (pd.date_range("2024-02-01", periods=30, freq="MS"), "MS", 12, "month", "Feb"),
        (pd.date_range("2024-04-01", periods=30, freq="QS"), "QS-JAN", 4, "quarter", "Q2"),
    ],
)
def test_a_season_has_the_names_of_the_calendar(stamps, alias, season, names, first):
    texts = stamps.strftime("%Y-%m-%d %H:%M").to_numpy(dtype=object)
    dates = axis_of([texts[10:], texts], True, "auto", alias, season)
    assert dates.kind == "date" and dates.texts == texts.tolist()
    found = season_names(dates)
    assert found.title == names and found.labels[found.codes[0]] == first
    rows, columns = calendar_names(dates)
    assert len(rows.codes) == len(columns.codes) == len(texts)


def test_quarters_and_years_stand_where_they_belong():
    texts = np.array([f"{year}Q{q}" for year in (2019, 2020) for q in (1, 2, 3, 4)], dtype=object)
    assert axis_of([texts], True, "auto", "QS", 4).marks[:2] == ["2019-01-01", "2019-04-01"]
    years = axis_of([np.array(["1999", "2000", "2001"], dtype=object)], True, "auto", "YS", 1)
    assert season_names(years) is None and calendar_names(years)[1].labels == [
        "1999",
        "2000",
        "2001",
    ]


def test_row_numbers_are_in_order_of_their_numbers():
    counted = axis_of([np.array(["9", "10", "11"], dtype=object)], False, "auto", "", 1)
    assert counted.marks == [9, 10, 11] and calendar_names(counted) is None


def wide_text():
    day = daily_text().splitlines()[1:]
    return "date,a,b\n" + "".join(f"{line},{k}.5\n" for k, line in enumerate(day))


def rows_text():
    values = [line.partition(",")[2] for line in daily_text().splitlines()[1:]]
    return "name\n".replace(
        "\n", "," + ",".join(f"V{k}" for k in range(len(values))) + "\n"
    ) + "".join(f"{name},{','.join(values)}\n" for name in ("a", "b"))


@pytest.mark.parametrize(
    ("text", "settings", "names"),
    [
        (wide_text(), ["data.layout=wide", "data.target=[a,b]", "data.time=date"], ["a", "b"]),
        (rows_text(), ["data.layout=rows", "data.target=value"], ["a", "b"]),
        (daily_text(header="date,t"), ["data.target=t"], [""]),
        ("t\n" + "".join(f"{k % 7 + k / 100}\n" for k in range(120)), ["data.target=t"], [""]),
    ],
    ids=["wide", "rows", "long", "steps"],
)  # fmt: skip
def test_every_layout_has_a_page(tmp_path, text, settings, names):
    table = tmp_path / "table.csv"
    table.write_text(text)
    run = lstmcast.train(table, set=[*SMALL, *settings], run=tmp_path / "r", device="cpu").path
    items = items_in(run)
    assert [item.name for item in items] == names
    forecast = pd.read_csv(run / "forecast.csv")
    for item in items:
        column = item.name if "wide" in settings[0] else items[0].target
        rows = forecast[forecast["name"] == item.name] if "rows" in settings[0] else forecast
        assert item.future == pytest.approx(rows[column].to_numpy())
        assert item.future_first == item.first + len(item.actual)
        assert item.method == "lstmcast"
        assert np.isfinite(item.actual).all() and len(item.future) == 3
    assert data_of((run / "report.html").read_text())["series"]["names"] == names


def test_a_short_series_says_what_forecast_it(tmp_path):
    table = tmp_path / "wide.csv"
    lines = [f"{line},{k}.5" for k, line in enumerate(daily_text().splitlines()[1:])]
    table.write_text("date,a,b\n" + "".join(
        (line if k > 110 else line.rpartition(",")[0] + ",") + "\n" for k, line in enumerate(lines)
    ))  # fmt: skip
    settings = [*SMALL, "data.layout=wide", "data.target=[a,b]", "data.time=date"]
    run = lstmcast.train(table, set=settings, run=tmp_path / "r", device="cpu").path
    frame = pd.read_csv(run / "forecast.csv")
    methods = {item.name: item.method for item in items_in(run)}
    assert methods == {"a": frame["method"][0], "b": frame["b_method"][0]}
    assert methods["a"] == "lstmcast" != methods["b"]


def test_series_that_never_change_or_were_never_judged_have_a_page(shops_run, tmp_path):
    for path in shops_run.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    frame = pd.read_csv(shops_run / "backtest.csv")
    recent = pd.read_csv(shops_run / "recent.csv").assign(sales=5.0)
    recent.to_csv(tmp_path / "recent.csv", index=False)
    for actual in (5.0, np.nan):
        frame.assign(sales_actual=actual).to_csv(tmp_path / "backtest.csv", index=False)
        items = data_of(page_of(tmp_path))["series"]["items"]
        assert [item["scores"][3] for item in items] == [None] * 4
    frame[:0].to_csv(tmp_path / "backtest.csv", index=False)
    assert len(data_of(page_of(tmp_path))["series"]["items"]) == 4


def test_without_test_windows_intervals_or_future_the_page_says_so(tmp_path):
    table = tmp_path / "daily.csv"
    table.write_text(daily_text())
    settings = [*SMALL, "forecast.levels=[]", "split.test=2"]
    run = lstmcast.train(table, set=settings, run=tmp_path / "r", device="cpu").path
    (run / "forecast.csv").unlink()
    page = page_of(run)
    assert "no test window" in page and "Coverage by level" not in page
    assert "No prediction intervals" in page and "observed coverage" not in page
    assert data_of(page)["series"]["items"][0]["future"] == []


def test_a_backtest_has_a_page_of_its_own_and_the_run_names_it(daily_run, cli, tmp_path):
    run = tmp_path / "copy"
    run.mkdir()
    for path in daily_run.iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    before = (run / "report.html").read_text()
    assert cli("backtest", run, "--step", 2).code == 0
    page = (run / "backtests" / "0001" / "report.html").read_text()
    assert "copy, backtest 0001" in page and "Error by fold" in page
    assert f"lstmcast backtest {run} --step 2" in page
    assert (run / "report.html").read_text() == before
    assert cli("report", run).code == 0
    assert "backtests/0001" in (run / "report.html").read_text()
    assert cli("report", run / "backtests" / "0001").code == 0
    assert (run / "backtests" / "0001" / "report.html").read_text() == page


def test_without_levels_the_page_speaks_neither_of_crps_nor_of_intervals(tmp_path):
    table = tmp_path / "shops.csv"
    table.write_text(shops_text())
    settings = [*SMALL, "data.series=shop", "data.target=sales", "forecast.levels=[]"]
    run = lstmcast.train(table, set=settings, run=tmp_path / "r", device="cpu").path
    shown = re.sub(r"<pre.*?</pre>|<script.*?</script>", "", page_of(run), flags=re.S)
    assert "mae and rmse are in units of the data" in shown
    assert "crps" not in shown and not re.search(r"\bin \d+ %", shown)
    assert shown.count('<th scope="col">bias</th></tr>') == 1  # the list ends with it
    assert ">All</th>" not in shown  # four series need no heading


def test_titles_of_images_break_where_names_are_long(shops_run, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    name = "a shop with a name of many words " * 8
    for path in shops_run.iterdir():
        if path.is_file():
            data = path.read_bytes()
            table = path.name in ("backtest.csv", "forecast.csv", "recent.csv")
            (run / path.name).write_bytes(data.replace(b"shop ", name.encode()) if table else data)
    titles = [image.figure["layout"]["title"]["text"] for image in images_of(read_contents(run))]
    long = [title for title in titles if "many words" in title]
    assert long and all("<br>" in title for title in long)
    assert all(len(line) <= 96 for title in titles for line in title.split("<br>"))


def test_members_have_a_learning_curve_each(tmp_path):
    table = tmp_path / "daily.csv"
    table.write_text(daily_text())
    settings = [*SMALL, "training.members=2"]
    run = lstmcast.train(table, set=settings, run=tmp_path / "r", device="cpu").path
    (section,) = [s for s in story_of(read_contents(run)).sections if s.key == "training"]
    lines = [t["name"] for t in section.charts[0].figure["data"] if "kept" not in t["name"]]
    assert lines == [f"{k}, member {n}" for n in (1, 2) for k in ("train", "validation")]


def test_plotly_knows_every_part_of_every_figure(daily_run, shops_run):
    for run in (daily_run, shops_run):
        contents = read_contents(run)
        images = list(images_of(contents))
        assert len(images) > 9
        for image in images:
            go.Figure(image.figure)  # raises at a name that it does not know
        for chart in story_of(contents).charts():
            go.Figure(chart.figure)


def test_what_the_page_holds_is_as_exact_as_a_chart_can_show(shops_run):
    series = data_of((shops_run / "report.html").read_text())["series"]
    for item, packed in zip(items_in(shops_run), series["items"], strict=True):
        digits, base = packed["unit"]
        span = np.nanmax(item.actual) - np.nanmin(item.actual)
        levels = range(len(item.low))
        for name, columns in (
            ("actual", [item.actual]),
            ("past", [item.forecast]),
            ("past_bounds", [bound for k in levels for bound in (item.low[k], item.high[k])]),
            ("future", [item.future]),
            (
                "future_bounds",
                [b for k in levels for b in (item.future_low[k], item.future_high[k])],
            ),
        ):
            whole = np.array(packed[name], dtype=float).reshape(len(columns), -1)
            values = (whole + base) / 10**digits
            np.testing.assert_allclose(values, np.stack(columns), atol=span / 4000, rtol=0)


@pytest.mark.parametrize("size", [1e-290, 1e-9, 1.0, 1e9, 1e300])
def test_values_of_any_size_can_be_packed(daily_run, size):
    (item,) = items_in(daily_run)
    changed = item.__class__(
        **{**item.__dict__, "actual": item.actual * size, "forecast": item.forecast * size,
           "future": item.future * size}
    )  # fmt: skip
    digits, base = unit_of(changed)
    span = np.nanmax(changed.actual) - np.nanmin(changed.actual)
    assert 1000 < span * 10.0**digits < 1e6 and isinstance(base, int)


def test_a_page_holds_what_it_has_room_for_the_worst_and_the_first_shown(shops_run):
    items = items_in(shops_run) * 3000
    rows = rows_for(items, 2)
    chosen = drawn(items, 2, rows)
    assert 0 < len(chosen) < len(items) and ranked(items)[0] in chosen


def test_the_bundle_of_plotly_is_the_one_that_its_readme_names():
    folder = files("lstmcast.reporting") / "plotly"
    text = gzip.decompress((folder / PLOTLY).read_bytes())
    assert hashlib.sha256(text).hexdigest() in (folder / "README.md").read_text()
    assert b"MIT license" in text[:200] and b"v4.1.1" in text[:200]


def test_a_folder_that_is_no_run_is_told_in_one_line(tmp_path, cli):
    for path in (tmp_path / "none", tmp_path):
        outcome = cli("report", path)
        assert outcome.code == 5 and len(outcome.err.splitlines()) == 1
        assert str(path) in outcome.err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("backtest.csv", ""),
        ("backtest.csv", "a,b\n1,2\n"),
        ("backtest.csv", "origin,step,date,sales,sales_actual\nx,y,z,1,2\n"),
        ("metrics.json", "{"),
        ("config.yaml", "data: ["),
        ("history.csv", ""),
        ("recent.csv", "date,sales\n2024-01-01,many\n"),
    ],
)
def test_a_damaged_file_is_named(daily_run, tmp_path, name, text):
    for path in daily_run.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text(text)
    with pytest.raises(RunError, match=re.escape(name)):
        page_of(tmp_path)


def test_a_page_that_cannot_be_written_leaves_the_run_complete(tmp_path, cli, monkeypatch):
    table = tmp_path / "daily.csv"
    table.write_text(daily_text())

    def broken(contents):
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("lstmcast.reporting.page.render", broken)
    flags = [word for setting in SMALL for word in ("-s", setting)]
    outcome = cli("train", table, *flags, "--run", tmp_path / "r")
    assert outcome.code == 70 and "a bug in lstmcast" in outcome.err and "of ours" in outcome.err
    assert f"lstmcast report {tmp_path / 'r'}" in outcome.err
    assert RunFolder(tmp_path / "r").is_complete
    monkeypatch.undo()
    assert cli("report", tmp_path / "r").code == 0


def test_charts_are_saved_as_files(daily_run, tmp_path, cli, monkeypatch):
    few = list(images_of(read_contents(daily_run)))[:1]
    monkeypatch.setattr("lstmcast.reporting.images.images_of", lambda contents: iter(few))
    outcome = cli("report", daily_run, "--svg", tmp_path / "svg", "--png", tmp_path / "png")
    assert outcome.code == 0, outcome.err
    png = (tmp_path / "png" / "forecast.png").read_bytes()
    assert png.startswith(b"\x89PNG") and int.from_bytes(png[16:20]) == 2000
    assert "past forecasts" in (tmp_path / "svg" / "forecast.svg").read_text()


def test_a_missing_package_or_browser_is_told_in_one_line(daily_run, tmp_path, cli, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "kaleido", None)
        outcome = cli("report", daily_run, "--png", tmp_path)
    assert outcome.code == 2 and "pip install 'lstmcast[plots]'" in outcome.err
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    outcome = cli("report", daily_run, "--png", tmp_path)
    assert outcome.code == 2 and "chromium" in outcome.err
    assert len(outcome.err.splitlines()) == 1

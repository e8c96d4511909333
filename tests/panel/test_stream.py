"""Tables that are streamed to disk: the same panel, runs and messages as in memory."""

import dataclasses
import errno
import gzip
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.daily import TINY, daily_text

from lstmcast.config import build_config
from lstmcast.errors import ConfigError, DataError, RunError
from lstmcast.panel import mapped
from lstmcast.panel.build import build_panel, read_columns, read_panel
from lstmcast.panel.gaps import fill_gaps
from lstmcast.panel.on_disk import spool
from lstmcast.panel.on_disk.stored import stored_panel
from lstmcast.panel.splits import no_cuts

HORIZON = 5


@pytest.fixture(autouse=True)
def small_pieces(limits):
    """Cut small tables into many pieces and blocks, as large ones are."""
    limits(TEXT_AT_ONCE=1 << 12, BYTES_AT_ONCE=1 << 10, SPOOLED_ROWS_AT_ONCE=50)


def hourly(series=4, rows=150, seed=0, gaps=True):
    """Series of hours; some cells are empty and some rows are not there."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(series):
        part = pd.DataFrame({"id": [f"s{number}"] * rows})
        part["kind"], part["size"] = "ab"[number % 2], number + 0.5
        part["t"] = pd.date_range("2024-01-01", periods=rows, freq="h")
        part["y"] = (50 + 10 * np.sin(np.arange(rows) / 4) + rng.normal(0, 1, rows)).round(2)
        part["x"] = rng.integers(0, 9, rows)
        part["f"] = rng.normal(0, 1, rows).round(3)
        if gaps:
            part.loc[rng.integers(3, rows - 9, 6), "y"] = np.nan
            part.loc[: number - 1, "y"] = np.nan
            part = part.drop(index=rng.integers(9, rows - 20, 5))
            part.loc[rows - 6 :, ["y", "x"]] = np.nan
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def config_of(path, **data):
    known = {"time": "t", "series": ["id"], "target": ["y"], "past": ["x"], "future": ["f"]}
    values = {"path": str(path), **known, **data}
    return build_config(
        {"data": values, "window": {"lookback": 10, "horizon": HORIZON}}, source="test"
    ).data


def in_memory(data):
    panel, table = read_panel(data, HORIZON)
    return fill_gaps(panel, data.gaps, no_cuts(panel), table), table


def assert_same_panel(one, two):
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if field.name in ("store", "filled"):
            continue
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        else:
            assert a == b, field.name


def check_same(data, tmp_path, name="tables"):
    """The panel on disk is that in memory, and so are the lines of its rows."""
    panel, table = in_memory(data)
    stored, streamed = stored_panel(data, tmp_path / name, HORIZON)
    assert_same_panel(panel, stored)
    assert len(streamed.frame) == len(table.frame)
    if len(streamed.files) == 1:
        assert streamed.sha256 == table.sha256
        for row in (0, 7, len(table.frame) - 1):
            assert streamed.line(row) == table.line(row)
    return stored


@pytest.mark.parametrize("gaps", ["forward", "zero", "mask"])
@pytest.mark.parametrize("order", ["series", "date", "none"])
def test_panel_on_disk_is_the_panel_in_memory(order, gaps, tmp_path):
    table = hourly()
    if order == "date":
        table = table.sort_values(["t", "id"])
    elif order == "none":
        table = table.sample(frac=1, random_state=0)
    table.to_csv(tmp_path / "t.csv", index=False)
    stored = check_same(config_of(tmp_path / "t.csv", gaps=gaps), tmp_path)
    assert stored.store is not None and stored.filled > 0


@pytest.mark.parametrize(
    "settings",
    [
        {"calendar": "auto"},
        {"calendar": ["hour"], "lags": [2, 24], "gaps": "mask"},
        {"static": ["kind", "size"], "categorical": ["kind"]},
        {"start": "2024-01-02", "end": "2024-01-05 03:00:00"},
        {"frequency": "30min"},
        {"season": 12},
        {"series": ["id", "kind"]},
        {"future": []},
        {"time": None, "series": ["id"]},
        {"time": None, "start": 4, "end": 90},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_settings_make_the_same_panel_on_disk(settings, tmp_path):
    hourly().to_csv(tmp_path / "t.csv", index=False)
    check_same(config_of(tmp_path / "t.csv", **settings), tmp_path)


@pytest.mark.parametrize("keep", ["first", "last"])
def test_repeated_stamps_on_disk_keep_the_row_that_is_asked_for(keep, tmp_path):
    table = hourly()
    again = table.iloc[[5, 80, 200]].assign(y=99.0)
    pd.concat([table, again, again.assign(y=98.0)]).to_csv(tmp_path / "t.csv", index=False)
    check_same(config_of(tmp_path / "t.csv", duplicates=keep), tmp_path)


def random_table(rng):
    """Series of days in any order, some rows repeated or not there, some cells empty."""
    parts = []
    for number in range(rng.integers(1, 5)):
        rows = int(rng.integers(3, 90))
        part = pd.DataFrame({"id": [f"s{number}"] * rows, "size": [number % 3 + 0.5] * rows})
        start = pd.Timestamp("2024-03-01") + pd.Timedelta(days=int(rng.integers(0, 9)))
        part["t"] = pd.date_range(start, periods=rows).astype(str)
        for name in "yxf":
            cells = rng.normal(size=rows).round(3)
            part[name] = np.where(rng.random(rows) < rng.choice([0, 0.1, 0.5]), np.nan, cells)
        part.loc[0, ["y", "x", "f"]] = 1.0
        there = rng.random(rows) < rng.choice([0.8, 1])
        again = part[~there].assign(t=start.strftime("%Y-%m-%d"), y=7.0)  # as many as are lacking
        parts.append(pd.concat([part[there], again if rng.random() < 0.5 else again.iloc[:0]]))
    table = pd.concat(parts)
    order = rng.choice(["none", "t", "id"])
    return table.sample(frac=1, random_state=0) if order == "none" else table.sort_values(order)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_panel_of_a_random_table_does_not_depend_on_where_it_is_held(seed):
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        random_table(rng).to_csv(path, index=False)
        options = {
            "series": ["id"] if rng.random() < 0.8 else [],
            "static": ["size"] if rng.random() < 0.3 else [],
            "future": ["f"] if rng.random() < 0.5 else [],
            "frequency": "D" if rng.random() < 0.5 else "auto",
            "duplicates": str(rng.choice(["first", "last", "error"], p=[0.4, 0.4, 0.2])),
            "gaps": str(rng.choice(["forward", "zero", "mask", "error"])),
            "calendar": ["day_of_week"] if rng.random() < 0.3 else [],
            "lags": [2, 7] if rng.random() < 0.3 else [],
            "start": "2024-03-06" if rng.random() < 0.2 else None,
            "end": "2024-04-20" if rng.random() < 0.2 else None,
        }
        until = "2024-03-25" if rng.random() < 0.4 else None
        data = config_of(path, **options)
        try:
            table = read_columns(data)
            panel = build_panel(table, data, until, HORIZON)
            expected = fill_gaps(panel, data.gaps, no_cuts(panel), table)
        except DataError as error:
            with pytest.raises(DataError) as found:
                stored_panel(data, Path(folder) / "tables", HORIZON, until)
            words = str(error).replace("first, last or mean", "first or last")
            assert str(found.value) == words
            return
        stored, _ = stored_panel(data, Path(folder) / "tables", HORIZON, until)
        assert_same_panel(expected, stored)


def test_one_series_without_gaps_is_the_same_on_disk(tmp_path):
    (tmp_path / "t.csv").write_text(daily_text(400))
    data = config_of(
        tmp_path / "t.csv", time="date", series=[], target=["sales"], past=[], future=[]
    )
    check_same(data, tmp_path)


@pytest.mark.parametrize(
    "write",
    {
        "semicolons": lambda t, path: t.to_csv(path, index=False, sep=";", decimal=","),
        "quotes": lambda t, path: t.assign(id=t["id"] + ',"x"\nline').to_csv(path, index=False),
        "returns": lambda t, path: t.to_csv(path, index=False, lineterminator="\r\n"),
        "blank_lines": lambda t, path: path.write_text(
            t.to_csv(index=False).replace("\ns2", "\n\ns2") + ",,,,,,\n\n"
        ),
        "mark": lambda t, path: t.to_csv(path, index=False, encoding="utf-8-sig"),
        "truth": lambda t, path: t.assign(f=t["f"] > 0).to_csv(path, index=False),
        "days_first": lambda t, path: t.assign(t=t["t"].dt.strftime("%d.%m.%Y %H:%M")).to_csv(
            path, index=False
        ),
        "zone": lambda t, path: t.assign(t=t["t"].dt.strftime("%Y-%m-%dT%H:%M:%S+02:00")).to_csv(
            path, index=False
        ),
    }.items(),
    ids=lambda item: item[0],
)
def test_csv_in_any_dialect_is_the_same_on_disk(write, tmp_path):
    write[1](hourly(), tmp_path / "t.csv")
    fmt = {"time_format": "day_first"} if write[0] == "days_first" else {}
    check_same(config_of(tmp_path / "t.csv", **fmt), tmp_path)


def test_gzip_is_the_same_on_disk(tmp_path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(hourly().to_csv(index=False).encode()))
    check_same(config_of(tmp_path / "t.csv.gz"), tmp_path)


@pytest.mark.parametrize("stamps", ["clock", "days", "text", "utc"])
def test_parquet_is_the_same_on_disk(stamps, tmp_path):
    table = hourly()
    if stamps == "days":
        table["t"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(
            table.groupby("id").cumcount(), unit="D"
        )
    elif stamps == "text":
        table["t"] = table["t"].dt.strftime("%Y-%m-%d %H:%M")
    elif stamps == "utc":
        table["t"] = table["t"].dt.tz_localize("UTC")
    table.to_parquet(tmp_path / "t.parquet", row_group_size=100)
    check_same(config_of(tmp_path / "t.parquet"), tmp_path)


@pytest.mark.parametrize("by", ["series", "date"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_folder_of_files_is_one_table(by, kind, tmp_path):
    table = hourly()
    key = table["id"] if by == "series" else table["t"].dt.strftime("%Y-%m-%d")
    (tmp_path / "files").mkdir()
    for name, part in table.groupby(key):
        path = tmp_path / "files" / f"{name}.{kind}"
        part.to_csv(path, index=False) if kind == "csv" else part.to_parquet(path, index=False)
    (tmp_path / "files" / "notes.md").write_text("not a table")
    whole = table.assign(key=key).sort_values("key", kind="stable") if by == "date" else table
    whole.to_csv(tmp_path / "t.csv", index=False)
    panel, _ = in_memory(config_of(tmp_path / "t.csv"))
    stored, streamed = stored_panel(config_of(tmp_path / "files"), tmp_path / "x", HORIZON)
    for name in ("values", "observed", "offsets", "ends", "starts", "source_rows"):
        np.testing.assert_array_equal(getattr(stored, name), getattr(panel, name))
    where = "row 1" if kind == "parquet" else "line 2"
    assert streamed.line(0).startswith(f"{where} of ")


BAD = {
    "no_number": lambda t: t.assign(y=t["y"].astype(object).where(t.index % 70 != 9, "abc")),
    "money": lambda t: t.assign(x=t["x"].astype(object).where(t.index != 333, "$5")),
    "infinite": lambda t: t.assign(y=t["y"].where(t.index % 100 != 9, np.inf)),
    "stamp": lambda t: t.assign(t=t["t"].astype(str).where(t.index % 50 != 9, "soon")),
    "off_grid": lambda t: t.assign(t=t["t"] + pd.to_timedelta((t.index == 77) * 1, unit="m")),
    "repeats": lambda t: pd.concat([t, t.iloc[[3, 300, 5]]]),
    "no_name": lambda t: t.assign(id=t["id"].where(t.index != 44, "")),
    "changing_static": lambda t: t.assign(size=t["size"].where(t.index != 44, 9)),
    "column": lambda t: t.drop(columns="f"),
    "far_stamp": lambda t: t.assign(t=t["t"].where(t.index != 44, pd.Timestamp("2094-01-01"))),
}


@pytest.mark.parametrize("fault", BAD)
def test_faults_are_told_as_in_memory(fault, tmp_path):
    BAD[fault](hourly()).to_csv(tmp_path / "t.csv", index=False)
    data = config_of(tmp_path / "t.csv", static=["size"])
    with pytest.raises(DataError) as expected:
        in_memory(data)
    with pytest.raises(DataError) as found:
        stored_panel(data, tmp_path / "tables", HORIZON)
    # Means of rows of one stamp are not to be had on disk.
    words = str(expected.value).replace("first, last or mean", "first or last")
    assert str(found.value) == words
    assert list((tmp_path / "tables").iterdir()) == []


def test_rows_of_another_width_are_told_as_in_memory(tmp_path):
    lines = hourly().to_csv(index=False).splitlines()
    lines[5] += ",1"
    lines[300] = "s1,a"
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError) as expected:
        in_memory(config_of(tmp_path / "t.csv"))
    with pytest.raises(DataError) as found:
        stored_panel(config_of(tmp_path / "t.csv"), tmp_path / "tables", HORIZON)
    assert str(found.value) == str(expected.value)


def test_missing_values_are_refused_as_in_memory(tmp_path):
    hourly().to_csv(tmp_path / "t.csv", index=False)
    data = config_of(tmp_path / "t.csv", gaps="error")
    with pytest.raises(DataError) as expected:
        in_memory(data)
    with pytest.raises(DataError) as found:
        stored_panel(data, tmp_path / "tables", HORIZON)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda path, text: path.write_bytes(text.replace("s1", "é").encode("latin-1")), "UTF-8"),
        (lambda path, text: path.write_bytes(text.encode("utf-16")), "UTF-8"),
        (lambda path, text: path.write_text(text.replace("01:00:00", "01:00:00+01:00")), "form"),
    ],
    ids=["latin", "utf16", "zones"],
)
def test_what_cannot_be_streamed_says_what_to_do(write, words, tmp_path):
    write(tmp_path / "t.csv", hourly().to_csv(index=False))
    with pytest.raises(DataError, match=words):
        stored_panel(config_of(tmp_path / "t.csv"), tmp_path / "tables", HORIZON)


def test_lines_over_gaps_are_refused_on_disk_only_where_there_are_gaps(tmp_path):
    hourly().to_csv(tmp_path / "gaps.csv", index=False)
    data = config_of(tmp_path / "gaps.csv", gaps="interpolate")
    with pytest.raises(DataError, match=r"A table on disk does not support data.gaps: interpolate"):
        stored_panel(data, tmp_path / "tables", HORIZON)
    hourly(gaps=False).to_csv(tmp_path / "t.csv", index=False)
    check_same(config_of(tmp_path / "t.csv", gaps="interpolate"), tmp_path)


def test_table_is_streamed_once_and_again_when_it_changes(tmp_path):
    path, read = tmp_path / "t.csv", []
    hourly().to_csv(path, index=False)
    data = config_of(path)

    def open_it():
        return stored_panel(data, tmp_path / "tables", HORIZON, reading=read.append)

    first, _ = open_it()
    assert open_it()[0].store == first.store and len(read) == 1
    path.touch()  # the same bytes, written again
    assert open_it()[0].store == first.store and len(read) == 1
    text = path.read_text()
    path.write_text(text.replace("s0,", "z0,"))  # as many bytes, others
    changed, _ = open_it()
    assert len(read) == 2 and ("z0",) in changed.names
    assert [entry.name for entry in (tmp_path / "tables").iterdir()] == [changed.store.name]


def test_a_table_serves_every_horizon_unless_columns_depend_on_it(tmp_path):
    hourly().to_csv(tmp_path / "t.csv", index=False)
    for kind, options in {
        "plain": {"calendar": []},
        "calendar": {"calendar": ["hour"]},
        "lags": {"calendar": [], "lags": [3]},
    }.items():
        data, tables = config_of(tmp_path / "t.csv", **options), tmp_path / kind
        stores = {stored_panel(data, tables, horizon)[0].store for horizon in (2, 5)}
        assert len(stores) == (1 if kind == "plain" else 2), kind


def test_outdated_tables_and_those_long_unused_are_removed_and_nothing_else(tmp_path):
    tables = tmp_path / "tables"

    def stored(name):
        return stored_panel(config_of(tmp_path / f"{name}.csv"), tables, HORIZON)[0].store

    def last_used(folder, days):
        then = time.time() - days * 24 * 3600
        os.utime(folder / "table.json", (then, then))

    names = ["grows", "goes", "open", "stays", "old", "used"]
    for name in names:
        hourly().to_csv(tmp_path / f"{name}.csv", index=False)
    made = {name: stored(name) for name in names}
    foreign = [tables / name for name in ("holidays-2023", "0123456789abcdef")]
    for folder in foreign:  # of the user: table.json is no rare name
        folder.mkdir()
        (folder / "table.json").write_text("{}")
    for name in ("grows", "open"):
        hourly().iloc[:-1].to_csv(tmp_path / f"{name}.csv", index=False)
    (tmp_path / "goes.csv").unlink()
    for folder, days in {
        made["grows"]: 2, made["goes"]: 2, made["stays"]: 29, made["old"]: 31, made["used"]: 31,
        foreign[0]: 40, foreign[1]: 40,
    }.items():  # fmt: skip
        last_used(folder, days)
    assert stored("used") == made["used"]  # to open a table is to use it
    assert {*made.values(), *foreign} == set(tables.glob("[!.]*"))  # nothing was written
    again = stored("grows")
    left = {made[name] for name in ("open", "stays", "used")}
    assert set(tables.glob("[!.]*")) == {*left, *foreign, again}


def test_what_a_killed_process_left_is_swept(tmp_path):
    hourly().to_csv(tmp_path / "t.csv", index=False)
    data, tables = config_of(tmp_path / "t.csv"), tmp_path / "tables"
    panel, _ = stored_panel(data, tables, HORIZON)
    left = tables / f".{panel.store.name}.abc.part"
    panel.store.rename(left)
    (left / "table.json").unlink()
    again, _ = stored_panel(data, tables, HORIZON)
    assert list(tables.iterdir()) == [again.store]


@pytest.mark.parametrize("step", ["spool", "panel"])
def test_full_disk_leaves_nothing_and_names_another_folder(step, tmp_path, monkeypatch):
    hourly().to_csv(tmp_path / "t.csv", index=False)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "panel":
        monkeypatch.setattr(mapped, "reserve", full)
    else:
        monkeypatch.setattr(spool.Spool, "write", full)
    with pytest.raises(RunError, match=r"No space left on device; set data.tables to another"):
        stored_panel(config_of(tmp_path / "t.csv"), tmp_path / "tables", HORIZON)
    assert list((tmp_path / "tables").iterdir()) == []


def test_damaged_table_is_refused_with_its_folder(tmp_path):
    hourly().to_csv(tmp_path / "t.csv", index=False)
    data = config_of(tmp_path / "t.csv")
    panel, _ = stored_panel(data, tmp_path / "tables", HORIZON)
    described = json.loads((panel.store / "table.json").read_text())
    del described["panel"]["style"]
    (panel.store / "table.json").write_text(json.dumps(described))
    with pytest.raises(RunError, match=r"is damaged.*remove it"):
        stored_panel(data, tmp_path / "tables", HORIZON)


RUN = ["window.lookback=12", f"window.horizon={HORIZON}", "training.max_epochs=2", *TINY[1:2]]


def train(path, tmp_path, storage, settings=()):
    import lstmcast

    roles = ["data.time=t", "data.target=y", "data.series=id", "data.past=x", "data.future=f"]
    place = [f"data.storage={storage}", f"data.tables={tmp_path / 'tables'}"]
    config = tmp_path / "c.yaml"
    if not config.exists():
        config.write_text(f"data: {{path: {path}, target: y}}\n")
    return lstmcast.train(
        config, set=[*roles, *RUN, *settings, *place], run=tmp_path / storage, device="cpu"
    )


@pytest.mark.parametrize(
    "settings",
    [
        ["scale.method=robust", "training.refit=all"],
        ["data.gaps=mask", "data.calendar=auto", "network.embed_series=true", "window.pad=true"],
    ],
    ids=["refit", "derived"],
)
def test_run_on_disk_is_the_run_in_memory(settings, tmp_path):
    hourly().to_csv(tmp_path / "t.csv", index=False)
    memory = train(tmp_path / "t.csv", tmp_path, "memory", settings)
    disk = train(tmp_path / "t.csv", tmp_path, "disk", settings)
    for name in ("model.safetensors", "metrics.json", "backtest.csv", "recent.csv"):
        assert (memory.path / name).read_bytes() == (disk.path / name).read_bytes(), name
    one, two = (json.loads((run.path / "manifest.json").read_text()) for run in (memory, disk))
    assert one["data"] == two["data"] and one["windows"] == two["windows"]
    notes = [json.loads((run.path / "findings.json").read_text()) for run in (memory, disk)]
    assert notes[0] == notes[1]


def test_predict_on_disk_forecasts_as_in_memory(cli, tmp_path):
    table = hourly()
    table.to_csv(tmp_path / "t.csv", index=False)
    memory = train(tmp_path / "t.csv", tmp_path, "memory", ["data.future=[]"])
    disk = train(tmp_path / "t.csv", tmp_path, "disk", ["data.future=[]"])
    for more in ([], ["--at", "2024-01-05 00:00:00"]):
        outcomes = [cli("predict", run.path, *more, "-o", "-", "-q") for run in (memory, disk)]
        assert outcomes[0].code == 0 and outcomes[0].out == outcomes[1].out
    (tmp_path / "new").mkdir()
    for name, part in table.groupby("id"):
        part.to_csv(tmp_path / "new" / f"{name}.csv", index=False)
    folder = cli("predict", disk.path, tmp_path / "new", "-o", "-", "-q")
    assert folder.out == cli("predict", memory.path, "-o", "-", "-q").out, folder.err


def test_windows_on_disk_are_those_in_memory(cli, tmp_path):
    hourly().to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "c.yaml").write_text(
        f"data: {{path: {tmp_path / 't.csv'}, time: t, target: y, series: [id], past: [x]}}\n"
        "window: {lookback: 12, horizon: 4}\n"
    )
    for storage in ("memory", "disk"):
        place = ["-s", f"data.storage={storage}", "-s", f"data.tables={tmp_path / 'tables'}"]
        made = cli("window", tmp_path / "c.yaml", "-o", tmp_path / storage, *place, "-q")
        assert made.code == 0, made.err
    for path in sorted((tmp_path / "memory").iterdir()):
        assert path.read_bytes() == (tmp_path / "disk" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"duplicates": "mean"}, "data.duplicates: .*set it to first or last"),
        ({"past": ["kind", "x"], "categorical": ["kind"]}, "data.categorical: 'kind'"),
        ({"layout": "wide", "series": [], "past": [], "future": []}, "data.layout: .*long"),
    ],
    ids=["mean", "categories", "wide"],
)
def test_what_cannot_be_had_on_disk_is_refused_by_name(settings, words, tmp_path):
    from lstmcast.config.schema import Config
    from lstmcast.pipeline.storage import storage_of

    hourly().to_csv(tmp_path / "t.csv", index=False)
    data = config_of(tmp_path / "t.csv", storage="disk", **settings)
    with pytest.raises(ConfigError, match=words):
        storage_of(Config(data=data))


def test_rows_of_series_are_not_taken_for_columns_on_disk(cli, tmp_path):
    (tmp_path / "m4.csv").write_text("V1,V2,V3,V4\na,1,2,3\nb,4,5,6\n")
    settings = ["data.target=y", "data.storage=disk", "window.lookback=1", "window.horizon=1"]
    flags = [flag for text in settings for flag in ("-s", text)]
    (tmp_path / "c.yaml").write_text("data: {path: m4.csv, target: y}\n")
    refused = cli("window", tmp_path / "c.yaml", "--dry-run", *flags)
    assert refused.code == 2 and "data.layout: the layout rows" in refused.err


def test_auto_holds_large_files_and_folders_on_disk(tmp_path):
    from lstmcast.config.schema import Config
    from lstmcast.pipeline.storage import storage_of

    hourly().to_csv(tmp_path / "t.csv", index=False)
    config = Config(data=config_of(tmp_path / "t.csv"))
    assert storage_of(config) == "memory"
    assert storage_of(Config(data=config_of(tmp_path))) == "disk"
    training = config.training.model_copy(update={"memory_limit": "0.1MB"})
    assert storage_of(config.model_copy(update={"training": training})) == "disk"
    with pytest.raises(ConfigError, match=r"is a folder.*data.storage: disk"):
        storage_of(Config(data=config_of(tmp_path, storage="memory")))


def test_backtest_of_a_folder_is_refused(cli, tmp_path):
    (tmp_path / "files").mkdir()
    hourly().to_csv(tmp_path / "files" / "t.csv", index=False)
    Path(tmp_path / "c.yaml").write_text("data: {path: files, time: t, target: y, series: [id]}\n")
    refused = cli("backtest", tmp_path / "c.yaml")
    assert refused.code == 2 and "needs all rows in memory" in refused.err

"""Tables with a column per series, and with a row per series."""

import numpy as np
import pandas as pd
import pytest
from support.daily import TINY

import lstmcast
from lstmcast.config import DataConfig, build_config
from lstmcast.errors import ConfigError, DataError
from lstmcast.panel.build import build_panel, read_columns
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.proposing.propose import propose_config

SMALL = [*TINY[1::2], "window.lookback=8", "window.horizon=3"]


def write(folder, text, name="table.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def panel_of(path, **data):
    config = DataConfig(path=str(path), **{"target": "value", **data})
    return build_panel(read_columns(config), config)


def values_of(panel, name):
    series = panel.names.index((name,))
    return panel.values[panel.offsets[series] : panel.offsets[series + 1], 0].tolist()


def refusal(path, error=DataError, **data):
    with pytest.raises(error) as caught:
        panel_of(path, **data)
    return str(caught.value)


def wave(rows, columns="ab", seed=0):
    """A day column and a weekly wave in each other column."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=rows).strftime("%d.%m.%Y")})
    for k, name in enumerate(columns):
        wave = 10 * np.sin(np.arange(rows) * 2 * np.pi / 7 + k)
        frame[name] = np.round(50 * (k + 1) + wave + rng.normal(0, 1, rows), 2)
    return frame


def m4_text(lengths, quote='"', seed=0):
    """A lookalike of the files of the M4 competition: names, values, empty cells behind."""
    rng = np.random.default_rng(seed)
    width = max(lengths) + 1
    lines = [[f"V{k + 1}" for k in range(width)]]
    for number, length in enumerate(lengths):
        wave = 50 + 10 * np.sin(np.arange(length) * 2 * np.pi / 7) + rng.normal(0, 1, length)
        cells = [f"H{number + 1}", *(f"{value:.1f}" for value in wave)]
        lines.append([*cells, *[""] * (width - len(cells))])
    return "".join(",".join(f"{quote}{c}{quote}" for c in line) + "\n" for line in lines)


def test_rows_are_series_of_their_own_length(tmp_path):
    path = write(tmp_path, "V1,V2,V3,V4\nb,1,2,3\na,4.5,,\nc,7,8,\n")
    panel = panel_of(path, layout="rows")
    assert panel.names == [("a",), ("b",), ("c",)]
    assert values_of(panel, "a") == [4.5]
    assert values_of(panel, "b") == [1.0, 2.0, 3.0]
    assert values_of(panel, "c") == [7.0, 8.0]


def test_rows_keep_names_as_they_are_written(tmp_path):
    path = write(tmp_path, "id;1;2\n007;1,5;2\n010;3;4,25\n")
    panel = panel_of(path, layout="rows")
    assert panel.series_columns == ("id",)
    assert panel.names == [("007",), ("010",)]
    assert values_of(panel, "010") == [3.0, 4.25]


def test_an_empty_cell_inside_a_row_is_a_gap(tmp_path):
    path = write(tmp_path, "V1,V2,V3,V4,V5,V6,V7,V8,V9\na,1,,3,4,5,6,7,\n")
    assert np.isnan(values_of(panel_of(path, layout="rows"), "a")[1])
    message = "1 value missing, 0 whole rows among them; the first is 'value' at 2 of a "
    with pytest.raises(DataError, match=message + r"\(line 2, column 'V3'\)"):
        lstmcast.train(path, set=["data.gaps=error", "window.lookback=1"], run=tmp_path / "run")


def test_auto_takes_the_form_of_m4_for_rows(tmp_path):
    path = write(tmp_path, m4_text([9, 7, 8]))
    for target in ("value", "load"):
        panel = panel_of(path, target=target)
        assert panel.names == [("H1",), ("H2",), ("H3",)]
        assert panel.lengths.tolist() == [9, 7, 8]
        assert panel.columns.targets == (target,)


@pytest.mark.parametrize(
    "text",
    [
        "V1,V2,V3\n" + "1,2,3\n4,5,6\n" * 4,
        "V1,V2,V3\n" + "".join(f"2024-01-0{day},{day},6\n" for day in range(1, 9)),
        "name,V2,V3\n" + "".join(f"{'abcdefgh'[day]},{day % 3},6\n" for day in range(8)),
    ],
)
def test_auto_leaves_other_tables_long(text, tmp_path):
    config = propose_config(
        write(tmp_path, text), ["window.horizon=1", "window.lookback=1"], Quiet
    )[0]
    assert config.data.layout == "auto"
    assert config.data.target[0] in ("V1", "V2", "V3")


Quiet = type("Quiet", (ProgressListener,), {"note": lambda self, text: None})()


def test_auto_never_makes_several_targets_wide(tmp_path):
    path = tmp_path / "w.csv"
    wave(30).to_csv(path, index=False)
    panel = panel_of(path, target=["a", "b"], time="day")
    assert panel.columns.targets == ("a", "b")
    assert panel.series_count == 1


def test_wide_columns_are_series_with_the_values_of_the_long_table(tmp_path):
    wide = wave(30, "ba")
    wide.to_csv(tmp_path / "wide.csv", index=False)
    wide.melt("day", var_name="series").to_csv(tmp_path / "long.csv", index=False)
    panel = panel_of(tmp_path / "wide.csv", layout="wide", time="day", target=["b", "a"])
    other = panel_of(tmp_path / "long.csv", time="day", series="series")
    assert panel.names == other.names == [("a",), ("b",)]
    assert panel.series_columns == other.series_columns
    assert panel.columns == other.columns
    np.testing.assert_array_equal(panel.values, other.values)
    np.testing.assert_array_equal(panel.starts, other.starts)
    assert panel.frequency == other.frequency


@pytest.mark.parametrize("fault", ["", "text", "short row", "infinite"])
def test_many_wide_columns_parsed_together_are_those_parsed_one_by_one(fault, tmp_path, limits):
    rows = [["0,1.5,2024-01-01,", "-2e3"], ['1,"2",2024-01-02,7', "0.25"], ["2,,2024-01-03,8", "4"]]
    last = {"text": "four", "short row": None, "infinite": "inf"}.get(fault, "4")
    rows[2] = [rows[2][0], *([] if last is None else [last])]
    text = "\n".join(["x,y1,day,y2,y3", *(",".join(row) for row in rows)]) + "\n"
    (tmp_path / "t.csv").write_text(text)
    config = {"path": str(tmp_path / "t.csv"), "time": "day", "layout": "wide"}
    found = []
    for columns in (10**6, 1):
        limits(COLUMNS_PARSED_TOGETHER=columns)
        try:
            target = ["y3", "y1", "y2"]
            table = read_columns(build_config({"data": {**config, "target": target}}).data)
            found.append((table.values.tolist(), table.text("day").tolist()))
        except DataError as error:
            found.append(str(error))
    assert repr(found[0]) == repr(found[1])
    assert isinstance(found[0], str) == bool(fault)


def test_wide_fills_missing_stamps_in_every_series(tmp_path):
    wide = wave(12).drop(index=5)
    wide.to_csv(tmp_path / "wide.csv", index=False)
    panel = panel_of(tmp_path / "wide.csv", layout="wide", time="day", target=["a", "b"])
    assert panel.lengths.tolist() == [12, 12]
    assert np.isnan(values_of(panel, "a")[5])
    assert np.isnan(values_of(panel, "b")[5])


def test_wide_in_any_order_of_stamps(tmp_path):
    wide = wave(12)
    wide.iloc[::-1].to_csv(tmp_path / "wide.csv", index=False)
    panel = panel_of(tmp_path / "wide.csv", layout="wide", time="day", target=["a", "b"])
    assert values_of(panel, "b") == wide["b"].tolist()


def test_wide_without_time_counts_rows(tmp_path):
    panel = panel_of(
        write(tmp_path, "x,y\n1,5\n2,6\n3,\n"), layout="wide", target=["x", "y"], start=2
    )
    assert values_of(panel, "x") == [2.0, 3.0]
    assert values_of(panel, "y") == [6.0]


BOUNDS = ("_lo80", "_hi80")
"""Too few validation windows for 95 %."""


def train(path, folder, *settings):
    return lstmcast.train(path, set=[*SMALL, *settings], run=folder, device="cpu")


def test_rows_train_and_forecast_every_series(tmp_path):
    path = write(tmp_path, m4_text([60, 50, 55]))
    run = train(path, tmp_path / "run")
    forecast = lstmcast.predict(run.path)
    assert list(forecast.columns) == [
        "series",
        "step",
        *(f"value{end}" for end in ("", *BOUNDS)),
        "method",
    ]
    assert forecast["series"].tolist() == ["H1"] * 3 + ["H2"] * 3 + ["H3"] * 3
    assert forecast["step"].astype(int).tolist() == [61, 62, 63, 51, 52, 53, 56, 57, 58]
    assert forecast["value"].between(20, 80).all()
    pd.testing.assert_frame_equal(run.forecast.astype(str), forecast.astype(str))


def test_a_run_on_rows_forecasts_another_table_of_rows(tmp_path):
    run = train(write(tmp_path, m4_text([60, 50])), tmp_path / "run")
    other = write(tmp_path, "name;x;y;z\nnew;51;52,5;\nnewer;3;2;1\n", "other.csv")
    forecast = lstmcast.predict(run.path, other)
    assert forecast["name"].tolist() == ["new"] * 3 + ["newer"] * 3
    assert forecast["step"].tolist() == ["3", "4", "5", "4", "5", "6"]


def test_the_wide_forecast_can_be_appended_to_the_input(tmp_path):
    path = tmp_path / "wide.csv"
    wave(80, "ba").to_csv(path, index=False)
    run = train(path, tmp_path / "run", "data.layout=wide")
    text = (run.path / "forecast.csv").read_text()
    assert text.startswith("day,b,a,b_lo80,b_hi80,a_lo80,a_hi80,method\n21.03.2024,")
    assert {line.rsplit(",", 1)[1] for line in text.splitlines()[1:]} == {"lstmcast"}
    table = pd.read_csv(path, dtype=str)
    ahead = pd.read_csv(run.path / "forecast.csv", dtype=str)[table.columns]
    both = pd.concat([table, ahead]).to_csv(index=False)
    again = lstmcast.predict(run.path, write(tmp_path, both, "both.csv"))
    assert again["day"].tolist() == ["24.03.2024", "25.03.2024", "26.03.2024"]
    assert again["b"].between(20, 80).all()
    assert again["a"].between(70, 130).all()


def test_the_wide_forecast_is_the_long_one(tmp_path):
    wide = wave(80)
    wide.to_csv(tmp_path / "wide.csv", index=False)
    wide.melt("day", var_name="series").to_csv(tmp_path / "long.csv", index=False)
    beside = train(tmp_path / "wide.csv", tmp_path / "w", "data.layout=wide").forecast
    below = train(tmp_path / "long.csv", tmp_path / "l", "data.series=series", "data.target=value")
    table = below.forecast.pivot(index="day", columns="series", values="value")
    assert table["a"].tolist() == beside["a"].tolist()
    assert table["b"].tolist() == beside["b"].tolist()


def test_a_wide_column_that_ends_early_begins_its_forecast_early(tmp_path):
    wide = wave(80, "abcd")
    wide.loc[78:, "b"] = np.nan
    wide.loc[:75, "c"] = np.nan
    wide["d"] = np.nan
    wide.to_csv(tmp_path / "wide.csv", index=False)
    columns = "data.target=[a,b,c,d]"
    run = train(tmp_path / "wide.csv", tmp_path / "run", "data.layout=wide", columns)
    forecast = lstmcast.predict(run.path)
    bounds = [f"{name}{end}" for name in "abcd" for end in BOUNDS]
    assert list(forecast.columns) == ["day", *"abcd", *bounds, "method", "c_method"]
    for name in "abc":
        known = forecast[forecast[name].notna()]
        assert known[name].between(known[f"{name}_lo80"], known[f"{name}_hi80"]).all()
    assert forecast["day"].tolist() == [f"{day}.03.2024" for day in (19, 20, 21, 22, 23)]
    assert forecast["a"].notna().tolist() == [False, False, True, True, True]
    assert forecast["b"].notna().tolist() == [True, True, True, False, False]
    assert forecast["c"].notna().tolist() == [False, False, True, True, True]
    assert forecast["d"].isna().all()
    assert set(forecast["method"]) == {"lstmcast"}
    assert set(forecast["c_method"]) <= {"naive", "drift", "seasonal_naive"}
    assert run.forecast["d"].isna().all()


@pytest.mark.parametrize("layout", ["rows", "wide"])
def test_windows_name_rows_of_the_file(layout, cli, tmp_path):
    path = tmp_path / "table.csv"
    if layout == "rows":
        path.write_text(m4_text([20, 18]))
    else:
        wave(20).to_csv(path, index=False)
    settings = ["-s", f"data.layout={layout}", "-s", "window.lookback=4", "-s", "window.horizon=2"]
    assert cli("window", path, *settings, "-o", tmp_path / "w").code == 0
    table = pd.read_csv(tmp_path / "w" / "windows.csv")
    first, last = table.iloc[0], table.iloc[-1]
    assert (first["first_input_row"], last["last_target_row"]) == (
        (1, 2) if layout == "rows" else (1, 20)
    )


def test_a_row_without_a_name_is_refused(tmp_path):
    message = refusal(write(tmp_path, "V1,V2,V3\na,1,2\n,3,4\n"), layout="rows")
    assert "line 3: column 'V1' names the series and is empty" in message


def test_a_name_that_comes_twice_is_refused(tmp_path):
    message = refusal(write(tmp_path, "V1,V2,V3\na,1,2\nb,3,4\na,5,6\n"), layout="rows")
    assert "line 4: the series 'a' already has a row, line 2" in message


def test_text_among_the_values_is_refused(tmp_path):
    message = refusal(write(tmp_path, "V1,V2,V3\na,1,2\nb,3,four\n"), layout="rows")
    assert "column 'V3': 1 cell is not a number: line 3 'four'" in message


def test_text_among_the_values_is_exit_3(cli, tmp_path):
    outcome = cli("train", write(tmp_path, "V1,V2,V3\na,1,2\nb,3,four\n"))
    assert outcome.code == 3
    assert "column 'V3'" in outcome.err


def test_a_row_of_no_values_is_left_out_and_named(cli, tmp_path):
    path = write(tmp_path, m4_text([60, 0, 55]))
    settings = [part for text in SMALL for part in ("-s", text)]
    outcome = cli("train", path, *settings, "--run", tmp_path / "run")
    assert outcome.code == 0
    assert "1 series have no complete row and are left out: H2" in outcome.err
    assert set(pd.read_csv(tmp_path / "run" / "forecast.csv")["series"]) == {"H1", "H3"}


def test_rows_of_no_values_at_all_are_refused(tmp_path):
    message = refusal(write(tmp_path, "V1,V2,V3\na,,\nb,,\n"), layout="rows")
    assert "no row has a value after its name" in message


def test_a_single_row_is_one_series(tmp_path):
    panel = panel_of(write(tmp_path, m4_text([5])))
    assert panel.names == [("H1",)]
    assert panel.lengths.tolist() == [5]


def test_a_table_of_one_column_is_no_table_of_rows(tmp_path):
    message = refusal(write(tmp_path, "a\n1\n2\n"), layout="rows")
    assert "no row has a value after its name" in message


def test_a_header_that_names_a_wide_column_twice_is_refused(tmp_path):
    message = refusal(write(tmp_path, "x,y,x\n1,5,3\n"), layout="wide", target=["x", "y"])
    assert "line 1: the column name 'x' occurs 2 times" in message


def test_a_target_that_names_a_wide_column_twice_is_exit_2(cli, tmp_path):
    path = write(tmp_path, "x,y\n1,5\n")
    outcome = cli("train", path, "-s", "data.layout=wide", "-s", "data.target=[x,y,x]")
    assert outcome.code == 2
    assert "names 'x' twice" in outcome.err


def test_a_wide_column_of_text_is_exit_3(cli, tmp_path):
    path = tmp_path / "wide.csv"
    wave(60).assign(b="x").to_csv(path, index=False)
    outcome = cli("train", path, "-s", "data.layout=wide", "-s", "data.target=[a,b]")
    assert outcome.code == 3
    assert "column 'b': 60 cells are each not a number: line 2 'x'" in outcome.err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"layout": "rows", "time": "day"}, "data.time must be null with data.layout: rows"),
        ({"layout": "rows", "target": ["a", "b"]}, "data.target must be one name"),
        ({"layout": "wide", "series": "id"}, "data.series must be empty with data.layout: wide"),
        ({"layout": "rows", "static": "id"}, "data.static must be empty with data.layout: rows"),
        ({"layout": "wide", "time": "series"}, "data.time is 'series', a name that"),
        ({"layout": "tall"}, "data.layout"),
    ],
)
def test_roles_that_a_layout_has_no_room_for_are_refused(data, message):
    with pytest.raises(ConfigError) as caught:
        build_config({"data": {"path": "x.csv", "target": "value", **data}})
    assert message in " ".join(str(caught.value).split())


def test_series_of_wide_and_rows_can_be_embedded(tmp_path):
    path = write(tmp_path, m4_text([60, 50, 55]))
    run = train(path, tmp_path / "run", "network.embed_series=true", "data.layout=rows")
    assert len(lstmcast.predict(run.path)) == 9

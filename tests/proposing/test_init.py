"""`lstmcast init`: what it sees in a table (seasonality, roles), what it writes, when it cannot."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.daily import TINY, daily_text

from lstmcast.config import build_config, load_config
from lstmcast.panel.build import read_panel
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.proposing.proposal import Line, Proposal, arrange
from lstmcast.proposing.propose import propose, propose_config

TOP = Path(__file__).parents[2]


def proposal(path, **sections):
    """The proposal for a table, by section and key."""
    return propose(path, sections, ProgressListener())


def lines(path, **sections):
    """Values of the active lines and of the suggestions, by field."""
    found = proposal(path, **sections).lines
    active = {line.field: line.value for line in found if line.active}
    return active, {line.field: line.value for line in found if not line.active}


def save(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def monthly(rows=144, header="Month,#Passengers", integers=True):
    """A CSV like AirPassengers: months, counts that grow, a yearly season."""
    months = pd.period_range("1949-01", periods=rows, freq="M")
    wave = 100 + np.arange(rows) * 2 + 30 * np.sin(2 * np.pi * np.arange(rows) / 12)
    values = np.round(wave).astype(int) if integers else np.round(wave, 2)
    body = (f"{month},{value}" for month, value in zip(months, values, strict=True))
    return "\n".join([header, *body]) + "\n"


def half_hours(rows=600):
    """A CSV like the taxi passengers of New York: half hours, a daily season."""
    stamps = pd.date_range("2014-07-01", periods=rows, freq="30min")
    values = 10_000 + np.round(8_000 * np.sin(2 * np.pi * np.arange(rows) / 48)).astype(int)
    rows = (f"{stamp},{value}" for stamp, value in zip(stamps, values, strict=True))
    return "\n".join(["time,#Passengers", *rows]) + "\n"


def wide(rows=36, columns=20):
    """A CSV like Australian tourism: more columns than half the rows, no time."""
    names = ["NSW - hol - city", "a: b", "no", "1", *(f"c{k}" for k in range(4, columns))]
    values = np.random.default_rng(0).integers(100, 900, (rows, columns))
    return pd.DataFrame(values, columns=names).to_csv(index=False)


def hourly(rows=500):
    """A CSV like ETTh1: hours, several numeric columns."""
    stamps = pd.date_range("2016-07-01", periods=rows, freq="h")
    values = np.random.default_rng(0).normal(size=(rows, 3)).round(4).cumsum(axis=0)
    frame = pd.DataFrame(values, columns=["HUFL", "MULL", "OT"])
    frame.insert(0, "date", stamps.astype(str))
    return frame.to_csv(index=False)


def shops(rows=90, ahead=0):
    """A long table: shops by day, with a text, a plan that is known ahead, and a size."""
    rng = np.random.default_rng(0)
    frames = []
    for k, shop in enumerate(["north", "south", "west"]):
        days = pd.date_range("2024-01-01", periods=rows).astype(str)
        sales = 50.5 + 10 * k + 5 * np.sin(2 * np.pi * np.arange(rows) / 7) + rng.normal(size=rows)
        frame = pd.DataFrame({"shop": shop, "date": days, "sales": sales.round(2)})
        frame["visitors"] = rng.integers(5, 99, rows)
        frame["promo"] = rng.integers(0, 2, rows)
        frame["weather"] = rng.choice(["sun", "rain", "fog"], rows)
        frame["size"] = 100 * (k + 1)
        frame["town"] = ["A", "A", "B"][k]
        frame["remark"] = [f"{shop} {row}" for row in range(rows)]
        if ahead:
            gone = ["sales", "visitors", "weather"]
            frame[gone] = frame[gone].astype(object)
            frame.loc[rows - ahead :, gone] = np.nan
        frames.append(frame)
    return pd.concat(frames).to_csv(index=False)


LOOKALIKES = {
    "taxi": half_hours(),
    "sunspots": '"Month","Sunspots"\n' + monthly(200, integers=False).split("\n", 1)[1],
    "passengers": monthly(),
    "tourism": wide(),
    "transformer": hourly(),
    "shops": shops(),
}


@pytest.mark.parametrize("name", LOOKALIKES)
def test_init_then_train_then_predict_needs_no_hand(name, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / f"{name}.csv", LOOKALIKES[name])
    outcome = cli("init", f"{name}.csv", "-o", "c.yaml")
    assert outcome.code == 0, outcome.err
    assert "lstmcast train c.yaml" in outcome.out
    outcome = cli("train", "c.yaml", "-s", "training.max_steps=1", "--run", "r", "--json")
    assert outcome.code == 0, outcome.err
    counts = json.loads(outcome.out)["metrics"]
    assert counts["validation"] and counts["test"]  # there are windows in every split
    assert cli("predict", "r", "-o", "f.csv").code == 0
    horizon = load_config(Path("c.yaml")).window.horizon
    series = 3 if name == "shops" else 1
    assert len(pd.read_csv("f.csv")) == horizon * series


@pytest.mark.parametrize("name", LOOKALIKES)
def test_the_written_config_is_the_one_that_train_makes_in_memory(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "t.csv", LOOKALIKES[name])
    save(tmp_path / "c.yaml", proposal("t.csv").yaml(Path("c.yaml")))
    assert load_config(Path("c.yaml")) == propose_config("t.csv", [], ProgressListener())[0]


def test_train_of_a_table_writes_the_config_of_init(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "t.csv", daily_text())
    assert cli("init", "t.csv", "-o", "c.yaml").code == 0
    assert cli("train", "t.csv", *TINY, "--run", "a").code == 0
    assert cli("train", "c.yaml", *TINY, "--run", "b").code == 0
    assert Path("a/config.yaml").read_bytes() == Path("b/config.yaml").read_bytes()
    assert Path("a/model.safetensors").read_bytes() == Path("b/model.safetensors").read_bytes()


@pytest.mark.parametrize("folder", ["", "deep/er"])
def test_the_path_in_the_yaml_starts_from_its_folder(folder, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "deep/er").mkdir(parents=True)
    save(tmp_path / "data/t.csv", daily_text())
    output = Path(folder) / "c.yaml"
    for table in ("data/t.csv", tmp_path / "data/t.csv"):
        assert cli("init", table, "-o", output).code == 0
        assert f"  path: {'../../' if folder else ''}data/t.csv\n" in output.read_text()
        assert Path(load_config(output).data.path).samefile("data/t.csv")
        output.unlink()


def test_without_output_the_yaml_goes_to_stdout(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "t.csv", daily_text())
    text = cli("init", "t.csv").out
    assert text.startswith("# lstmcast train t.yaml\n")
    save(tmp_path / "t.yaml", text)
    assert load_config(Path("t.yaml")).data.target == ["sales"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.yaml"]


def test_json_holds_the_config_and_the_reasons(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "t.csv", daily_text())
    found = json.loads(cli("init", "t.csv", "--json", "-o", "c.yaml").out)
    assert found["output"] == "c.yaml" and found["reasons"]["data.season"] == "steps in a week"
    assert build_config(found["config"]) == load_config(Path("c.yaml"))


def test_an_existing_file_is_never_overwritten(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "t.csv", daily_text())
    save(tmp_path / "c.yaml", "mine")
    outcome = cli("init", "t.csv", "-o", "c.yaml")
    assert outcome.code == 5 and "c.yaml exists" in outcome.err
    assert Path("c.yaml").read_text() == "mine"
    assert cli("init", "t.csv", "-o", "no/c.yaml").code == 5
    assert cli("init", "t.csv", "-o", "t.csv").code == 5


# What is seen.


def test_series_suggestions_and_useless_columns_of_a_long_table(tmp_path):
    path = save(tmp_path / "t.csv", shops())
    active, hints = lines(path, data={"target": ["sales"]})
    assert active["data.time"] == "date" and active["data.series"] == "shop"
    assert active["data.target"] == "sales"
    assert hints["data.past"] == ["visitors", "promo", "weather"]
    assert hints["data.static"] == ["size", "town"]
    assert hints["data.categorical"] == ["weather", "town"]
    assert "remark" not in str(hints)


def test_without_a_target_every_usable_number_is_one(tmp_path):
    active, hints = lines(save(tmp_path / "t.csv", shops()))
    assert active["data.target"] == ["sales", "visitors", "promo"]
    assert hints["data.past"] == ["weather"] and hints["data.static"] == ["size", "town"]


def test_columns_known_beyond_the_last_target_are_suggested_as_future(tmp_path):
    path = save(tmp_path / "t.csv", shops(ahead=7))
    _, hints = lines(path, data={"target": ["sales"]})
    assert hints["data.future"] == ["promo"]
    assert hints["data.past"] == ["visitors", "weather"]


def test_without_a_target_columns_known_ahead_are_none(tmp_path):
    path = save(tmp_path / "t.csv", shops(ahead=7))
    active, hints = lines(path)
    assert active["data.target"] == ["sales", "visitors"] and hints["data.future"] == ["promo"]
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame[::-1].to_csv(path, index=False)  # the newest row first
    assert lines(path) == (active, hints)
    one = shops(ahead=1)  # may be a value that comes late
    assert "promo" in lines(save(tmp_path / "t.csv", one))[0]["data.target"]


@pytest.mark.parametrize("ahead", [0, 7])
def test_suggestions_without_their_marks_are_a_config_that_reads_the_table(ahead, tmp_path):
    path = save(tmp_path / "t.csv", shops(ahead=ahead))
    text = proposal(path, data={"target": ["sales"]}).yaml(tmp_path / "c.yaml")
    freed = re.sub(r"^  # (past|future|static|categorical): ", r"  \1: ", text, flags=re.M)
    assert freed != text
    config = load_config(save(tmp_path / "c.yaml", freed))
    panel, _ = read_panel(config.data)
    assert panel.columns.static == ("size", "town") and set(panel.words) == {"weather", "town"}


def test_two_columns_of_whole_numbers_can_tell_series_apart(tmp_path):
    days = pd.date_range("2024-01-01", periods=60).astype(str)
    rng = np.random.default_rng(0)
    rows = [
        (day, store, item, int(rng.integers(0, 400)))
        for store in (1, 2, 3)
        for item in (1, 2, 3, 4)
        for day in days
    ]
    frame = pd.DataFrame(rows, columns=["date", "store", "item", "sales"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    active, _ = lines(tmp_path / "t.csv")
    assert active["data.series"] == ["store", "item"] and active["data.target"] == "sales"


def test_a_second_name_of_the_same_series_is_no_second_choice(tmp_path):
    frame = pd.read_csv(save(tmp_path / "t.csv", shops()))
    frame.insert(0, "number", frame["shop"].map({"north": 7, "south": 8, "west": 9}))
    frame.insert(3, "title", "Shop " + frame["shop"])
    frame.to_csv(tmp_path / "t.csv", index=False)
    active, hints = lines(tmp_path / "t.csv", data={"target": ["sales"]})
    assert active["data.series"] == "shop"
    assert hints["data.static"] == ["number", "title", "size", "town"]


def test_given_values_come_before_what_is_seen(tmp_path):
    path = save(tmp_path / "t.csv", daily_text(400))
    given = {
        "window": {"horizon": 30},
        "network": {"units": [8, 4]},
        "training": {"max_epochs": 3},
        "split": {"test": 60},
    }
    active, _ = lines(path, **given)
    assert active["window.horizon"] == 30 and active["window.lookback"] == 91  # 13 weeks
    assert active["network.units"] == [8, 4] and active["training.max_epochs"] == 3
    assert active["split.test"] == 60 and active["data.season"] == 7


def test_flags_settle_target_and_horizon(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "t.csv", hourly())
    flags = ("--target", "OT", "--target", "MULL", "--horizon", "5")
    assert cli("init", "t.csv", *flags, "-o", "c.yaml").code == 0
    config = load_config(Path("c.yaml"))
    assert config.data.target == ["OT", "MULL"] and config.window.horizon == 5
    assert "  # past: [HUFL]" in Path("c.yaml").read_text()
    outcome = cli("init", "t.csv", "--target", "MUL")
    assert (
        outcome.code == 3
        and "data.target: there is no column 'MUL'; did you mean 'MULL'?" in outcome.err
    )
    outcome = cli("init", "t.csv", "--horizon", "-5")
    assert outcome.code == 2 and "horizon" in outcome.err


@pytest.mark.parametrize(
    ("frequency", "rows", "season", "lookback", "horizon"),
    [
        ("h", 2000, 24, 72, 24),
        ("30min", 2000, 48, 144, 48),
        ("min", 9000, 1440, 180, 60),
        ("D", 1000, 7, 28, 7),
        ("B", 1000, 5, 25, 5),
        ("W-SUN", 1000, 52, 156, 52),
        ("MS", 300, 12, 36, 12),
        ("QS", 300, 4, 24, 4),
        ("YS", 200, None, 36, 12),
        ("D", 36, 7, 11, 3),  # short: a tenth of the rows, half of what is left
    ],
)
def test_season_and_window_follow_frequency_and_length(
    frequency, rows, season, lookback, horizon, tmp_path
):
    stamps = pd.date_range("1800-01-01", periods=rows, freq=frequency)
    values = np.random.default_rng(0).normal(size=rows).round(3)
    pd.DataFrame({"t": stamps, "y": values}).to_csv(tmp_path / "t.csv", index=False)
    active, _ = lines(tmp_path / "t.csv")
    assert active.get("data.season") == season
    assert (active["window.lookback"], active["window.horizon"]) == (lookback, horizon)


@pytest.mark.parametrize("rows", range(4, 60))
def test_every_length_has_windows_in_every_split(rows, tmp_path):
    from lstmcast.pipeline.prepare import prepare

    path = save(tmp_path / "t.csv", "y\n" + "\n".join(str(k * k % 17) for k in range(rows)) + "\n")
    windows = prepare(propose_config(path, [], ProgressListener())[0], ProgressListener()).windows
    assert all(len(index) for index in windows.by_name().values())


# How it is written.

NAMES = ["no", "1", "08", "a: b", "it's", '"q"', "ünï", "#x", "- y", "[z]", "a, b", "null", "a #c"]
NAMES += ["tab\there", "line\nbreak", "\u0085", "{k}", "&a", "*a", "!t", "%", "@", "` `", "y" * 90]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_reads_back(name, tmp_path):
    for value in ([name], [name, "other"], [f"column {k}" for k in range(40)] + [name]):
        given = {"data": {"path": "t.csv", "time": f"{name}t", "target": value}}
        reason = [Line("data.target", value, f"because of {name}")]
        for extra in (reason, [Line("data.past", [f"{name}p"] * 3, f"see {name}", active=False)]):
            made = Proposal(Path("t.csv"), (f"About {name}.",), arrange(extra, given))
            file = save(tmp_path / "c.yaml", made.yaml(tmp_path / "c.yaml"))
            config = load_config(file)
            assert (config.data.target, config.data.time) == (value, f"{name}t")


@pytest.mark.parametrize("name", ["cities", "co2", "macro", "shops"])
def test_the_yaml_of_the_shipped_tables_fits_in_80_columns(name, tmp_path, monkeypatch):
    monkeypatch.chdir(TOP)
    (path,) = Path("data").glob(f"{name}_*.csv")
    text = proposal(path).yaml(Path(f"{name}.yaml"))
    assert max(map(len, text.splitlines())) <= 80
    sections = re.findall(r"^(\w+):$", text, re.M)
    assert sections == ["data", "window", "network", "training"]
    fields = re.findall(r"^  (\w+): .*?(#)?", text, re.M)
    assert len(fields) >= 8


def numbers(rows=60, name="y"):
    return [name, *(str(k * k % 17) for k in range(rows))]


def joined(*columns, by=","):
    """A CSV of columns, each a header and cells."""
    return "\n".join(by.join(row) for row in zip(*columns, strict=True)) + "\n"


def days(rows=60, name="date", form="%Y-%m-%d", start="2024-01-01"):
    return [name, *pd.date_range(start, periods=rows).strftime(form)]


GOOD = {
    "a byte-order mark": ("\ufeff" + daily_text(), {"data.time": "date", "data.target": "sales"}),
    "semicolons and decimal commas": (
        joined(days(), ["y", *(f"{k % 7},5" for k in range(60))], by=";"),
        {"data.time": "date", "data.target": "y"},
    ),
    "days first": (
        joined(days(form="%d.%m.%Y"), numbers()),
        {"data.time": "date", "data.season": 7},
    ),
    "an id of unique numbers": (
        joined(["sale_id", *(str(9000 - 7 * k) for k in range(60))], days(), numbers()),
        {"data.time": "date", "data.target": "y"},
    ),
    "a first column that counts from 500": (
        joined(["n", *map(str, range(500, 560))], days(), numbers()),
        {"data.target": "y"},
    ),
    "an id of unique texts": (
        joined(days(), ["code", *(f"x{k}" for k in range(60))], numbers()),
        {"data.target": "y"},
    ),
    "no name for the index": (
        joined(["", *map(str, range(60))], days(), numbers()),
        {"data.time": "date", "data.target": "y"},
    ),
    "one column": (joined(numbers()), {"data.target": "y"}),
    "a column that is all but empty": (
        joined(days(), numbers(), ["z", *[""] * 50, *"0123456789"]),
        {"data.target": "y"},
    ),
    "the newest row first": (
        joined(["date", *days()[:0:-1]], numbers()),
        {"data.time": "date", "data.target": "y"},
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_init_copes_with(case, tmp_path):
    text, expected = GOOD[case]
    active, hints = lines(save(tmp_path / "t.csv", text))
    assert expected.items() <= active.items()
    assert not any(field.startswith(("data.past", "data.series")) for field in (*active, *hints))
    for field in ("data.time", "data.season"):
        assert field in expected or field not in active or "data.time" in active


SPOILT = joined(days(), [*numbers()[:40], "n/a?", *numbers()[41:]])
TWICE = joined([*days(), "2024-02-03"], [*numbers(), "5"])
PARTED = "year,month,y\n" + "".join(f"{2015 + k // 12},{k % 12 + 1},{k % 5}\n" for k in range(60))
TWO_WAYS = "date,a,b,y\n" + "".join(
    f"{day},{a},{b},{k % 7}.5\n"
    for k, day in enumerate(days()[1:])
    for a, b in (("p", "u"), (["q", "r", "s"][k % 3], ["v", "w"][k % 2]))
)
BAD = {
    "text in a column of numbers": (SPOILT, ["t.csv", "'y'", "line 41", "n/a?"]),
    "a stamp twice": (TWICE, ["t.csv", "line 62", "data.duplicates"]),
    "only text": (joined(days(), ["y", *"abcdef" * 10]), ["t.csv", "no column", "y (text)"]),
    "percents alone": (
        joined(days(), ["y", *(f"{k}.5%" for k in range(60))]),
        ["t.csv", "no column has numbers", "line 2 '0.5%'", "look like percentages"],
    ),
    "stamps alone": (joined(days()), ["t.csv", "no column has numbers"]),
    "a header alone": ("date,y\n", ["t.csv", "header"]),
    "nothing": ("", ["t.csv", "empty"]),
    "three rows": (joined(days(3), numbers(3)), ["t.csv", "3 rows", "too few"]),
    "a stamp in several columns": (PARTED, ["t.csv", "'year', 'month'", "join them"]),
    "two ways to tell series apart": (TWO_WAYS, ["t.csv", "'b' or 'a'", "data.series=b"]),
    "a stamp of another form": (
        joined(["date", *days()[1:30], "2024-01-30 07:30", *days()[31:]], numbers()),
        ["t.csv", "line 31", "07:30"],
    ),
    "rows of unequal length": (daily_text() + "2024-05-01,1,2\n", ["t.csv", "122"]),
}


@pytest.mark.parametrize("case", BAD)
def test_init_refuses_in_one_message(case, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, words = BAD[case]
    save(tmp_path / "t.csv", text)
    for command in (("init", "t.csv", "-o", "c.yaml"), ("train", "t.csv", "--run", "r")):
        outcome = cli(*command)
        assert outcome.code == 3, outcome.err
        assert outcome.err.count("error: ") == 1 and outcome.out == ""
        for word in words:
            assert word in outcome.err, outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_second_column_of_stamps_is_named(tmp_path):
    path = save(tmp_path / "t.csv", joined(days(), days(name="booking date"), numbers()))
    made = proposal(path)
    (time,) = (line for line in made.lines if line.field == "data.time")
    assert time.value == "date" and "booking date" in time.reason
    active, _ = lines(path, data={"time": "booking date"})
    assert active["data.time"] == "booking date" and active["data.target"] == "y"


def test_whole_numbers_above_zero_have_forecasts_above_zero(tmp_path):
    active, _ = lines(save(tmp_path / "t.csv", monthly()))
    assert active["forecast.minimum"] == 0
    for text in (monthly(integers=False), monthly().replace(",150\n", ",-150\n")):
        active, _ = lines(save(tmp_path / "t.csv", text))
        assert ("forecast.minimum" in active) == (text == monthly())


def test_steps_below_a_day_read_the_calendar(tmp_path):
    for text, calendar in ((half_hours(), "auto"), (hourly(), "auto"), (daily_text(), None)):
        active, _ = lines(save(tmp_path / "t.csv", text))
        assert active.get("data.calendar") == calendar


def test_columns_that_are_not_read_are_named_in_the_head(tmp_path):
    path = save(tmp_path / "t.csv", shops())
    head = proposal(path, data={"target": ["sales"]}).yaml(tmp_path / "c.yaml").split("\ndata:")[0]
    assert "Not read: remark (not numbers)." in head


def test_a_target_with_a_name_of_our_own_is_refused_before_it_is_written(cli, tmp_path):
    path = save(tmp_path / "t.csv", daily_text(header="date,method"))
    outcome = cli("init", path)
    assert outcome.code == 2 and "'method'" in outcome.err and "rename" in outcome.err


def test_a_parquet_table_is_looked_at_like_a_csv(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = pd.read_csv(save(tmp_path / "t.csv", shops()), parse_dates=["date"])
    frame.to_parquet("t.parquet")
    frame.assign(date=frame["date"].astype(str)).to_parquet("u.parquet")
    made = [lines(name) for name in ("t.csv", "t.parquet", "u.parquet")]
    for active, _ in made:
        del active["data.path"]
    assert made[0] == made[1] == made[2]


def test_a_horizon_that_leaves_nothing_to_train_on_is_refused(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "t.csv", daily_text(36))
    outcome = cli("init", "t.csv", "--horizon", "20")
    assert outcome.code == 3 and "36 rows" in outcome.err and "horizon" in outcome.err

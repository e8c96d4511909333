"""What people get wrong: each mistake gives one message, the right exit code, and harms nothing."""

import gzip
from pathlib import Path

import pytest
from support.daily import TINY, daily_text
from support.files import digests

CONFIG = "data:\n  path: daily.csv\n  time: date\n  target: sales\n"
SMALL = "window:\n  lookback: 14\n  horizon: 3\n"
NETWORK = "network:\n  units: [4]\ntraining:\n  max_epochs: 1\n"


def lines(text, change):
    """The text after `change` was done to its list of lines."""
    rows = text.splitlines()
    change(rows)
    return "\n".join(rows) + "\n"


def put(row, cell, value):
    """A change that writes a cell of a row (the header is row 0)."""

    def change(rows):
        cells = rows[row].split(",")
        cells[cell] = value
        rows[row] = ",".join(cells)

    return change


def config(extra="", text=CONFIG):
    return {"c.yaml": text + extra, "daily.csv": daily_text()}


def table(text):
    return {"c.yaml": CONFIG + SMALL + NETWORK, "daily.csv": text}


TRAIN = ["train", "c.yaml", "--run", "new"]
PREDICT = ["predict", "RUN", "new.csv"]

CASES = {
    # Config: exit 2.
    "a config that does not exist": ({}, ["train", "no.yaml"], 2, ["no.yaml"]),
    "an empty config": ({"c.yaml": ""}, TRAIN, 2, ["c.yaml"]),
    "YAML that is none": ({"c.yaml": "data: [1, 2\n"}, TRAIN, 2, ["c.yaml"]),
    "a list for a config": ({"c.yaml": "- a\n- b\n"}, TRAIN, 2, ["c.yaml"]),
    "a mistyped key": (config("window:\n  lookbak: 5\n"), TRAIN, 2, ["c.yaml:6", "lookback"]),
    "a mistyped section": (config("windw:\n  lookback: 5\n"), TRAIN, 2, ["c.yaml:5", "window"]),
    "a key outside its section": (config("lookback: 5\n"), TRAIN, 2, ["window.lookback"]),
    "a key given twice": (config("  time: date\n"), TRAIN, 2, ["time"]),
    "a negative horizon": (config("window:\n  horizon: -3\n"), TRAIN, 2, ["horizon", "-3"]),
    "text for a number": (config("window:\n  lookback: many\n"), TRAIN, 2, ["lookback", "many"]),
    "half a step": (config("window:\n  lookback: 2.5\n"), TRAIN, 2, ["lookback", "2.5"]),
    "an unknown cell": (config("network:\n  cell: lstn\n"), TRAIN, 2, ["lstn", "lstm"]),
    "a projection as wide as the layer": (
        config("network:\n  units: [8]\n  projection: 8\n"),
        TRAIN,
        2,
        ["projection", "8"],
    ),
    "a dropout of all": (config("network:\n  dropout: 1.0\n"), TRAIN, 2, ["dropout"]),
    "splits that leave nothing": (
        config("split:\n  validation: 0.5\n  test: 0.6\n"),
        TRAIN,
        2,
        ["validation", "test"],
    ),
    "one column in two roles": (config("  past: [sales]\n"), TRAIN, 2, ["sales", "past"]),
    "no target": (config(text="data:\n  path: daily.csv\n"), TRAIN, 2, ["target"]),
    "two faults at once": (
        config("window:\n  lookback: 0\n  horizon: -1\n"),
        TRAIN,
        2,
        ["2 faults", "lookback", "horizon"],
    ),
    "training without a horizon": (
        config("window:\n  horizon: 0\n" + NETWORK),
        TRAIN,
        2,
        ["horizon", "window"],
    ),
    "an override without a value": (config(), [*TRAIN, "-s", "window.lookback"], 2, ["="]),
    "an override of an unknown key": (
        config(),
        [*TRAIN, "-s", "window.lookbak=3"],
        2,
        ["lookback"],
    ),
    "an override that is out of range": (
        config(),
        [*TRAIN, "-s", "training.batch_size=0"],
        2,
        ["batch_size", "0"],
    ),
    "a device that is not there": (config(), [*TRAIN, "--device", "cuda:99"], 2, ["cuda:99"]),
    "a device that does not exist": (config(), [*TRAIN, "--device", "gpu"], 2, ["gpu", "cuda"]),
    "a shipped config that does not exist": ({}, ["configs", "c02"], 2, ["c02", "co2"]),
    "window without anything to do": (config(), ["window", "c.yaml"], 2, ["-o", "--dry-run"]),
    "a model file without data": ({}, ["predict", "RUN/model.safetensors"], 2, ["DATA"]),
    "a target named as our own column": (
        {
            "c.yaml": CONFIG.replace("sales", "method") + SMALL,
            "daily.csv": daily_text(header="date,method"),
        },
        TRAIN,
        2,
        ["method"],
    ),
    # Data: exit 3.
    "a table that does not exist": (
        {"c.yaml": CONFIG.replace("daily", "dayly"), "daily.csv": daily_text()},
        TRAIN,
        3,
        ["dayly.csv", "daily.csv"],
    ),
    "an empty table": (table(""), TRAIN, 3, ["daily.csv", "empty"]),
    "a header alone": (table("date,sales\n"), TRAIN, 3, ["daily.csv", "header"]),
    "three rows in all": (table(daily_text(3)), TRAIN, 3, ["no training window", "17"]),
    "a missing column": (
        table(daily_text(header="date,sale")),
        TRAIN,
        3,
        ["'sales'", "'sale'"],
    ),
    "two columns of one name": (
        table("date,sales,sales\n" + "".join(f"2024-01-{day:02},1,2\n" for day in range(1, 31))),
        TRAIN,
        3,
        ["daily.csv", "sales"],
    ),
    "text among the numbers": (
        table(lines(daily_text(), put(9, 1, "closed"))),
        TRAIN,
        3,
        ["'sales'", "closed", "line 10"],
    ),
    "an infinite number": (
        table(lines(daily_text(), put(9, 1, "inf"))),
        TRAIN,
        3,
        ["'sales'", "line 10"],
    ),
    "a stamp that is none": (
        table(lines(daily_text(), put(9, 0, "yesterday"))),
        TRAIN,
        3,
        ["'date'", "yesterday", "line 10"],
    ),
    "an empty stamp": (table(lines(daily_text(), put(9, 0, ""))), TRAIN, 3, ["'date'", "line 10"]),
    "a stamp twice": (
        table(lines(daily_text(), put(9, 0, "2024-01-08"))),
        TRAIN,
        3,
        ["line 10", "data.duplicates"],
    ),
    "a stamp in another century": (
        table(lines(daily_text(), put(120, 0, "2924-04-29"))),
        TRAIN,
        3,
        ["line 121"],
    ),
    "a row too long": (
        table(lines(daily_text(), put(9, 1, "1,2,3"))),
        TRAIN,
        3,
        ["line 10"],
    ),
    "a spreadsheet": (
        {"c.yaml": CONFIG + SMALL, "daily.csv": b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00"},
        TRAIN,
        3,
        ["daily.csv", "CSV"],
    ),
    "a gzip cut short": (
        {
            "c.yaml": CONFIG.replace("daily.csv", "daily.csv.gz") + SMALL,
            "daily.csv.gz": gzip.compress(daily_text().encode())[:-200],
        },
        TRAIN,
        3,
        ["daily.csv.gz"],
    ),
    "a missing day where none may miss": (
        {
            "c.yaml": CONFIG + "  gaps: error\n" + SMALL,
            "daily.csv": lines(daily_text(), lambda rows: rows.pop(9)),
        },
        TRAIN,
        3,
        ["2024-01-09", "data.gaps"],
    ),
    "an empty target column": (
        table("date,sales\n" + "".join(f"2024-01-{day:02},\n" for day in range(1, 31))),
        TRAIN,
        3,
        ["'sales'"],
    ),
    "a span without rows": (
        config("  start: 2031-01-01\n" + SMALL),
        TRAIN,
        3,
        ["data.start"],
    ),
    "no numbers to forecast": (
        {"names.csv": "name,town\nAda,London\nAlan,Wilmslow\n"},
        ["train", "names.csv"],
        3,
        ["names.csv", "name (not numbers)"],
    ),
    "a lookback longer than the table": (
        config("window:\n  lookback: 500\n  horizon: 3\n"),
        TRAIN,
        3,
        ["503", "window.pad"],
    ),
    "a window that is not there": (
        config(SMALL),
        ["window", "c.yaml", "--show", "5000"],
        3,
        ["5000"],
    ),
    "new data without the target": (
        {"new.csv": daily_text(30, header="date,turnover")},
        PREDICT,
        3,
        ["'sales'", "turnover"],
    ),
    "new data of another frequency": (
        {
            "new.csv": "date,sales\n"
            + "".join(f"2024-01-01 {hour:02}:00,{hour}\n" for hour in range(24))
        },
        PREDICT,
        3,
        ["hourly", "daily"],
    ),
    "a stamp that nothing comes before": (
        {"new.csv": daily_text(30)},
        [*PREDICT, "--at", "1999-01-01"],
        3,
        ["--at"],
    ),
    "a stamp to start at that is none": (
        {"new.csv": daily_text(30)},
        [*PREDICT, "--at", "soon"],
        3,
        ["--at", "soon"],
    ),
    # Training diverges: exit 4.
    "a learning rate that explodes": (
        config(
            SMALL + "network:\n  units: [8]\ntraining:\n  learning_rate: 1.0e+30\n"
            "  optimizer: sgd\n  clip_norm: null\n  loss: mse\n"
        ),
        TRAIN,
        4,
        ["diverged", "learning_rate"],
    ),
    # Run folders: exit 5.
    "a run folder that is taken": (
        config(SMALL),
        ["train", "c.yaml", "--run", "RUN"],
        5,
        ["empty"],
    ),
    "a run that does not exist": ({}, ["predict", "nowhere"], 5, ["nowhere"]),
    "a run without a model": ({"half/config.yaml": CONFIG}, ["predict", "half"], 5, ["half"]),
    "a model that is damaged": (
        {"bad/model.safetensors": b"\x00" * 100},
        ["predict", "bad"],
        5,
        ["model.safetensors"],
    ),
    "a forecast into a folder that is not there": (
        {"new.csv": daily_text(30)},
        [*PREDICT, "-o", "nowhere/f.csv"],
        5,
        ["nowhere"],
    ),
    "windows into a folder that is taken": (
        config(SMALL),
        ["window", "c.yaml", "-o", "RUN"],
        5,
        ["empty"],
    ),
    "a config copied over another": (
        {"co2.yaml": "mine"},
        ["configs", "co2", "-o", "co2.yaml"],
        5,
        ["co2.yaml"],
    ),
}


def test_there_are_at_least_forty_cases():
    assert len(CASES) >= 40


@pytest.mark.parametrize("case", CASES)
def test_mistake_gives_one_message_and_harms_nothing(case, cli, tmp_path, daily_run, monkeypatch):
    files, arguments, code, words = CASES[case]
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    existing = digests(daily_run)
    mine = digests(tmp_path)

    outcome = cli(*(part.replace("RUN", str(daily_run)) for part in arguments))

    assert outcome.code == code, outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.err.count("error: ") == 1
    assert outcome.out == ""
    for word in words:
        assert word in outcome.err
    assert digests(daily_run) == existing
    after = digests(tmp_path)
    assert {name: after[name] for name in mine} == mine
    if code != 4:  # a diverged run keeps its config
        assert after == mine


def test_a_diverged_run_keeps_its_config_and_nothing_half_made(cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files, arguments, code, _ = CASES["a learning rate that explodes"]
    for name, content in files.items():
        Path(name).write_text(content)
    assert cli(*arguments).code == code
    assert sorted(path.name for path in Path("new").iterdir()) == ["config.yaml"]


def test_usage_errors_exit_2(cli):
    assert cli("train").code == 2
    assert cli("trian", "x.csv").code == 2
    assert cli("predict", "a", "b", "c").code == 2


def test_debug_shows_the_traceback(cli, tmp_path):
    from lstmcast.errors import ConfigError

    with pytest.raises(ConfigError):
        cli("train", tmp_path / "no.yaml", "--debug")


def test_a_bug_of_ours_exits_70_and_asks_for_a_report(cli, monkeypatch, tmp_path):
    import lstmcast.proposing.source as entry

    def broken(*arguments):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(entry, "config_for", broken)
    outcome = cli("train", tmp_path / "x.yaml", *TINY)
    assert outcome.code == 70
    assert "bug" in outcome.err and "--debug" in outcome.err

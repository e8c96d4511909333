"""`lstmcast window`: arrays on disk equal those of pandas, and the counts of the tutorial."""

import json

import numpy as np
import pandas as pd
import pytest
from support.daily import daily_text

import lstmcast


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def thousand(here):
    """1,000 rows of 6 features, no time column."""
    values = np.random.default_rng(0).normal(size=(1000, 6))
    pd.DataFrame(values, columns=list("abcdef")).to_csv("t.csv", index=False)
    return here / "t.csv"


@pytest.mark.parametrize(
    ("horizon", "pad", "count"),
    [(0, "false", 995), (0, "true", 1000), (1, "false", 994), (1, "true", 999)],
)
def test_the_tutorials_counts(thousand, horizon, pad, count):
    overrides = ["window.lookback=6", f"window.horizon={horizon}", f"window.pad={pad}"]
    shapes = lstmcast.window(thousand, "w", set=overrides)
    x = np.load("w/x.npy", mmap_mode="r")
    assert x.shape == shapes["x"] == (count, 6, 6)
    assert x.dtype == np.float32
    assert ("y" in shapes) == (horizon > 0)
    if horizon:
        assert np.load("w/y.npy").shape == (count, 1, 6)
    assert len(pd.read_csv("w/windows.csv")) == count


def test_windows_hold_the_rows_of_the_table(thousand):
    lstmcast.window(
        thousand, "w", set=["window.lookback=6", "window.horizon=2", "scale.method=none"]
    )
    table = pd.read_csv(thousand).to_numpy()
    x, y, index = np.load("w/x.npy"), np.load("w/y.npy"), pd.read_csv("w/windows.csv")
    for k in (0, 1, 500, len(x) - 1):
        row = index.iloc[k]
        np.testing.assert_allclose(
            x[k], table[row.first_input_row - 1 : row.last_input_row], rtol=1e-6
        )
        np.testing.assert_allclose(
            y[k], table[row.first_target_row - 1 : row.last_target_row], rtol=1e-6
        )
        assert row.first_target_row == row.last_input_row + 1
    assert (index["split"].map({"train": 0, "validation": 1, "test": 2}).diff().dropna() >= 0).all()


def test_the_scaler_knows_train_rows_only(thousand):
    lstmcast.window(thousand, "w", set=["window.lookback=6", "window.horizon=2"])
    table = pd.read_csv(thousand)
    state = json.loads((thousand.parent / "w/windows.json").read_text())["scaler"]
    np.testing.assert_allclose(state["center"][0], table[:700].mean())
    np.testing.assert_allclose(state["scale"][0], table[:700].std(ddof=0))
    first = (table[:6] - table[:700].mean()) / table[:700].std(ddof=0)
    np.testing.assert_allclose(np.load("w/x.npy")[0], first, rtol=1e-4, atol=1e-6)


def test_stride_thins_training_windows_only(thousand):
    counts = []
    for stride in (1, 3):
        lstmcast.window(
            thousand, f"w{stride}", set=["window.lookback=6", f"window.stride={stride}"]
        )
        counts.append(
            json.loads((thousand.parent / f"w{stride}/windows.json").read_text())["splits"]
        )
    assert counts[1]["train"] == -(-counts[0]["train"] // 3)
    assert counts[1]["test"] == counts[0]["test"]


def test_a_panel_with_covariates_gives_future_static_and_mask(here):
    days = pd.date_range("2024-01-01", periods=40).astype(str)
    parts = [
        pd.DataFrame(
            {"id": name, "d": days, "y": k, "p": np.arange(40), "f": np.arange(40) * 2, "s": k}
        )
        for k, name in enumerate(("one", "two"))
    ]
    pd.concat(parts).to_csv("p.csv", index=False)
    (here / "p.yaml").write_text(
        "data: {path: p.csv, time: d, target: y, series: id, past: p, future: f, static: s}\n"
        "window: {lookback: 5, horizon: 2, pad: true}\nscale: {method: none}\n"
    )
    shapes = lstmcast.window("p.yaml", "w")
    count = shapes["x"][0]
    assert shapes == {
        "x": (count, 5, 3),
        "y": (count, 2, 1),
        "future": (count, 2, 1),
        "static": (count, 1),
        "mask": (count, 5),
    }
    index = pd.read_csv("w/windows.csv")
    assert list(index["series"].unique()) == ["one", "two"]
    x, future, mask = (np.load(f"w/{name}.npy") for name in ("x", "future", "mask"))
    assert mask[0].tolist() == [False] * 4 + [True]
    assert (x[~mask] == 0).all()
    ahead = x[:, -1, 1] + 1  # column p counts the days of a series
    np.testing.assert_array_equal(future[:, 0, 0], 2 * ahead)
    assert (np.load("w/static.npy")[:, 0] == (index["series"] == "two")).all()
    assert index.loc[0, ["first_input", "last_target"]].tolist() == ["2024-01-01", "2024-01-03"]


def test_show_prints_one_window_with_stamps_and_source_rows(cli, here):
    (here / "d.csv").write_text(daily_text())
    flags = ["-s", "window.lookback=3", "-s", "window.horizon=2"]
    outcome = cli("window", "d.csv", "--show", "4", *flags)
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert "window 4" in lines[0] and "train" in lines[0]
    body = [line.split() for line in lines if line.startswith(("input", "target"))]
    table = pd.read_csv("d.csv")
    assert [row[1] for row in body] == table["date"][4:9].tolist()
    assert [int(row[2]) for row in body] == [5, 6, 7, 8, 9]
    assert [float(row[3]) for row in body] == table["sales"][4:9].tolist()
    shown = json.loads(cli("window", "d.csv", "--show", "4", "--json", *flags).out)
    assert [row["sales"] for row in shown["rows"]] == table["sales"][4:9].tolist()


def test_dry_run_says_what_would_be_written_and_writes_nothing(cli, here):
    (here / "d.csv").write_text(daily_text())
    flags = ["-s", "window.lookback=3", "-s", "window.horizon=2", "--json"]
    planned = json.loads(cli("window", "d.csv", "--dry-run", *flags).out)
    assert [path.name for path in here.iterdir()] == ["d.csv"]
    written = json.loads(cli("window", "d.csv", "-o", "w", *flags).out)
    assert planned["shapes"] == written["shapes"] and planned["splits"] == written["splits"]
    sizes = sum((here / "w" / f"{name}.npy").stat().st_size - 128 for name in planned["shapes"])
    assert planned["disk_bytes"] == sizes

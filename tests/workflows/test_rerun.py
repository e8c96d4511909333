"""Reproducibility: a repeated run is equal bit for bit, and each difference is named."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from support.daily import TINY, daily_text
from support.files import digests

import lstmcast
from lstmcast.forecasting.model_file.model import load_model

FLAGS = ["-s", "window.lookback=14", "-s", "window.horizon=3", *TINY]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, with its table in the same folder."""
    folder = tmp_path_factory.mktemp("rerun")
    (folder / "daily.csv").write_text(daily_text())
    return lstmcast.train(folder / "daily.csv", set=FLAGS[1::2], run=folder / "r").path


@pytest.fixture
def run(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that a test may damage, with temporary folders next to it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shutil.copytree(trained, tmp_path / "r")
    shutil.copy(trained.parent / "daily.csv", tmp_path)
    config = tmp_path / "r/config.yaml"
    config.write_text(config.read_text().replace(str(trained.parent), str(tmp_path)))
    return Path("r")


def change_json(path: Path, change: Any) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_a_run_trained_again_is_the_same_to_the_bit_and_nothing_is_left(
    cli: Any, run: Path
) -> None:
    before = digests(Path())
    outcome = cli("rerun", run, "--verify", "--json")
    assert outcome.code == 0, outcome.err
    said = json.loads(outcome.out)
    assert said["same"] and said["exact"] and said["differences"] == [] and said["again"] is None
    assert digests(Path()) == before and len(list(Path().iterdir())) == 2
    assert "bit for bit" in cli("rerun", run, "--verify").out


def test_without_verify_it_makes_the_run_once_more(cli: Any, run: Path) -> None:
    outcome = cli("rerun", run, "--json")
    assert outcome.code == 0 and json.loads(outcome.out)["run"] == "runs/r-0001"
    for name in ("model.safetensors", "metrics.json", "forecast.csv", "backtest.csv"):
        assert Path("runs/r-0001", name).read_bytes() == (run / name).read_bytes()


def test_a_named_folder_stays_and_a_taken_one_is_refused(cli: Any, run: Path) -> None:
    outcome = cli("rerun", run, "--verify", "--run", "again")
    assert outcome.code == 0 and "Run folder: again" in outcome.out
    assert Path("again/model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    assert cli("rerun", run, "--verify", "--run", "again").code == 5
    assert cli("rerun", run, "--verify", "--run", run).code == 5


def test_another_weight_is_named_with_its_size(cli: Any, run: Path) -> None:
    model = load_model(run / "model.safetensors", torch.device("cpu"))
    name, weight = next(iter(model.network.named_parameters()))
    with torch.no_grad():
        weight.view(-1)[0] += 0.5
    model.save(run / "model.safetensors")
    outcome = cli("rerun", run, "--verify", "--json")
    assert outcome.code == 1
    (found,) = json.loads(outcome.out)["differences"]
    assert (found["part"], found["name"]) == ("weights", name)
    assert "largest difference 0.5" in found["words"]
    shown = cli("rerun", run, "--verify")
    assert shown.code == 1 and name in shown.out and "0.5" in shown.out


def test_other_scores_and_forecasts_are_named(cli: Any, run: Path) -> None:
    def better(metrics: Any) -> None:
        metrics["test"]["lstmcast"]["mae"] *= 0.99
        metrics["test"]["linear"]["per_step"]["mae"][1] = 0.0

    change_json(run / "metrics.json", better)
    forecast = (run / "forecast.csv").read_text().splitlines()
    cells = forecast[2].split(",")
    cells[1] = str(float(cells[1]) + 2)
    (run / "forecast.csv").write_text("\n".join([*forecast[:2], ",".join(cells), forecast[3], ""]))
    outcome = cli("rerun", run, "--verify", "--json")
    assert outcome.code == 1
    said = {(d["part"], d["name"]): d["words"] for d in json.loads(outcome.out)["differences"]}
    assert set(said) == {
        ("metrics", "test.lstmcast.mae"),
        ("metrics", "test.linear.per_step.mae.1"),
        ("forecast.csv", "sales"),
    }
    assert said["forecast.csv", "sales"] == "largest difference 2, mean 0.67"


@pytest.mark.parametrize(("factor", "code"), [(1.01, 0), (1.2, 1)])
def test_on_another_cpu_scores_may_differ_a_little(
    cli: Any, run: Path, factor: float, code: int
) -> None:
    def worse(metrics: Any) -> None:
        metrics["test"]["lstmcast"]["mae"] *= factor

    change_json(run / "manifest.json", lambda manifest: manifest.update(cpu="another"))
    change_json(run / "metrics.json", worse)
    outcome = cli("rerun", run, "--verify")
    assert outcome.code == code
    assert "cpu was another" in outcome.out and "test.lstmcast.mae" in outcome.out
    assert "bit for bit" not in outcome.out


@pytest.mark.parametrize(("gap", "code"), [(0.001, 0), (100.0, 1)])
def test_on_another_cpu_forecasts_may_differ_by_a_part_of_their_error(
    cli: Any, run: Path, gap: float, code: int
) -> None:
    change_json(run / "manifest.json", lambda manifest: manifest.update(torch="2.0"))
    header, *rows = (run / "backtest.csv").read_text().splitlines()
    place = header.split(",").index("sales_hi80")
    cells = [row.split(",") for row in rows]
    for row in cells:
        row[place] = str(float(row[place]) + gap)
    (run / "backtest.csv").write_text("\n".join([header, *map(",".join, cells), ""]))
    outcome = cli("rerun", run, "--verify", "--json")
    assert outcome.code == code
    (found,) = json.loads(outcome.out)["differences"]
    assert (found["part"], found["name"]) == ("backtest.csv", "sales_hi80")


def test_a_missing_forecast_is_a_difference(cli: Any, run: Path) -> None:
    (run / "forecast.csv").unlink()
    outcome = cli("rerun", run, "--verify")
    assert outcome.code == 1 and "missing" in outcome.out


def test_changed_data_is_refused_with_the_difference(cli: Any, run: Path) -> None:
    Path("daily.csv").write_text(daily_text(rows=121))
    outcome = cli("rerun", run, "--verify")
    assert outcome.code == 5 and "rows was 120, and is 121" in outcome.err
    Path("daily.csv").unlink()
    outcome = cli("rerun", run)
    assert outcome.code == 5 and "no such file" in outcome.err
    assert sorted(path.name for path in Path().iterdir()) == ["r"]


def test_a_changed_config_is_refused_with_the_difference(cli: Any, run: Path) -> None:
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("seed: 0", "seed: 3"))
    outcome = cli("rerun", run, "--verify")
    assert outcome.code == 5 and "training.seed was 0, and is 3" in outcome.err
    config.write_text("data: {")
    assert cli("rerun", run, "--verify").code == 5


def test_changed_vectors_are_refused(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    header, *rows = daily_text().splitlines()
    body = [f"{row},{'ab'[k % 2]}" for k, row in enumerate(rows)]
    Path("t.csv").write_text("\n".join([f"{header},word", *body, ""]))
    Path("v.txt").write_text("a 1 2\nb 3 4\n")
    words = ["data.past=word", "data.categorical=word", "data.vectors.word=v.txt"]
    sets = [
        part for word in ["data.time=date", "data.target=sales", *words] for part in ("-s", word)
    ]
    assert cli("train", "t.csv", *FLAGS, *sets, "--run", "r").code == 0
    Path("v.txt").write_text("more 9 9\na 1 2\nb 3 4\n")  # a word that the table lacks
    outcome = cli("rerun", "r", "--verify")
    assert outcome.code == 0, outcome.err
    Path("v.txt").write_text("a 1 2\nb 3 5\n")
    outcome = cli("rerun", "r", "--verify")
    assert outcome.code == 5 and "data.vectors has changed" in outcome.err


def test_other_weights_to_begin_with_are_refused(cli: Any, run: Path) -> None:
    shutil.copytree(run, "first")
    assert cli("train", "daily.csv", *FLAGS, "--init-from", "first", "--run", "s").code == 0
    assert cli("rerun", "s", "--verify").code == 0
    config = Path("s/config.yaml").read_text()
    Path("s/config.yaml").write_text(
        "".join(line for line in config.splitlines(keepends=True) if "init_from" not in line)
    )
    outcome = cli("rerun", "s", "--verify")
    assert outcome.code == 5 and "training.init_from has changed" in outcome.err
    Path("s/config.yaml").write_text(config)
    model = load_model(Path("first/model.safetensors"), torch.device("cpu"))
    with torch.no_grad():
        next(model.network.parameters()).view(-1)[0] += 0.5
    model.save(Path("first/model.safetensors"))
    outcome = cli("rerun", "s", "--verify")
    assert outcome.code == 5 and "training.init_from has changed" in outcome.err
    assert "sha256 was" in outcome.err
    shutil.rmtree("first")
    outcome = cli("rerun", "s", "--verify")
    assert outcome.code == 5 and "first" in outcome.err


def test_a_byte_of_the_weights_that_was_changed_is_noticed(cli: Any, run: Path) -> None:
    data = bytearray((run / "model.safetensors").read_bytes())
    data[-3] ^= 1
    (run / "model.safetensors").write_bytes(data)
    outcome = cli("rerun", run, "--verify")
    assert outcome.code == 5 and "does not match its checksum" in outcome.err


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"data": 1}', "[" * 10_000])
def test_a_run_without_its_manifest_is_refused(cli: Any, run: Path, text: str | None) -> None:
    if text is None:
        (run / "manifest.json").unlink()
    else:
        (run / "manifest.json").write_text(text)
    outcome = cli("rerun", run, "--verify")
    assert outcome.code == 5 and "manifest.json" in outcome.err
    assert cli("rerun", "nowhere").code == 5


def test_the_python_face_runs_again(run: Path) -> None:
    found = lstmcast.rerun(run, verify=True)
    assert found == {"run": None, "same": True, "exact": True, "differences": []}
    again = lstmcast.rerun(run, run="again")["run"]
    assert again.metrics == lstmcast.Run(run).metrics


def test_predict_tells_the_fingerprints_of_what_it_read(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    header, *rows = daily_text(rows=125).splitlines()
    known = [f"{row},{k % 2}" for k, row in enumerate(rows)]
    Path("t.csv").write_text("\n".join([f"{header},promo", *known[:120], ""]))
    ahead = [f"{row.split(',')[0]},{row.split(',')[2]}" for row in known[120:]]
    Path("ahead.csv").write_text("\n".join(["date,promo", *ahead, ""]))
    roles = ["data.time=date", "data.target=sales", "data.future=promo"]
    sets = [part for role in roles for part in ("-s", role)]
    assert cli("train", "t.csv", *FLAGS, *sets, "--run", "r").code == 0
    outcome = cli("predict", "r", "--future", "ahead.csv", "--json")
    assert outcome.code == 0, outcome.err
    read = json.loads(outcome.out)["read"]
    assert {name: each["rows"] for name, each in read.items()} == {"data": 120, "future": 5}
    for name, file in (("data", "t.csv"), ("future", "ahead.csv")):
        assert read[name]["sha256"] == digests(Path())[file]

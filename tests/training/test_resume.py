"""Resume: an interrupted training goes on from its checkpoint and ends with the same bits."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.daily import daily_text
from support.interruption import FLAGS, SMALL, Killed, assert_same_run, die_after_saves
from support.networks import make_batches, make_network, noise, training

import lstmcast
from lstmcast.config import TrainingConfig
from lstmcast.errors import RunError
from lstmcast.runs.folder import RunFolder
from lstmcast.training.checkpoint import (
    Checkpoint,
    Checkpoints,
    random_states,
    restore_random_states,
)
from lstmcast.training.trainer import Fit, fit_network

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def daily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "daily.csv"
    path.write_text(daily_text())
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that is never interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "daily.csv").write_text(daily_text())
    return lstmcast.train(folder / "daily.csv", set=SMALL, run=folder / "run", device="cpu").path


# ---------------------------------------------------------------- the loop

KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "chance in training": (
        {"cell": "lstm", "dropout": 0.3, "initial_state": "random"},
        {"optimizer": "adamw", "schedule": "cosine"},
    ),
    "plateau": (
        {"cell": "gru"},
        {"schedule": "plateau", "decay_every": 1, "learning_rate": 0.3, "patience": None},
    ),
    "momentum": ({"cell": "rnn"}, {"optimizer": "sgd", "schedule": "step", "decay_every": 1}),
    "teacher": ({"decoder": "seq2seq", "teacher_forcing": 0.5}, {"warmup_steps": 5}),
    "patience": ({}, {"learning_rate": 0.5, "patience": 1, "max_epochs": 9}),
    "max_steps": ({}, {"max_steps": 7}),
}


def fit_kind(kind: str, folder: Path | None) -> tuple[dict[str, torch.Tensor], Fit]:
    network_fields, fields = KINDS[kind]
    network = make_network(**network_fields)
    config: TrainingConfig = training(**{"max_epochs": 3} | fields)
    batches = make_batches(noise(), batch_size=16)  # 4 steps in an epoch
    validation = make_batches(noise(seed=1), batch_size=16, seed=None)
    keep = None if folder is None else Checkpoints(folder, "fit", 0, "a run")
    fit = fit_network(network, batches, validation, config, checkpoints=keep)
    return network.state_dict(), fit


def without_seconds(fit: Fit) -> list[dict[str, Any]]:
    return [{**asdict(epoch), "seconds": 0} for epoch in fit.history]


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_that_dies_after_every_checkpoint_ends_with_the_same_bits(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, expected_fit = fit_kind(kind, None)
    deaths = 0
    while True:
        torch.rand(3), random.random(), np.random.rand()
        with monkeypatch.context() as patch:
            die_after_saves(patch, 2)  # the first may be the one that was there
            try:
                weights, fit = fit_kind(kind, tmp_path)
            except Killed:
                deaths += 1
                continue
        break
    assert deaths >= 3
    assert all(torch.equal(weights[name], expected[name]) for name in expected)
    assert without_seconds(fit) == without_seconds(expected_fit)
    assert (fit.best_epoch, fit.stopped_by) == (expected_fit.best_epoch, expected_fit.stopped_by)


def test_checkpoints_change_nothing_of_training(tmp_path: Path) -> None:
    expected, _ = fit_kind("chance in training", None)
    weights, _ = fit_kind("chance in training", tmp_path)
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_all_random_states_come_back() -> None:
    random.gauss(0, 1), np.random.standard_normal()  # each keeps a second number in hand
    kept = random_states(CPU)
    values = json.loads(json.dumps(kept.values))

    def draw() -> list[float]:
        from_numpy = [np.random.standard_normal(), np.random.rand()]
        return [random.gauss(0, 1), random.random(), *from_numpy, float(torch.randn(()))]

    first = draw()
    assert draw() != first
    restore_random_states(CPU, kept.tensors, values)
    assert draw() == first


# ---------------------------------------------------------------- files


def test_two_checkpoints_are_kept_and_a_damaged_one_gives_way_to_the_one_before(
    tmp_path: Path,
) -> None:
    checkpoints = Checkpoints(tmp_path, "fit", 60, "a run")
    assert checkpoints.latest() is None and not checkpoints.due()
    for step in (9, 10, 11):
        checkpoints.save(step, Checkpoint({"x": torch.full((3,), float(step))}, {"step": step}))
    names = ["fit-000000010.safetensors", "fit-000000011.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    last = checkpoints.latest()
    assert last is not None and last.values == {"step": 11} and last.tensors["x"][0] == 11

    newest = bytearray((tmp_path / names[1]).read_bytes())
    newest[-5] ^= 1
    (tmp_path / names[1]).write_bytes(newest)
    before = checkpoints.latest()
    assert before is not None and before.values == {"step": 10}
    (tmp_path / names[0]).write_bytes(b"")
    with pytest.raises(RunError, match="no checkpoint can be read"):
        checkpoints.latest()


def test_a_checkpoint_of_another_run_is_not_resumed(tmp_path: Path) -> None:
    Checkpoints(tmp_path, "fit", 60, "a run").save(1, Checkpoint({}, {}))
    with pytest.raises(RunError, match="expected another run"):
        Checkpoints(tmp_path, "fit", 60, "another run").latest()


def test_checkpoints_come_after_their_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    checkpoints = Checkpoints(Path("nowhere"), "fit", 60, "a run")
    due = []
    for now[0] in (100.0, 159.0, 160.0, 161.0):
        due.append(checkpoints.due())
    assert due == [False, False, True, True]


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_checkpoint_and_the_command_that_goes_on(
    cli: Any, daily: Path, whole: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    from lstmcast.terminal.terminal import Terminal

    with monkeypatch.context() as patch:
        patch.setattr(Terminal, "progress", lambda *a: os.kill(os.getpid(), number))
        flags = [*FLAGS, "-s", "training.checkpoint_every=1e9"]
        outcome = cli("train", daily, *flags, "--run", "r")
    assert outcome.code == code and "interrupted" in outcome.err
    (command,) = re.findall(r"lstmcast (train --resume .*)", outcome.err)
    assert command == "train --resume r"
    assert [path.name for path in Path("r/checkpoint").glob("*.safetensors")] == [
        "fit-000000001.safetensors"
    ]
    assert cli(*command.split()).code == 0
    assert (Path("r/forecast.csv")).read_bytes() == (whole / "forecast.csv").read_bytes()


def test_resume_after_any_checkpoint_gives_the_files_of_a_run_never_interrupted(
    cli: Any, daily: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["train", daily, *FLAGS, "--run", "r"]
    for saves in (1, 6, 9):
        with monkeypatch.context() as patch:
            die_after_saves(patch, saves)
            with pytest.raises(Killed):
                cli(*arguments)
        arguments = ["train", "--resume", "r"]
    assert len(list(Path("r/checkpoint").glob("fit-*.safetensors"))) == 2
    outcome = cli(*arguments)
    assert outcome.code == 0, outcome.err
    assert_same_run(Path("r"), whole)


def test_resume_while_training_once_more_on_all_rows(
    cli: Any, daily: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = [*FLAGS, "-s", "training.refit=all"]
    assert cli("train", daily, *flags, "--run", "whole").code == 0
    die_after_saves(monkeypatch, 5, name="refit")
    with pytest.raises(Killed):
        cli("train", daily, *flags, "--run", "r")
    assert not Path("r/model.safetensors").exists()
    monkeypatch.undo()
    monkeypatch.chdir(daily.parent)
    assert cli("train", "--resume", "r").code == 0
    assert_same_run(Path("r"), Path("whole"))


def test_resume_without_a_checkpoint_starts_over(
    cli: Any, daily: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("lstmcast.workflows.train.fit_model", raise_killed)
        with pytest.raises(Killed):
            cli("train", daily, *FLAGS, "--run", "r")
    shutil.rmtree("r/checkpoint")
    assert cli("train", "--resume", "r").code == 0
    assert_same_run(Path("r"), whole)


def test_a_run_that_was_killed_before_its_page_is_given_it(
    cli: Any, daily: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("lstmcast.checking.finish_run.finish", raise_killed)
        with pytest.raises(Killed):
            cli("train", daily, *FLAGS, "--run", "r")
    assert Path("r/manifest.json").exists() and not Path("r/report.html").exists()
    before = Path("r/manifest.json").read_bytes()
    outcome = cli("train", "--resume", "r")
    assert outcome.code == 0 and "is complete" in outcome.out
    assert_same_run(Path("r"), whole)
    assert Path("r/manifest.json").read_bytes() == before
    findings = [json.loads((run / "findings.json").read_text()) for run in (Path("r"), whole)]
    assert findings[0] == findings[1]


def raise_killed(*arguments: Any) -> None:
    raise Killed


def test_a_complete_run_says_so_and_stays_as_it_is(cli: Any, whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.iterdir()}
    outcome = cli("train", "--resume", whole)
    assert outcome.code == 0 and "is complete" in outcome.out
    assert {path: path.stat().st_mtime_ns for path in whole.iterdir()} == before
    assert json.loads(cli("train", "--resume", whole, "--json").out)["complete"] is True


@pytest.fixture
def interrupted(cli: Any, daily: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that died in its first epoch."""
    with monkeypatch.context() as patch:
        die_after_saves(patch, 2)
        with pytest.raises(Killed):
            cli("train", daily, *FLAGS, "--run", "r")
    return daily.parent / "r"


def test_a_changed_config_is_refused_with_every_difference(cli: Any, interrupted: Path) -> None:
    config = interrupted / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace("seed: 0", "seed: 7").replace("units: [4]", "units: [5, 4]"))
    outcome = cli("train", "--resume", "r")
    assert outcome.code == 5
    assert "training.seed was 0, and is 7" in outcome.err
    assert "network.units was [4], and is [5, 4]" in outcome.err
    config.write_text(text.replace("seed: 0", "seed: x"))
    outcome = cli("train", "--resume", "r")
    assert outcome.code == 5 and "training.seed" in outcome.err
    config.write_text(text)
    assert cli("train", "--resume", "r").code == 0


def test_changed_data_is_refused_with_the_difference(cli: Any, interrupted: Path) -> None:
    table = interrupted.parent / "daily.csv"
    table.write_text(daily_text(rows=121))
    outcome = cli("train", "--resume", "r")
    assert outcome.code == 5
    assert "rows was 120, and is 121" in outcome.err and "last was 2024-04-29" in outcome.err
    table.write_text(daily_text(seed=1))
    outcome = cli("train", "--resume", "r")
    assert outcome.code == 5 and "sha256 was" in outcome.err and "rows was" not in outcome.err
    table.unlink()
    outcome = cli("train", "--resume", "r")
    assert outcome.code == 5 and "no such file" in outcome.err


def test_data_may_move_if_it_stays_the_same(cli: Any, interrupted: Path, whole: Path) -> None:
    (interrupted.parent / "daily.csv").rename(interrupted.parent / "moved.csv")
    config = interrupted / "config.yaml"
    config.write_text(config.read_text().replace("daily.csv", "moved.csv"))
    assert cli("train", "--resume", "r").code == 0
    assert (interrupted / "model.safetensors").read_bytes() == (
        whole / "model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x.yaml", "--resume", "r"], "leave CONFIG out"),
        (["--resume", "r", "-s", "training.seed=1"], "leave --set out"),
        (["--resume", "r", "--run", "q"], "leave --run out"),
        ([], "name a config"),
    ],
)
def test_resume_takes_nothing_beside_it(
    cli: Any, interrupted: Path, arguments: list[str], words: str
) -> None:
    outcome = cli("train", *arguments)
    assert outcome.code == 2 and words in outcome.err


def test_what_is_no_run_cannot_be_resumed(cli: Any, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        outcome = cli("train", "--resume", path)
        assert outcome.code == 5 and "no config.yaml" in outcome.err
        assert list(tmp_path.iterdir()) == []


def test_a_run_that_found_its_layout_by_itself_goes_on(
    cli: Any, daily: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = ",".join(f"V{k}" for k in range(1, 62))
    rows = [f"N{s}," + ",".join(str(s + k % 7) for k in range(60)) for s in range(3)]
    Path("rows.csv").write_text("\n".join([header, *rows, ""]))
    Path("rows.yaml").write_text("data: {path: rows.csv, target: value}\n")
    with monkeypatch.context() as patch:
        die_after_saves(patch, 2)
        with pytest.raises(Killed):
            cli("train", "rows.yaml", *FLAGS, "--run", "r")
    assert "layout: auto" in Path("r/config.yaml").read_text()
    outcome = cli("train", "--resume", "r")
    assert outcome.code == 0, outcome.err


def test_the_python_face_resumes(interrupted: Path, whole: Path) -> None:
    run = lstmcast.train(resume=interrupted, device="cpu")
    assert run.path == interrupted
    assert_same_run(interrupted, whole)


def test_a_taken_folder_points_to_resume(cli: Any, interrupted: Path) -> None:
    outcome = cli("train", interrupted.parent / "daily.csv", *FLAGS, "--run", "r")
    assert outcome.code == 5 and "--resume" in outcome.err
    assert RunFolder(interrupted).writer() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_last_word_is_no_interruption(number: int) -> None:
    code = """
import os, signal, sys
from lstmcast.cli.main import main
class Late:
    def __del__(self, kill=os.kill, own=os.getpid(), number=int(sys.argv[1])):
        kill(own, number)
late = Late()
sys.argv[1:] = ["--version"]
main()
"""
    ended = subprocess.run([sys.executable, "-c", code, str(int(number))], capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, b"")

"""Ranks: processes of torchrun train one network (all-reduce, broadcast), print messages once."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess

import numpy as np
import pandas as pd
import pytest
import torch
from support.daily import daily_text
from support.files import digests
from support.networks import make_batches, noise
from support.ranks import (
    LONG,
    TOP,
    TORCHRUN,
    ended,
    environment,
    process_of,
    start,
    torchrun,
    wait_for,
)

import lstmcast
from lstmcast.network.sharded_random import Shard, draw_sharded, dropout, sharded
from lstmcast.parallel import ALONE, VARIABLES, Ranks, connect, share_of
from lstmcast.proposing.source import device_of_rank

PLAIN = [
    "window.lookback=14",
    "window.horizon=3",
    "network.units=4",
    "training.loss=mse",
    "training.batch_size=24",
    "training.max_epochs=50",
    "training.patience=null",
    "training.learning_rate=0.01",
]
"""200 steps: four in an epoch, the last of one window."""


def flags(settings):
    return [word for setting in settings for word in ("-s", setting)]


def write_config(folder, rows=126):
    folder.mkdir(exist_ok=True)
    (folder / "daily.csv").write_text(daily_text(rows))
    (folder / "daily.yaml").write_text(
        "data: {path: daily.csv, time: date, target: sales}\nnetwork: {preset: plain}\n"
    )
    return folder


def alone(folder, settings, name="alone"):
    """The run of one process."""
    return lstmcast.train(folder / "daily.yaml", set=settings, run=folder / name, device="cpu").path


def losses(run):
    columns = ["steps", "learning_rate", "train_loss", "validation_loss"]
    return pd.read_csv(run / "history.csv")[columns]


def mae(run):
    scores = json.loads((run / "metrics.json").read_text())["test"]
    return {name: score["mae"] for name, score in scores.items()}


# ---------------------------------------------------------------- without torchrun


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
@pytest.mark.parametrize("number", [0, 1, 2, 64, 1001])
def test_shares_are_all_of_it_and_of_one_size_but_for_one(number, parts):
    shares = [share_of(number, part, parts) for part in range(parts)]
    whole = [k for share in shares for k in range(share.start, share.stop)]
    assert whole == list(range(number))
    sizes = [share.stop - share.start for share in shares]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) == Ranks(count=parts).most(number)


def test_the_parts_of_every_batch_make_the_batch():
    from dataclasses import replace

    whole = make_batches(noise(), batch_size=16, seed=3)
    parts = [replace(whole, part=part, parts=3) for part in range(3)]
    for number, (batch, *shares) in enumerate(
        zip(whole.epoch(1), *(each.epoch(1) for each in parts), strict=True)
    ):
        assert torch.equal(batch.inputs, torch.cat([share.inputs for share in shares]))
        assert torch.equal(batch.targets, torch.cat([share.targets for share in shares]))
        assert whole.windows_in(number) == parts[0].windows_in(number) == len(batch)


@pytest.mark.parametrize("lines", [1, 3])
def test_shares_draw_what_the_whole_batch_draws(lines):
    torch.manual_seed(5)
    whole = torch.rand(2, 7 * lines)
    drawn = []
    for part in range(3):
        share = share_of(7, part, 3)
        torch.manual_seed(5)
        with sharded(Shard(share.start, share.stop, 7)):
            drawn.append(draw_sharded(torch.rand, (2, lines * (share.stop - share.start)), axis=1))
    assert torch.equal(torch.cat(drawn, dim=1), whole)


def test_a_share_of_no_window_keeps_its_generator_in_step():
    states = []
    for first, stop in ((0, 2), (2, 2)):
        torch.manual_seed(5)
        with sharded(Shard(first, stop, 2)):
            draw_sharded(torch.rand, (max(stop - first, 1), 4))
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@pytest.mark.parametrize("time_first", [True, False])
def test_shares_hide_what_the_whole_batch_hides(time_first):
    values = torch.rand(4, 6, 3) + 1
    laid = values.transpose(0, 1).contiguous().transpose(0, 1) if time_first else values
    torch.manual_seed(5)
    whole = dropout(laid, 0.5, True, time_first)
    drawn = []
    for share in (slice(0, 1), slice(1, 4)):
        torch.manual_seed(5)
        with sharded(Shard(share.start, share.stop, 4)):
            drawn.append(dropout(values[share], 0.5, True, time_first))
    assert torch.equal(torch.cat(drawn), whole)
    assert 0 < (whole == 0).float().mean() < 1


def test_one_rank_is_given_back_what_it_tells(monkeypatch):
    for name in (*VARIABLES, "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    connect()
    array = np.arange(3.0)
    assert ALONE.broadcast({"a": 1}) == {"a": 1}
    assert ALONE.all_gather(array) is array and ALONE.max(3) == 3 and ALONE.sum(4) == 4
    ALONE.all_reduce_arrays([array])
    assert array.tolist() == [0, 1, 2]
    assert ALONE.may_speak() and ALONE.first


def test_an_environment_of_several_processes_that_lacks_the_way_to_them_is_refused(
    cli, monkeypatch
):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    outcome = cli("configs")
    assert outcome.code == 2
    assert "4 processes" in outcome.err and "MASTER_ADDR" in outcome.err


@pytest.mark.parametrize(
    ("name", "count", "said"),
    [("cuda:1", 2, "one device for 2 processes"), ("cuda", 1, "1 CUDA devices")],
)
def test_processes_of_a_machine_take_a_device_each(monkeypatch, name, count, said):
    from lstmcast.errors import ConfigError

    both = Ranks(rank=1, count=2, local=1, local_count=2)
    monkeypatch.setattr("lstmcast.proposing.source.ranks", lambda: both)
    with pytest.raises(ConfigError, match=said):
        device_of_rank(name, count)


# ---------------------------------------------------------------- two processes


def test_two_ranks_train_the_network_of_one_process(tmp_path):
    write_config(tmp_path)
    done = torchrun(tmp_path, "train", "daily.yaml", *flags(PLAIN))
    assert done.code == 0, done.err
    run = tmp_path / "runs" / "daily-0001"
    assert [path.name for path in run.parent.iterdir()] == ["daily-0001"]
    assert done.out.count("Run folder:") == 1 and done.err.count("windows:") == 1
    one = alone(tmp_path, PLAIN)
    assert losses(one)["steps"].iloc[-1] == 200
    np.testing.assert_allclose(losses(run), losses(one), rtol=1e-5)
    assert mae(run) == pytest.approx(mae(one), rel=1e-3)
    assert {path.name for path in run.iterdir()} == {path.name for path in one.iterdir()}


KINDS = {
    "chance, members, and a last batch of fewer windows than ranks": (
        3,
        ["network.cell=gru", "network.dropout=0.3", "network.initial_state=random",
         "training.members=2", "training.average=0.9", "training.refit=all",
         "training.batch_size=36", "forecast.fallback=true"],
    ),
    "a teacher, sgd and a head that is a distribution": (
        2,
        ["network.decoder=seq2seq", "network.teacher_forcing=0.5", "network.head=student_t",
         "training.loss=auto", "training.optimizer=sgd", "training.schedule=plateau",
         "training.patience=3"],
    ),
    "padded windows and gates step by step": (
        2,
        ["window.pad=true", "network.dropout=0.2", "network.recurrent_activation=hard_sigmoid",
         "network.decoder=every_step", "training.max_steps=17"],
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_training_leaves_to_chance_is_the_same_for_any_number_of_ranks(kind, tmp_path):
    count, more = KINDS[kind]
    settings = [*PLAIN, "training.max_epochs=5", *more]
    write_config(tmp_path)
    done = torchrun(tmp_path, "train", "daily.yaml", *flags(settings), "--run", "many", count=count)
    assert done.code == 0, done.err
    one = alone(tmp_path, settings)
    np.testing.assert_allclose(losses(tmp_path / "many"), losses(one), rtol=1e-4)
    assert mae(tmp_path / "many") == pytest.approx(mae(one), rel=1e-3)


# ---------------------------------------------------------------- interruptions

OFTEN = [*PLAIN, "network.dropout=0.2", "training.checkpoint_every=0"]


def checkpoint(run):
    """Whether a few steps of a run are on disk."""
    return lambda: any(
        int(re.findall(r"\d+", path.stem)[-1]) >= 20
        for path in (run / "checkpoint").glob("fit-*.safetensors")
    )


@pytest.mark.slow
def test_a_rank_that_is_killed_ends_the_job_and_a_resume_ends_as_if_it_had_not_been(tmp_path):
    write_config(tmp_path)
    run = tmp_path / "run"
    process = start(tmp_path, "train", "daily.yaml", *flags(OFTEN), "--run", "run")
    wait_for(checkpoint(run), process)
    os.kill(process_of(process.pid, 1), signal.SIGKILL)
    done = ended(process)
    assert done.code != 0
    assert done.err.count("Resume with: ") == 1, done.err
    assert "train --resume run" in done.err and "a bug in lstmcast" not in done.err
    assert not (run / "manifest.json").exists()
    done = torchrun(tmp_path, "train", "--resume", "run")
    assert done.code == 0, done.err
    one = alone(tmp_path, OFTEN)
    np.testing.assert_allclose(losses(run), losses(one), rtol=1e-4)
    assert mae(run) == pytest.approx(mae(one), rel=1e-3)


@pytest.mark.slow
def test_torchrun_starts_again_what_has_lost_a_rank_and_it_goes_on_by_itself(tmp_path):
    write_config(tmp_path)
    flags_of_torchrun = ("--standalone", "--max-restarts", "1")
    process = start(tmp_path, "train", "daily.yaml", *flags(OFTEN), flags=flags_of_torchrun)
    run = tmp_path / "runs" / "daily-0001"
    wait_for(checkpoint(run), process)
    os.kill(process_of(process.pid, 0), signal.SIGKILL)
    done = ended(process)
    assert done.code == 0, done.err
    assert "they resume runs/daily-0001" in done.err
    assert [path.name for path in run.parent.iterdir()] == ["daily-0001"]
    one = alone(tmp_path, OFTEN)
    np.testing.assert_allclose(losses(run), losses(one), rtol=1e-4)
    assert mae(run) == pytest.approx(mae(one), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_checkpoint_and_is_answered_once(number, tmp_path):
    write_config(tmp_path)
    endless = [*PLAIN, "training.checkpoint_every=2", "training.max_epochs=100000"]
    process = start(tmp_path, "train", "daily.yaml", *flags(endless), "--run", "run")
    wait_for(checkpoint(tmp_path / "run"), process)
    process.send_signal(number)
    done = ended(process)
    assert done.code != 0
    assert done.err.count("interrupted") == 1, done.err
    assert "train --resume run" in done.err
    assert any((tmp_path / "run" / "checkpoint").glob("fit-*.safetensors"))


# ---------------------------------------------------------------- two machines


@pytest.mark.slow
def test_two_torchruns_on_loopback_train_one_run(tmp_path):
    folders = [write_config(tmp_path / name) for name in ("first", "second")]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nodes = [
        start(
            folder, "train", "daily.yaml", *flags(PLAIN), "--run", "run", count=1,
            flags=("--nnodes", "2", "--node-rank", str(number), "--master-addr", "127.0.0.1",
                   "--master-port", str(port)),
        )
        for number, folder in enumerate(folders)
    ]  # fmt: skip
    for done in (ended(node) for node in nodes):
        assert done.code == 0, done.err
    assert not (folders[1] / "run").exists(), "only rank 0 writes"
    one = alone(folders[0], PLAIN)
    np.testing.assert_allclose(losses(folders[0] / "run"), losses(one), rtol=1e-5)


@pytest.mark.slow
def test_a_machine_with_another_table_is_refused(tmp_path):
    folders = [write_config(tmp_path / name) for name in ("first", "second")]
    (folders[1] / "daily.csv").write_text(daily_text(126, seed=1))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nodes = [
        start(
            folder, "train", "daily.yaml", *flags(PLAIN), count=1,
            flags=("--nnodes", "2", "--node-rank", str(number), "--master-addr", "127.0.0.1",
                   "--master-port", str(port)),
        )
        for number, folder in enumerate(folders)
    ]  # fmt: skip
    said = "".join(done.err for done in map(ended, nodes) if done.code)
    assert said.count("rank 1, on") == 1 and "has other data than rank 0" in said


# ---------------------------------------------------------------- forecasts and messages


@pytest.fixture(scope="module")
def panel_run(tmp_path_factory):
    """A folder with a panel of five series, one of them short, and a run trained on it."""
    folder = tmp_path_factory.mktemp("panel")
    header, *lines = daily_text(60).splitlines()
    rows = [f"{name},{line}" for name in "abcd" for line in lines]
    rows += [f"e,{line}" for line in lines[-8:]]
    (folder / "panel.csv").write_text("\n".join([f"shop,{header}", *rows]) + "\n")
    (folder / "panel.yaml").write_text(
        "data: {path: panel.csv, time: date, target: sales, series: shop}\n"
        "window: {lookback: 14, horizon: 3}\nsplit: {validation: 6, test: 6}\n"
        "network: {units: [4]}\ntraining: {max_epochs: 2}\n"
    )
    lstmcast.train(folder / "panel.yaml", run=folder / "run", device="cpu")
    return folder


def assert_alike(made, expected):
    """The same forecasts up to the last digit of a float32."""
    assert list(made) == list(expected)
    for name in expected:
        if expected[name].dtype == float:
            np.testing.assert_allclose(made[name], expected[name], rtol=1e-5)
        else:
            assert made[name].tolist() == expected[name].tolist()


@pytest.mark.slow
def test_ranks_forecast_their_series_into_one_file_or_a_part_each(panel_run, cli, monkeypatch):
    monkeypatch.chdir(panel_run)
    assert cli("predict", "run", "-o", "one.csv").code == 0
    one = pd.read_csv("one.csv")
    before = digests(panel_run / "run")
    done = torchrun(panel_run, "predict", "run", "-o", "two.csv")
    assert done.code == 0, done.err
    assert done.err.count("15 rows written to two.csv") == 1
    assert done.err.count("1 of 5 series have fewer rows") == 1
    assert_alike(pd.read_csv("two.csv"), one)
    done = torchrun(panel_run, "predict", "run", "panel.csv", "-o", "parts/", count=3)
    assert done.code == 0, done.err
    parts = sorted((panel_run / "parts").iterdir())
    assert [path.name for path in parts] == [f"part-{rank:05d}.parquet" for rank in range(3)]
    assert_alike(pd.concat(map(pd.read_parquet, parts), ignore_index=True), one)
    done = torchrun(panel_run, "predict", "run", "-o", "parts/")
    assert done.code != 0 and done.err.count("has parts of a forecast") == 1
    done = torchrun(panel_run, "predict", "run", "--json")
    assert_alike(pd.DataFrame(json.loads(done.out)["forecast"]), one)
    assert digests(panel_run / "run") == before


def test_one_process_writes_one_part(panel_run, cli, monkeypatch):
    monkeypatch.chdir(panel_run)
    assert cli("predict", "run", "-o", "f.csv").code == 0
    assert cli("predict", "run", "-o", "alone/").code == 0
    assert_alike(pd.read_parquet("alone/part-00000.parquet"), pd.read_csv("f.csv"))


@pytest.mark.slow
def test_ranks_share_a_backtest(panel_run, cli, monkeypatch, tmp_path):
    shutil.copytree(panel_run, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    command = ["backtest", "run", "--folds", "2", "--refit", "2", "--json"]
    one = json.loads(cli(*command).out)
    done = torchrun(tmp_path, *command)
    assert done.code == 0, done.err
    assert json.loads(done.out).keys() == one.keys()
    folders = sorted((tmp_path / "run" / "backtests").iterdir())
    assert [folder.name for folder in folders] == ["0001", "0002"]
    scores = [json.loads((folder / "metrics.json").read_text())["scores"] for folder in folders]
    assert scores[1]["lstmcast"]["mae"] == pytest.approx(scores[0]["lstmcast"]["mae"], rel=1e-3)
    assert_alike(*(pd.read_csv(folder / "backtest.csv") for folder in folders))


@pytest.mark.slow
def test_an_error_is_said_once(tmp_path):
    write_config(tmp_path)
    done = torchrun(tmp_path, "train", "daily.yaml", "-s", "network.unit=4")
    assert done.code != 0
    assert done.err.count("network.unit") == 1 and "exitcode  : 2" in done.err
    done = torchrun(tmp_path, "check", "daily.yaml")
    assert done.code != 0
    assert done.err.count("`lstmcast check` runs in one process") == 1
    done = torchrun(tmp_path, "train", "daily.yaml", "--run", "daily.csv")
    assert done.code != 0
    assert done.err.count("daily.csv is a file") == 1 and "exitcode  : 5" in done.err


@pytest.mark.slow
def test_every_torchrun_of_the_guide_runs(tmp_path):
    page = (TOP / "docs" / "scale.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ torchrun (.+)$", page, re.MULTILINE)
    assert len(commands) >= 4
    shutil.copytree(TOP / "data", tmp_path / "data")
    for command in commands:
        done = subprocess.run(
            [*TORCHRUN, *command.split()],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=LONG,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"

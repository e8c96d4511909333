"""What holds for every command: --json, --quiet, no colour off a terminal, errors of one look."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console
from support.daily import TINY, daily_text

import lstmcast
from lstmcast.cli.main import COMMANDS
from lstmcast.config import DataConfig, load_config
from lstmcast.errors import DataError
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.reading import read_with_progress
from lstmcast.terminal.terminal import Terminal
from lstmcast.workflows.predict import predict
from lstmcast.workflows.window import write_windows

SMALL = ["-s", "window.lookback=14", "-s", "window.horizon=3", *TINY]
ARGUMENTS = {
    "init": ["sales.csv", "-o", "sales.yaml"],
    "check": ["sales.csv"],
    "window": ["sales.csv", "-o", "windows", *SMALL],
    "train": ["sales.csv", "--run", "new", "--device", "cpu", *SMALL],
    "predict": ["run", "sales.csv", "-o", "forecast.csv"],
    "backtest": ["run", "--folds", "2"],
    "report": ["run"],
    "compare": ["run"],
    "rerun": ["run", "--verify", "--device", "cpu"],
    "inspect": ["run", "--trace"],
    "configs": ["rnn", "-o", "mine.yaml"],
}


def test_every_command_is_looked_at():
    assert list(ARGUMENTS) == [command.__name__ for _, command, *_ in COMMANDS]


@pytest.fixture
def folder(daily_run, tmp_path, monkeypatch):
    """A folder with a run and its table."""
    shutil.copytree(daily_run, tmp_path / "run")
    (tmp_path / "sales.csv").write_text(daily_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ARGUMENTS)
def test_json_is_one_object_on_stdout(name, cli, folder):
    outcome = cli(name, *ARGUMENTS[name], "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("\n") == 1 and isinstance(json.loads(outcome.out), dict)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_quiet_prints_nothing_but_errors(name, cli, folder):
    outcome = cli(name, *ARGUMENTS[name], "--quiet")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert cli(name, "--quiet", "--none").err.startswith("error: ")


@pytest.mark.parametrize("name", ARGUMENTS)
def test_off_a_terminal_there_is_no_colour_and_no_bar(name, cli, folder, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    outcome = cli(name, *ARGUMENTS[name])
    assert outcome.code == 0
    assert not re.search(r"[\x1b\r\x08]", outcome.out + outcome.err)
    assert outcome.out or outcome.err


def test_on_a_terminal_there_is_colour_unless_no_color_is_set(folder):
    """In a pseudo-terminal, as `script` makes one."""
    said = {}
    for name, extra in (("colour", {}), ("none", {"NO_COLOR": "1"})):
        command = [sys.executable, "-m", "lstmcast", "backtest", "run", "--folds", "2"]
        keep = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")}
        environment = {**keep, "TERM": "xterm-256color", "COLUMNS": "80", **extra}
        master, slave = os.openpty()
        done = subprocess.Popen(command, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        text = b""
        while chunk := _read(master):
            text += chunk
        os.close(master)
        assert done.wait() == 0, text
        said[name] = text.decode()
    assert "\x1b[1m" in said["colour"]  # the lowest score
    assert not re.search(r"\x1b\[[\d;]*3[0-7]m", said["none"])
    assert "fold 2/2" in said["colour"] and "Next:" in said["none"]


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # the other end was closed
        return b""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "there is no command 'trian'; did you mean 'train'?"),
        (["train", "--resum", "r"], "there is no flag --resum; did you mean --resume?"),
        (["predict", "r", "--ouput", "x"], "there is no flag --ouput; did you mean --output?"),
        (["backtest", "r", "--folds", "0"], "--folds: it should be greater than or equal to 1"),
        (["backtest", "run", "--folds", "x"], "--folds: it should be a valid integer"),
        (["predict"], "missing argument 'RUN'"),
        (["compare", "run", "--sort"], "option '--sort' requires an argument"),
        (["configs", "c02"], "there is no shipped config 'c02'; did you mean 'co2'?"),
    ],
)  # fmt: skip
def test_errors_of_usage_look_like_all_others(arguments, said, cli, folder):
    outcome = cli(*arguments)
    assert outcome.code == 2 and outcome.out == ""
    first, *rest = outcome.err.splitlines()
    assert first == f"error: {said}" and len(rest) <= 1
    assert "Usage:" not in outcome.err and "Error" not in outcome.err


def test_lstmcast_alone_shows_the_help(cli):
    outcome = cli()
    assert outcome.err.startswith("Usage: lstmcast") and "error" not in outcome.err


class Listener(ProgressListener):
    def __init__(self):
        self.heard = []

    def task_started(self, words, count):
        self.heard.append(("work", words, count))

    def task_advanced(self, done):
        self.heard.append(("worked", done))

    def task_finished(self):
        self.heard.append(("done",))


def test_a_long_reading_tells_how_far_it_is_and_a_short_one_nothing(tmp_path, limits):
    table = tmp_path / "sales.csv"
    table.write_text(daily_text(200_000, start="1500-01-01"))
    config = DataConfig(path=str(table), time="date", target=["sales"])
    listener = Listener()
    read_with_progress(config, listener)
    assert listener.heard == []
    limits(READING_SHOWN=1_000_000)
    read_with_progress(config, listener)
    size = (table.stat().st_size - len("date,sales\n")) // 10**6
    assert listener.heard[0] == ("work", "reading sales.csv, MB", size)
    done = [count for kind, count in listener.heard[1:-1]]
    assert done == sorted(done) and done[-1] == size
    assert listener.heard[-1] == ("done",)


def counts(listener):
    """What was told of work: its words, how far it was each time, and that it ended."""
    (_, words, count), *told, last = listener.heard
    assert last == ("done",) and [done for _, done in told] == sorted(done for _, done in told)
    assert told[-1] == ("worked", count)
    return words, count, len(told)


def test_windows_to_disk_and_forecasts_of_many_series_tell_how_far_they_are(
    folder, limits, monkeypatch
):
    days = [line.partition(",") for line in daily_text().splitlines()[1:]]
    rows = [f"{shop},{day},{value}" for shop in "abcdef" for day, _, value in days]
    Path("shops.csv").write_text("\n".join(["shop,date,sales", *rows]) + "\n")
    settings = ["data.series=shop", "data.target=sales", *SMALL[1::2]]
    run = lstmcast.train("shops.csv", set=settings, run="shops", device="cpu").path
    monkeypatch.setattr("lstmcast.forecasting.predict.windows_at_once", lambda *_: 2)
    listener = Listener()
    predict(run, None, None, None, torch.device("cpu"), listener)
    assert counts(listener) == ("forecasting series", 6, 3)
    listener = Listener()
    limits(WINDOW_BYTES_AT_ONCE=10_000)
    plan = write_windows(load_config(run / "config.yaml"), Path("out"), listener)
    words, count, times = counts(listener)
    assert (words, count) == ("writing windows", plan.shapes["x"][0]) and times > 3


def test_work_has_a_bar_with_its_count_on_a_terminal_and_none_elsewhere():
    for quiet, is_terminal in ((False, True), (True, True), (False, False)):
        terminal = Terminal(quiet=quiet)
        assert not terminal.live  # under pytest there is none
        terminal.err = Console(file=io.StringIO(), force_terminal=is_terminal, width=80)
        terminal.live = terminal.err.is_terminal and not quiet
        terminal.task_started("writing windows", 1200)
        terminal.task_advanced(400)
        terminal.task_finished()
        shown = terminal.err.file.getvalue()
        assert ("writing windows" in shown and "400/1,200" in shown) == terminal.live
        assert terminal.live or not shown


def test_a_reading_that_fails_closes_its_bar(tmp_path, limits):
    limits(READING_SHOWN=0)
    table = tmp_path / "sales.csv"
    table.write_text(daily_text() + "2024-05-01,1,2,3\n")
    listener = Listener()
    with pytest.raises(DataError):
        read_with_progress(DataConfig(path=str(table), time="date", target=["sales"]), listener)
    assert listener.heard == [] or listener.heard[-1] == ("done",)


def test_a_complete_run_without_its_page_says_how_to_have_it(cli, folder):
    run = Path("run")
    assert "lstmcast report" not in cli("train", "--resume", run).out
    (run / "report.html").unlink()
    assert "lstmcast report run" in cli("train", "--resume", run).out


def test_of_many_runs_the_best_are_compared_and_all_on_request(cli, folder):
    for k in range(24):
        shutil.copytree("run", f"runs/r{k:02}")
        path = Path(f"runs/r{k:02}/metrics.json")
        metrics = json.loads(path.read_text())
        metrics["test"]["lstmcast"]["mae"] = 1.0 + k
        path.write_text(json.dumps(metrics))
    some, whole = cli("compare", "runs"), cli("compare", "runs", "--all")
    assert "The best 20 of 24 runs by mae; --all" in some.out
    assert "r19" in some.out and "r20" not in some.out and "r23" in whole.out
    assert "--all" not in whole.out
    assert len(json.loads(cli("compare", "runs", "--json").out)["runs"]) == 24


def test_a_run_that_was_not_judged_still_ends_with_an_empty_line_and_its_folder(cli, folder):
    lines = cli("train", "sales.csv", "--run", "r", *SMALL, "-s", "split.test=2").out.splitlines()
    place = next(k for k, line in enumerate(lines) if line.startswith("Run folder:"))
    assert lines[place - 2].startswith("No test window") and lines[place - 1] == ""


def test_of_several_targets_the_verdict_says_on_which_the_network_is_ahead(cli, folder):
    rows = daily_text().splitlines()
    body = "".join(f"{row},{1000 * (k % 5)}\n" for k, row in enumerate(rows[1:]))
    Path("two.csv").write_text(f"date,small,large\n{body}")
    settings = ["-s", "data.target=[small,large]", *SMALL]
    said = json.loads(cli("train", "two.csv", "--run", "r", *settings, "--json").out)
    scores, verdict = said["metrics"]["test"], said["metrics"]["verdict"]
    best = scores[verdict["baseline"]]["per_target"]
    own = scores["lstmcast"]["per_target"]
    ahead = [name for name in own if own[name]["mae"] < best[name]["mae"]]
    assert " over 2 targets together, " in verdict["sentence"]
    words = {0: "none of them.", 2: "each of them."}.get(len(ahead), f"1 of them: {ahead}")
    assert verdict["sentence"].endswith(
        f"It is ahead on {words}".replace("['", "").replace("']", ".")
    )
    page = Path("r/report.html").read_text()
    assert "The first table combines 2 targets" in page
    assert "targets together" not in (folder / "run" / "report.html").read_text()


def test_where_baselines_forecast_some_series_the_page_counts_them(cli, folder):
    shutil.copytree("run", "given")
    text = Path("given/forecast.csv").read_text()
    Path("given/forecast.csv").write_text(text.replace(",lstmcast", ",drift"))
    cli("report", "given")
    page = Path("given/report.html").read_text()
    assert "Of the 1 forecast after the last row, 0 are by the network, 1 by drift" in page
    assert "are of the network alone" not in Path("run/report.html").read_text()


HOSTILE = '"><script>alert(1)</script>[bold]{{ 7 * 7 }}'


def test_a_hostile_column_is_text_in_every_command(cli, folder):
    name = HOSTILE.replace('"', '""')
    Path("x.csv").write_text(daily_text(header=f'date,"{name}"'))
    flags = ["-s", "window.lookback=14", "-s", "window.horizon=3", *TINY]
    shown = {
        "init": cli("init", "x.csv").out,
        "train": cli("train", "x.csv", "--run", "r", "--device", "cpu", *flags).err,
        "check": cli("check", "x.csv", "--json", "-s", f"data.past=[{json.dumps(HOSTILE)}]").out,
        "window": cli("window", "x.csv", "--show", "0", *flags).out,
        "predict": cli("predict", "r").out,
        "plot": cli("predict", "r", "--plot").out,
        "inspect": cli("inspect", "r", "--trace", "--plot", "gates.html").err,
    }
    assert cli("backtest", "r", "--folds", "2").code == 0
    for command, text in shown.items():
        plain = text.replace('\\"', '"').replace('""', '"').replace("\n", " ")
        assert "<script>alert(1)</script>" in plain and "[bold]" in plain, command
    for page in (Path("gates.html"), Path("r/report.html"), Path("r/backtests/0001/report.html")):
        assert "<script>alert(1)" not in page.read_text(), page


def test_where_the_season_is_one_step_naive_and_seasonal_naive_are_said_to_be_the_same(cli, folder):
    Path("steps.csv").write_text("t\n" + "".join(f"{k % 7 + k / 100}\n" for k in range(120)))
    outcome = cli("train", "steps.csv", "--run", "r", *SMALL)
    assert "seasonal_naive equals naive here: the season is one step." in outcome.out
    assert "seasonal_naive equals naive here" in Path("r/report.html").read_text()
    assert "seasonal_naive equals naive" not in cli("train", "sales.csv", "--run", "s", *SMALL).out

"""Help in the order of use, completion in a shell, and what a typo is answered with."""

import re
import shlex

import pytest
from support.processes import modules_loaded_by

from lstmcast.cli.main import COMMANDS
from lstmcast.config import fields

NAMES = [command.__name__ for _, command, *_ in COMMANDS]


def test_help_lists_commands_in_the_order_of_use_each_with_an_example(cli):
    lines = cli("--help").out.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert [line for line in lines if re.fullmatch(r"[A-Z][a-z ]+:", line)] == [
        "Options:", "Prepare:", "Train and forecast:", "Evaluate:", "Learn:",
    ]  # fmt: skip
    begin = lines.index("Prepare:")
    words = [line.split() for line in lines[begin:] if line.startswith(" ")]
    assert [line[0] for line in words if line[0] in NAMES] == NAMES
    assert [line[2] for line in words if line[:2] == ["$", "lstmcast"]] == NAMES
    assert not any(line.endswith("...") for line in lines[begin:])


@pytest.mark.parametrize("name", NAMES)
def test_every_help_fits_80_columns_and_ends_in_an_example_that_parses(
    name, cli, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    text = cli(name, "--help").out
    assert max(len(line) for line in text.splitlines()) <= 80
    (example,) = re.findall(r"Example: lstmcast (.+)", text)
    outcome = cli(*shlex.split(example))  # files of that name are missing: that is all
    assert outcome.code in (0, 2, 3, 5) and "Usage:" not in outcome.err


def test_help_of_train_says_where_the_config_reference_is(cli):
    text = cli("train", "--help").out
    assert "docs/config.md" in text and "`lstmcast configs --schema`" in text


@pytest.fixture
def offered(cli, tmp_path, monkeypatch):
    """What bash offers for the last word of a line, in a folder with two runs and a table."""
    for name in ("sales-0001", "sales-0002"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "config.yaml").touch()
    (tmp_path / "runs" / "no-run").mkdir()
    (tmp_path / "rates.csv").touch()
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)

    def complete(line, shell="bash"):
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", line)
        monkeypatch.setenv("_LSTMCAST_COMPLETE", f"complete_{shell}")
        outcome = cli()
        assert outcome.code == 0 and not outcome.err
        return outcome.out.splitlines()

    return complete


CELLS = ["network.cell=rnn", "network.cell=gru", "network.cell=lstm"]
RUNS = ["runs/sales-0001", "runs/sales-0002"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lstmcast tr", ["train"]),
        ("lstmcast configs co", ["co2"]),
        ("lstmcast predict ru", RUNS),
        ("lstmcast compare runs/sales-0002 runs/", RUNS),
        ("lstmcast train --resume runs/", RUNS),
        ("lstmcast backtest r", ["rates.csv", *RUNS]),
        ("lstmcast train r", ["rates.csv"]),
        ("lstmcast train x.csv -s window.hor", ["window.horizon="]),
        ("lstmcast train x.csv --set network.ce", CELLS),
        ("lstmcast train x.csv --set window.pad", ["window.pad=true", "window.pad=false"]),
        ("lstmcast train x.csv --set nothing", []),
        ("lstmcast predict /no/such/folder", []),
    ],
)  # fmt: skip
def test_a_shell_is_offered(line, expected, offered):
    assert [line for line in offered(line) if line] == expected


def test_a_shell_is_offered_every_key_of_the_schema_with_its_help(offered):
    lines = offered("lstmcast train -s ", "zsh")
    assert len(lines) == len(fields())
    assert any("window.horizon=" in line and "teps" in line for line in lines)


def test_completion_loads_nothing_heavy():
    code = """
import os
os.environ |= {"COMP_WORDS": "lstmcast train -s net", "COMP_CWORD": "3",
               "_LSTMCAST_COMPLETE": "complete_bash"}
from lstmcast.cli.main import main
try:
    main()
except SystemExit as stopped:
    assert not stopped.code
"""
    loaded = modules_loaded_by(code)
    assert "pydantic" in loaded  # the schema itself
    assert not loaded & {"torch", "pandas", "pyarrow", "numpy"}


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["tran", "x.csv"], "'train'"),
        (["inspct", "x.csv"], "'inspect'"),
        (["train", "x.csv", "--resum", "r"], "--resume"),
        (["configs", "co3"], "co2"),
        (["check", "x.csv", "-s", "window.horizn=3"], "'horizon'"),
    ],
)
def test_a_typo_is_answered_with_what_was_meant(arguments, meant, cli, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("date,sales\n2024-01-01,1\n2024-01-02,2\n")
    outcome = cli(*arguments)
    assert outcome.code == 2 and meant in outcome.err

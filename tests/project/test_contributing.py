"""CONTRIBUTING.md works: its recipes are followed to the letter in a copy of the package.

A step of a recipe is one numbered line: `FILE`, then where (below, above, in place of, new file)
and the lines to write there; or a symbol of the file that deserves a look, which must exist.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from lstmcast.config import fields
from lstmcast.network.cells import ACTIVATIONS
from lstmcast.network.decoders import DECODERS
from lstmcast.network.heads import HEADS, LOSSES
from lstmcast.network.readouts import READOUTS
from lstmcast.network.recurrent import LAYERS
from lstmcast.training.optimizers import OPTIMIZERS

TOP = Path(__file__).parents[2]
PAGE = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")
COPIED = ("lstmcast", "configs", "data", "docs", "tests", "pyproject.toml", "README.md")

STEP = re.compile(
    r"^\d+\. `(?P<file>[^`]+)`, (?:"
    r"(?P<where>below|above) `(?P<line>[^`]+)`:\n\n(?P<block>   ```\w+\n.*?\n   ```)$"
    r"|in place of `(?P<old>[^`]+)`: `(?P<new>[^`]+)`$"
    r"|new file:\n\n(?P<whole>   ```\w+\n.*?\n   ```)$"
    r"|`(?P<symbol>[^`]+)`: .+$)",
    re.MULTILINE | re.DOTALL,
)
"""One step; `.+$` of a symbol stays on its line, since the step after it begins with a number."""


@dataclass
class Recipe:
    """The steps that add a part, as groups of STEP, and the commands that show it at work."""

    steps: list[dict[str, str | None]]
    commands: list[str]


def recipes():
    """Recipe by what it adds."""
    found = {}
    for section in PAGE.split("\n### Add a")[1:]:
        name, _, rest = section.partition("\n")
        text = rest.split("\n## ")[0]
        numbered = re.split(r"^(?=\d+\. )", text, flags=re.MULTILINE)[1:]
        steps = []
        for step in numbered:
            whole = re.split(r"\n\n(?=\S)", step)[0].rstrip("\n")
            match = STEP.fullmatch(whole)
            assert match, f"not a step that the test can follow:\n{whole}"
            steps.append(match.groupdict())
        assert [int(step.split(".")[0]) for step in numbered] == list(range(1, len(steps) + 1))
        commands = re.findall(r"^\$ (.+)$", text, re.MULTILINE)
        found[name.removeprefix("n ").strip()] = Recipe(steps, commands)
    return found


RECIPES = recipes()


def lines_of(block):
    """The lines of an indented block of code, as they stand in a file."""
    return [line.removeprefix("   ") for line in block.split("\n")[1:-1]]


def follow(step, top):
    """Do what a step says in the copy at `top`; returns the file it changed."""
    path = top / step["file"]
    if step["whole"]:
        assert not path.exists(), f"{path} is there already"
        path.write_text("\n".join([*lines_of(step["whole"]), ""]), encoding="utf-8")
        return path
    text = path.read_text(encoding="utf-8")
    if step["symbol"]:
        assert step["symbol"] in text, f"{step['file']} has no {step['symbol']}"
        return None
    if step["old"]:
        assert text.count(step["old"]) == 1, f"{step['file']}: not once: {step['old']}"
        text = text.replace(step["old"], step["new"])
    else:
        lines = text.split("\n")
        places = [k for k, line in enumerate(lines) if line.strip().startswith(step["line"])]
        assert len(places) == 1, f"{step['file']}: not once: {step['line']}"
        at = places[0] + (step["where"] == "below")
        text = "\n".join([*lines[:at], *lines_of(step["block"]), *lines[at:]])
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the project in which every recipe was followed, one after the other."""
    top = tmp_path_factory.mktemp("contributing")
    skipped = shutil.ignore_patterns("__pycache__", "golden")
    for name in COPIED:
        source = TOP / name
        if source.is_dir():
            shutil.copytree(source, top / name, ignore=skipped)
        else:
            shutil.copy(source, top / name)
    changed = [follow(step, top) for recipe in RECIPES.values() for step in recipe.steps]
    files = sorted({str(path) for path in changed if path is not None and path.suffix == ".py"})
    for check in (["format", "-q"], ["check", "-q", "--fix"]):
        said = subprocess.run(
            [sys.executable, "-m", "ruff", *check, *files], cwd=top, capture_output=True, text=True
        )
        assert said.returncode == 0, f"the code of a recipe is not in style\n{said.stdout}"
    return top


def run(command, top):
    """Run a command of the page in the copy; returns what it printed."""
    program, *arguments = shlex.split(command)
    python = [sys.executable, *(["-m", "lstmcast"] if program == "lstmcast" else [])]
    assert program in ("lstmcast", "python"), command
    done = subprocess.run(
        [*python, *arguments],
        cwd=top,
        env={**os.environ, "PYTHONPATH": str(top)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


CONFIGURED = {
    "loss": "training.loss",
    "activation": "network.activation",
    "cell": "network.cell",
    "decoder": "network.decoder",
    "head": "network.head",
}
"""The key that names the new part in a config, and so in the run that its recipe makes."""


def test_there_is_a_recipe_for_every_part():
    parts = {*CONFIGURED, "metric", "finding", "forecaster", "command"}
    assert set(RECIPES) == parts
    for name, recipe in RECIPES.items():
        files = [step["file"] for step in recipe.steps]
        assert recipe.commands and any(file.startswith("tests/") for file in files), name


@pytest.mark.parametrize("name", RECIPES)
def test_a_part_that_was_added_by_its_recipe_works(name, copy):
    printed = [run(command, copy) for command in RECIPES[name].commands]
    made = copy / "runs" / name
    if name in CONFIGURED:
        section, key = CONFIGURED[name].split(".")
        value = re.search(rf"{CONFIGURED[name]}=(\w+)", RECIPES[name].commands[0])[1]
        assert yaml.safe_load((made / "config.yaml").read_text())[section][key] == value
    if name == "metric":
        scores = json.loads((made / "metrics.json").read_text())["test"]
        assert all(0 < score["maape"] < 1.6 for score in scores.values())
    if name == "forecaster":
        scores = json.loads((made / "metrics.json").read_text())["test"]
        assert scores["season_mean"]["mae"] > 0 and (copy / "runs" / "forecaster.csv").exists()
    if name == "finding":
        assert "2 passed" in printed[-1]
    if name == "command":
        assert printed[-1].split() == ["date", "co2"]


def test_the_references_of_the_copy_name_every_new_part(copy):
    run("python docs/make_reference.py", copy)
    page = "".join((copy / "docs" / f"{name}.md").read_text() for name in ("config", "findings"))
    values = [
        match[1]
        for name, key in CONFIGURED.items()
        if (match := re.search(rf"{key}=(\w+)", RECIPES[name].commands[0]))
    ]
    assert len(values) == len(CONFIGURED)
    for value in (*values, "LC208"):
        assert re.search(rf"\b{value}\b", page), value
    assert "## lstmcast columns" in (copy / "docs" / "commands.md").read_text()


def test_every_file_that_the_page_names_exists():
    new = {step["file"] for recipe in RECIPES.values() for step in recipe.steps if step["whole"]}
    named = set(re.findall(r"`((?:lstmcast|tests|docs|configs)/[\w./]*)`", PAGE)) - new
    assert len(named) > 30
    for name in named:
        assert (TOP / name).exists(), name


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("network.cell", LAYERS),
        ("network.decoder", DECODERS),
        ("network.head", HEADS),
        ("network.readout", READOUTS),
        ("network.activation", ACTIVATIONS),
        ("network.recurrent_activation", ACTIVATIONS),
        ("training.loss", LOSSES),
        ("training.optimizer", OPTIMIZERS),
    ],
)
def test_the_schema_names_every_part_of_a_swap_point(key, parts):
    (choices,) = (field.choices for field in fields() if field.name == key)
    assert sorted(choices) == sorted(parts)

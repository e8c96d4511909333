"""Docs say only what is true: references are generated, and every command in them runs."""

import re
import runpy
import shutil
from pathlib import Path

import pytest
import yaml

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")
PAGES = runpy.run_path(str(TOP / "docs" / "make_reference.py"))["PAGES"]
CONFIGS = sorted((TOP / "configs").glob("*.yaml"))


@pytest.mark.parametrize("name", PAGES)
def test_reference_pages_are_what_the_code_says(name):
    page = (TOP / "docs" / name).read_text(encoding="utf-8")
    assert page == PAGES[name](), "run: python docs/make_reference.py"


def test_every_command_of_the_readme_runs(cli, tmp_path, monkeypatch):
    """All `console` blocks in order, in one folder that has the clone's data."""
    shutil.copytree(TOP / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    commands = [
        line.removeprefix("$ lstmcast ")
        for block in blocks
        for line in block.splitlines()
        if line.startswith("$ ")
    ]
    assert len(commands) >= 10
    for command in commands:
        outcome = cli(*command.split())
        assert outcome.code == 0, f"{command}\n{outcome.err}"

    (python,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "example.py").write_text(python)
    names = runpy.run_path("example.py")
    assert len(names["frame"]) > 0


def test_the_readme_names_existing_files_only():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (TOP / target).exists(), target


def test_the_example_config_of_the_readme_is_valid(tmp_path):
    from lstmcast.config import load_config

    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "c.yaml").write_text(text)
    assert load_config(tmp_path / "c.yaml").data.future == ["promo", "price"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_headed_with_command_time_and_score(path):
    head = path.read_text(encoding="utf-8").splitlines()[:8]
    assert head[0] == f"# lstmcast train configs/{path.name}"
    text = "\n".join(line for line in head if line.startswith("#"))
    assert re.search(r"about \d+ (seconds|minutes?) on two cores", text)
    assert re.search(r"[Tt]est mae", text) and "baseline" in text
    assert f"`{path.stem}`" in README


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_train_and_predict(path, cli, tmp_path, monkeypatch):
    """A copy made by `lstmcast configs` works as it is; one step is enough to see that."""
    monkeypatch.chdir(tmp_path)
    assert cli("configs", path.stem, "-o", "mine.yaml").code == 0
    assert yaml.safe_load(Path("mine.yaml").read_text())["data"]["path"] == next(
        file.name for file in tmp_path.glob("*.csv")
    )
    outcome = cli("train", "mine.yaml", "-s", "training.max_steps=1", "--run", "r", "--json")
    assert outcome.code == 0, outcome.err
    assert cli("predict", "r", "-o", "f.csv").code == 0
    assert Path("f.csv").read_text() == Path("r/forecast.csv").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_reach_the_score_in_their_header(path, tmp_path):
    import lstmcast

    said = re.search(r"[Tt]est mae ([\d.]+)", path.read_text(encoding="utf-8"))
    run = lstmcast.train(path, run=tmp_path / "run")
    assert run.metrics["test"]["lstmcast"]["mae"] == pytest.approx(float(said[1]), rel=0.1)
    best = min(s["mae"] for name, s in run.metrics["test"].items() if name != "lstmcast")
    beaten = run.metrics["test"]["lstmcast"]["mae"] < best
    assert beaten == ("does not beat" not in path.read_text(encoding="utf-8"))

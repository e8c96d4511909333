"""Docs say only what is true: references are generated, and every command in them runs."""

import json
import re
import runpy
import shutil
from pathlib import Path

import pytest
import yaml

from lstmcast.config import fields, load_config

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")
PAGES = runpy.run_path(str(TOP / "docs" / "make_reference.py"))["PAGES"]
CONFIGS = sorted((TOP / "configs").glob("*.yaml"))


def header(path):
    """The comments at the head of a config, as one line."""
    lines = path.read_text(encoding="utf-8").partition("\ndata:")[0].splitlines()
    return " ".join(line.removeprefix("# ") for line in lines)


@pytest.mark.parametrize("name", PAGES)
def test_reference_pages_are_what_the_code_says(name):
    page = (TOP / "docs" / name).read_text(encoding="utf-8")
    assert page == PAGES[name](), "run: python docs/make_reference.py"


NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e-?\d+)?")


def test_the_walk_through_an_lstm_is_what_its_commands_print():
    """Words and layout to the letter, numbers up to the rounding of another processor."""
    page = (TOP / "docs" / "inside-an-lstm.md").read_text(encoding="utf-8")
    again = runpy.run_path(str(TOP / "docs" / "fill_outputs.py"))["filled"](page)
    assert page.count("$ lstmcast") == 4 and page.count("largest difference") == 3
    for said, printed in zip(page.splitlines(), again.splitlines(), strict=True):
        if re.search(r"e-\d\d$", said):  # differences: float32 dust, on every processor
            assert all(float(line.split()[-1]) < 1e-6 for line in (said, printed))
            continue
        assert NUMBER.sub("#", said) == NUMBER.sub("#", printed)
        numbers = [
            [float(number.replace(",", "")) for number in NUMBER.findall(line)]
            for line in (said, printed)
        ]
        assert numbers[0] == pytest.approx(numbers[1], rel=2e-3, abs=2e-4), said


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


GUIDES = ("quick-start.md", "panels.md", "covariates.md", "backtests.md", "scale.md")


@pytest.mark.parametrize("name", GUIDES)
def test_every_command_of_a_guide_runs(name, cli, tmp_path, monkeypatch):
    shutil.copytree(TOP / "data", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    page = (TOP / "docs" / name).read_text(encoding="utf-8")
    commands = re.findall(r"^\$ lstmcast (.+)$", page, re.MULTILINE)
    assert len(commands) >= 4
    for command in commands:
        outcome = cli(*command.split())
        assert outcome.code == 0, f"{command}\n{outcome.err}"


def test_pages_name_existing_files_only():
    for page in (TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_pictures_of_the_readme_are_those_that_the_script_makes():
    script = runpy.run_path(str(TOP / "docs" / "make_pictures.py"))
    made = set(script["PICTURES"])
    shown = re.findall(r"!\[([^\]]*)\]\(docs/pictures/([^)]+)\)", README)
    assert made == {name for _, name in shown} == {p.name for p in script["FOLDER"].iterdir()}
    assert all(len(words) > 60 for words, _ in shown)  # for those who do not see them
    assert all(path.stat().st_size < 150_000 for path in script["FOLDER"].iterdir())
    for picture in script["PICTURES"].values():
        assert f"configs/{picture.config}.yaml" in README


def test_the_index_of_docs_names_every_page():
    index = (TOP / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in (TOP / "docs").glob("*.md")} - {"README.md"}
    assert pages == set(re.findall(r"\]\(([^)]+)\)", index))


def test_the_example_config_of_the_readme_is_valid(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "c.yaml").write_text(text)
    assert load_config(tmp_path / "c.yaml").data.future == ["promo", "price"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_headed_with_command_time_and_score(path):
    text = header(path)
    assert text.startswith(f"lstmcast train configs/{path.name} ")
    assert re.search(r"about \d+ (seconds|minutes?) on two cores", text)
    assert re.search(r"[Tt]est mae", text) and "baseline" in text
    assert f"`{path.stem}`" in README


@pytest.mark.parametrize("key", ["cell", "decoder"])
def test_every_cell_and_decoder_has_a_config(key):
    (choices,) = (field.type for field in fields() if field.name == f"network.{key}")
    shown = {getattr(load_config(path).network, key) for path in CONFIGS}
    assert shown == set(choices.removeprefix("one of ").split(", "))


def test_the_list_of_configs_fits_in_80_columns(cli):
    lines = cli("configs").out.splitlines()
    assert len(lines) == len(CONFIGS)
    assert max(len(line) for line in lines) <= 80


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
    scores = json.loads(Path("r/metrics.json").read_text())["test"]
    said = re.findall(r"(seasonal naive|naive|linear),? \(?([\d.]+)", header(path))
    assert len(said) == 3
    for baseline, number in said:
        score = scores[baseline.replace(" ", "_")]["mae"]
        assert score == pytest.approx(float(number), rel=0.005), baseline
    assert cli("predict", "r", "-o", "f.csv").code == 0
    assert Path("f.csv").read_text() == Path("r/forecast.csv").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_reach_the_score_in_their_header(path, tmp_path):
    import lstmcast

    said = re.search(r"[Tt]est mae ([\d.]+)", header(path))
    scores = lstmcast.train(path, run=tmp_path / "run").metrics["test"]
    mae = {name: score["mae"] for name, score in scores.items()}
    network = mae.pop("lstmcast")
    assert network == pytest.approx(float(said[1]), rel=0.1)
    assert network < min(mae["naive"], mae["seasonal_naive"])
    assert (network < min(mae.values())) == ("does not beat" not in header(path))

"""Docs say only what is true: references are generated, and every command in them runs."""

import json
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lstmcast.config import fields, load_config

TOP = Path(__file__).parents[2]
DOCS = TOP / "docs"
README = (TOP / "README.md").read_text(encoding="utf-8")
PAGES = runpy.run_path(str(DOCS / "make_reference.py"))["PAGES"]
CONFIGS = sorted((TOP / "configs").glob("*.yaml"))


def header(path):
    """The comments at the head of a config, as one line."""
    lines = path.read_text(encoding="utf-8").partition("\ndata:")[0].splitlines()
    return " ".join(line.removeprefix("# ") for line in lines)


@pytest.mark.parametrize("name", PAGES)
def test_reference_pages_are_what_the_code_says(name):
    page = (DOCS / name).read_text(encoding="utf-8")
    assert page == PAGES[name](), "run: python docs/make_reference.py"


NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e-?\d+)?")


def test_the_walk_through_an_lstm_is_what_its_commands_print():
    """Words and layout to the letter, numbers up to the rounding of another processor."""
    page = (DOCS / "inside-an-lstm.md").read_text(encoding="utf-8")
    again = runpy.run_path(str(DOCS / "fill_outputs.py"))["filled"](page)
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


PAGES_WITH_COMMANDS = {
    "README.md": 12,
    "docs/quick-start.md": 7,
    "docs/configs.md": 8,
    "docs/panels.md": 5,
    "docs/covariates.md": 7,
    "docs/backtests.md": 4,
    "docs/scale.md": 4,
    "docs/report.md": 4,
}
"""Page -> its `$ lstmcast` commands, which run in order in a clone's folder."""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """The current folder, with the clone's data and configs."""
    for name in ("data", "configs"):
        shutil.copytree(TOP / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands_of(page):
    return re.findall(r"^\$ lstmcast (.+)$", page, re.MULTILINE)


def shortened(command):
    """A training of a shipped config, which a page shows whole, with a few steps."""
    whole = command.startswith("train configs/")
    return [*command.split(), *(["-s", "training.max_steps=5"] if whole else [])]


@pytest.mark.parametrize("name", PAGES_WITH_COMMANDS)
def test_every_command_of_a_page_runs(name, cli, clone):
    commands = commands_of((TOP / name).read_text(encoding="utf-8"))
    assert len(commands) == PAGES_WITH_COMMANDS[name]
    for command in commands:
        outcome = cli(*shortened(command))
        assert outcome.code == 0, f"{command}\n{outcome.err}"


def test_no_other_page_has_commands_that_no_test_runs():
    pages = [*DOCS.glob("*.md"), TOP / "README.md"]
    found = {str(p.relative_to(TOP)) for p in pages if commands_of(p.read_text(encoding="utf-8"))}
    assert found == {*PAGES_WITH_COMMANDS, "docs/inside-an-lstm.md"}


def test_the_readme_shows_the_scores_that_its_first_command_prints(cli, clone):
    """Baselines to the digit (they do not depend on the training), the rest in words."""
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    printed = cli(*shortened(commands_of(README)[0])).out
    lines = {line.rstrip() for line in printed.splitlines()}
    for line in shown.splitlines():
        if not re.match(r"lstmcast  |The network|lower", line):
            assert line in lines, line


def test_the_proposal_on_the_page_of_configs_is_what_init_prints(cli, clone):
    page = (DOCS / "configs.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    assert shown == cli("init", "data/co2_weekly.csv").out


def test_the_python_examples_run(clone):
    page = (DOCS / "python.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    checked = "assert len(frame) == 52 and len(sums) == 20"
    (clone / "examples.py").write_text("\n".join([*examples, checked]))
    done = subprocess.run([sys.executable, "examples.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_python_page_names_every_function():
    import lstmcast

    page = (DOCS / "python.md").read_text(encoding="utf-8")
    functions = [name for name in lstmcast.__all__ if name != "Run"]
    assert set(re.findall(r"^\| `(\w+)\(", page, re.MULTILINE)) == set(functions)


def test_the_page_of_metrics_explains_every_score():
    from lstmcast.judging import metrics

    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    scores = {*metrics.names, *metrics.interval_names([80]), "skill", "skill_naive"}
    assert scores <= explained


def test_the_readme_is_short_and_counts_the_findings():
    codes = re.findall(r"^## LC", (DOCS / "findings.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(README.split()) <= 1500
    assert f"{len(codes)} kinds of findings" in README


def headings(page):
    """Anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def test_pages_link_to_existing_files_and_headings_only():
    pages = (TOP / "README.md", *DOCS.glob("*.md"), *(TOP / "benchmarks").glob("*.md"))
    for page in pages:
        links = re.findall(r"\]\(([^)#:]+)(?:#([^)]+))?\)", page.read_text(encoding="utf-8"))
        for target, heading in links:
            named = page.parent / target
            assert named.exists(), f"{page.name}: {target}"
            assert not heading or heading in headings(named), f"{page.name}: {target}#{heading}"


def test_the_pictures_on_pages_are_those_that_the_script_makes():
    script = runpy.run_path(str(DOCS / "make_pictures.py"))
    report = (DOCS / "report.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[([^\]]*)\]\((?:docs/)?pictures/([^)]+)\)", README + report)
    made = set(script["PICTURES"])
    assert made == {name for _, name in shown} == {p.name for p in script["FOLDER"].iterdir()}
    assert all(len(words) > 60 for words, _ in shown)  # for those who do not see them
    assert all(path.stat().st_size < 200_000 for path in script["FOLDER"].iterdir())
    for picture in script["PICTURES"].values():
        assert f"configs/{picture.config}.yaml" in README + report


def test_the_index_of_docs_names_every_page():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in DOCS.glob("*.md")} - {"README.md"}
    assert pages == set(re.findall(r"\]\((\w[^)]+)\)", index))


def test_the_example_config_on_the_page_of_configs_is_valid(tmp_path):
    page = (DOCS / "configs.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "c.yaml").write_text(text)
    assert load_config(tmp_path / "c.yaml").data.future == ["promo", "price"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_headed_with_command_time_and_score(path):
    text = header(path)
    assert text.startswith(f"lstmcast train configs/{path.name} ")
    assert re.search(r"about \d+ (seconds|minutes?) on two cores", text)
    assert re.search(r"[Tt]est mae", text) and "baseline" in text
    assert f"| `{path.stem}` |" in (DOCS / "configs.md").read_text(encoding="utf-8")


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

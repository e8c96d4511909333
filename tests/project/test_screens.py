"""What every command shows at 80 columns is what tests/screens/*.txt says; and the live view."""

import io
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from lstmcast.cli.main import COMMANDS
from lstmcast.terminal.bars import TrainingView, clock_words, sparkline

SCREENS = Path(__file__).parents[1] / "screens"
MAKE = runpy.run_path(str(SCREENS / "make.py"))
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e[-+]?\d+)?")
AS_WIDE_AS_ITS_NUMBERS = {"train-piped"}
"""Off a terminal a sentence stays one line."""


@pytest.fixture(scope="module")
def screens():
    return MAKE["all_screens"]()


def test_every_command_has_a_screen():
    shown = {arguments.split()[0] for arguments in MAKE["COMMANDS"].values()}
    assert {command.__name__ for _, command, *_ in COMMANDS} <= shown
    assert {path.stem for path in SCREENS.glob("*.txt")} == set(MAKE["COMMANDS"])


@pytest.mark.parametrize("name", MAKE["COMMANDS"])
def test_a_command_shows_what_its_screen_says(name, screens):
    """To the letter; a line with numbers, up to the rounding of another processor."""
    stored = (SCREENS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    shown = screens[name].splitlines()
    assert len(shown) == len(stored), "look at both, then run: python tests/screens/make.py"
    for said, printed in zip(stored, shown, strict=True):
        if said == printed:
            continue
        words = [NUMBER.sub("#", line).split() for line in (said, printed)]
        assert words[0] == words[1], "look at both, then run: python tests/screens/make.py"
        if re.search(r"e-\d\d$", said):  # differences: float32 dust, on every processor
            continue
        numbers = [[float(n.replace(",", "")) for n in NUMBER.findall(x)] for x in (said, printed)]
        assert numbers[0] == pytest.approx(numbers[1], rel=1e-2, abs=2e-3), said


@pytest.mark.parametrize("path", sorted(SCREENS.glob("*.txt")), ids=lambda path: path.stem)
def test_a_screen_fits_80_columns(path):
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    wide = [line for line in lines if len(line) > 80]
    assert not wide or path.stem in AS_WIDE_AS_ITS_NUMBERS


def epoch(number, train, validation, best):
    return SimpleNamespace(
        epoch=number, train_loss=train, validation_loss=validation, best=best, judged=validation
    )


def drawn(view):
    console = Console(file=io.StringIO(), width=80, force_terminal=False)
    console.print(view.drawn())
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_live_view_shows_losses_the_best_epoch_speed_and_time_left():
    now = 100.0
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    view = TrainingView(console, 10, lambda: now)
    assert drawn(view) == ["starting"]
    losses = [(0.9, 1.0), (0.5, 0.6), (0.4, 0.8)]
    view.move(SimpleNamespace(epoch=1, step=1, steps=10, windows_per_second=50, finished=None))
    for number, (train, validation) in enumerate(losses, start=1):
        now += 10
        view.move(
            SimpleNamespace(
                epoch=number, step=10, steps=10, windows_per_second=1234.5,
                finished=epoch(number, train, validation, number < 3),
            )
        )  # fmt: skip
    assert view.seconds_left() == pytest.approx(30 / 3 * 7)
    assert drawn(view) == [
        "epoch 3/10          ██████▁▁▁▁▁▁▁▁▁▁▁▁▁▁  1,234 windows/s, at most 1:10 left",
        "train       0.4000  █▂▁",
        "validation  0.8000  █▁▅                   best 0.6000 in epoch 2",
    ]


def test_the_time_left_of_a_resumed_training_counts_from_where_it_went_on():
    now = 0.0
    view = TrainingView(Console(file=io.StringIO()), 10, lambda: now)
    view.move(SimpleNamespace(epoch=9, step=1, steps=10, windows_per_second=9, finished=None))
    now = 5.0
    view.move(SimpleNamespace(epoch=9, step=5, steps=10, windows_per_second=9, finished=None))
    assert view.seconds_left() == pytest.approx(5 / 0.5 * 1.5)


def test_a_sparkline_spans_the_lowest_and_highest_of_its_last_values():
    assert sparkline([9.0] * 40 + [1.0, 5.0, 9.0], "abc")[-4:] == "cabc"
    assert sparkline([1.0, 2.0, 3.0], "abc") == "abc"
    assert sparkline([2.0, 2.0]) == "▁▁" and sparkline([]) == ""
    assert len(sparkline(list(range(100)))) == 32


def test_seconds_are_said_as_a_clock_shows_them():
    assert [clock_words(s) for s in (0.4, 65, 3723)] == ["0:00", "1:05", "1:02:03"]


@pytest.mark.parametrize("name", ["train-quiet"])
def test_quiet_prints_nothing(name, screens):
    assert screens[name].splitlines()[1:] == []

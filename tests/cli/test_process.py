"""The command as a process: how it ends."""

import json
import os
import subprocess
import sys

import pytest
from support.daily import TINY, daily_text

import lstmcast

BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def ended(program, *arguments):
    """A command line in a process in which a program has run before: its exit code and output."""
    said = f"import sys\n{program}\nfrom lstmcast.__main__ import command\n"
    code = f"{said}sys.argv = {['lstmcast', *arguments]!r}\ncommand()"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=BUFFERED)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["configs"], 0), (["configs", "no-such-config"], 2), (["train", "--nonsense"], 2)],
)
def test_what_was_registered_for_the_end_is_done_and_the_code_stays(arguments, code):
    register = "import atexit; atexit.register(print, 'the end', end='')"
    found, said = ended(register, *arguments)
    assert (found, said[-7:]) == (code, "the end")


KEEPSAKE = """
class Keepsake:
    def __del__(self): print("taken apart", flush=True)
keepsake = Keepsake()
keepsake.itself = keepsake
"""


def test_nothing_is_taken_apart():
    code, said = ended(KEEPSAKE, "configs")
    assert code == 0
    assert "co2" in said
    assert "taken apart" not in said


def test_threads_that_still_work_are_waited_for():
    thread = """
import threading
def work():
    threading.main_thread().join()
    print("worked", flush=True)
threading.Thread(target=work).start()
"""
    code, said = ended(thread, "configs")
    assert code == 0
    assert said.endswith("worked\n")


@pytest.mark.parametrize("closed", ["1>&-", "2>&-", "1>&- 2>&-"])
@pytest.mark.parametrize(("arguments", "code"), [("configs", 0), ("configs no-such-config", 2)])
def test_streams_may_be_closed_before_the_command_begins(closed, arguments, code):
    line = f"{sys.executable} -m lstmcast {arguments} {closed}"
    done = subprocess.run(line, shell=True, capture_output=True, text=True, env=BUFFERED)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_output_that_comes_too_late_to_be_written_is_a_fault():
    full = "import atexit, os; atexit.register(lambda: os.dup2(os.open('/dev/full', 1), 1))"
    code, _ = ended(f"{full}; atexit.register(print, 'more')", "configs")
    assert code == 120, "as Python says it"


def test_a_profiler_has_its_say_behind_the_command(tmp_path):
    profile = tmp_path / "profile"
    command = [sys.executable, "-m", "cProfile", "-o", profile, "-m", "lstmcast", "configs"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, profile.is_file()) == (0, True)


NOT_INSTALLED = """
import importlib.metadata
def unknown(name): raise importlib.metadata.PackageNotFoundError(name)
importlib.metadata.version = importlib.metadata.distribution = unknown
"""


def test_a_checkout_that_is_not_installed_trains_and_knows_its_version(tmp_path):
    table, run = tmp_path / "daily.csv", tmp_path / "run"
    table.write_text(daily_text(), encoding="utf-8")
    assert ended(NOT_INSTALLED, "train", str(table), "--run", str(run), *TINY)[0] == 0
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["lstmcast"] == lstmcast.__version__
    assert ended(NOT_INSTALLED, "--version") == (0, f"lstmcast {lstmcast.__version__}\n")

"""The command as a process: how it ends."""

import subprocess
import sys

import pytest


def ended(program, *arguments):
    """A command line in a process in which a program has run before: its exit code and output."""
    said = f"import sys\n{program}\nfrom lstmcast.__main__ import command\n"
    code = f"{said}sys.argv = {['lstmcast', *arguments]!r}\ncommand()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
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
import threading, time
def work():
    time.sleep(1)
    print("worked", flush=True)
threading.Thread(target=work).start()
"""
    code, said = ended(thread, "configs")
    assert code == 0
    assert said.endswith("worked\n")

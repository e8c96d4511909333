"""Python code in a process of its own: what it prints, and which modules it loads."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def run_python(code: str) -> str:
    """What some code prints in a process of its own."""
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def modules_loaded_by(code):
    """Names of the modules in a fresh interpreter after running some code."""
    printed = run_python(f"import sys\n{code}\nprint(*sys.modules)")
    return {name.split(".")[0] for name in printed.splitlines()[-1].split()}

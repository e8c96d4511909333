"""Damaged versions of every file of a run folder: a result, or one message and the right exit code.

The model file itself has 200 versions of its own in test_model_file.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.daily import TINY, daily_text

import lstmcast

READ_ALL = """
import json, resource, signal, sys
from pathlib import Path
import torch
from lstmcast.errors import LstmcastError
from lstmcast.workflows.compare import compare
from lstmcast.workflows.predict import predict
from lstmcast.reporting.page_files import write_report
from lstmcast.pipeline.progress import ProgressListener

CPU = torch.device("cpu")
READERS = {
    "predict": lambda run: predict(run, None, None, None, CPU, ProgressListener()),
    "compare": lambda run: compare([run], "mae"),
    "report": write_report,
}
whole, run, versions = (Path(argument) for argument in sys.argv[1:])
for reader in READERS.values():
    reader(whole)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
answers = {}
for version in sorted(versions.iterdir()):
    told = json.loads((version / "told.json").read_text())
    place = run / told["file"]
    kept = place.read_bytes()
    place.write_bytes((version / "bytes").read_bytes())
    for name in told["readers"]:
        signal.setitimer(signal.ITIMER_PROF, 5)  # a hang ends the process, on a busy machine too
        try:
            READERS[name](run)
            answer = "taken"
        except LstmcastError as error:
            answer = f"{error.exit_code} {error}"
        except BaseException as error:
            answer = f"CRASH {type(error).__name__} {str(error)[:200]}"
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers[f"{told['what']}: {name}"] = answer
    place.write_bytes(kept)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps({"answers": answers, "grown_kilobytes": grown}))
"""

READERS = {
    "config.yaml": ["predict", "compare", "report"],
    "manifest.json": ["compare", "report"],
    "metrics.json": ["compare", "report"],
    "findings.json": ["report"],
    "history.csv": ["report"],
    "backtest.csv": ["report"],
    "recent.csv": ["report"],
    "forecast.csv": ["report"],
}


def versions_of(data: bytes, other: bytes, random: np.random.Generator) -> dict[str, bytes]:
    """Damaged versions of one file."""
    found = {
        "empty": b"",
        "zeros": b"\0" * len(data),
        "pickle": b"\x80\x04\x95" + data[3:],
        "of another file": other,
        "twice": data * 2,
        "deep": b"[" * 200_000,
        "deep objects": b'{"test":' * 100_000,
        "one line": data.replace(b"\n", b" "),
        "not UTF-8": data.replace(b"e", b"\xff"),
    }
    for size in random.integers(1, len(data), 4):
        found[f"cut at {size}"] = data[:size]
    for bit in random.integers(0, 8 * len(data), 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << (bit % 8)
        found[f"bit {bit}"] = bytes(changed)
    lines = data.splitlines(keepends=True)
    found["a line less"] = b"".join(lines[:1] + lines[2:])
    found["backwards"] = b"".join(reversed(lines))
    return found


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    (tmp_path / "daily.csv").write_text(daily_text())
    settings = ["window.lookback=14", "window.horizon=3", *TINY[1::2]]
    return lstmcast.train(tmp_path / "daily.csv", set=settings, run=tmp_path / "whole").path


def read_versions(whole: Path, each: int | None) -> dict[str, str]:
    """What every reader answers to damaged versions, all within bounds of time and memory."""
    random, folder = np.random.default_rng(8), whole.parent / "versions"
    shutil.copytree(whole, whole.parent / "run")
    names, number = list(READERS), 0
    for place, (name, readers) in enumerate(READERS.items()):
        other = (whole / names[place - 1]).read_bytes()
        versions = list(versions_of((whole / name).read_bytes(), other, random).items())
        for what, data in (versions[k] for k in random.permutation(len(versions))[:each]):
            version = folder / f"{number:03d}"
            version.mkdir(parents=True)
            (version / "bytes").write_bytes(data)
            told = {"file": name, "readers": readers, "what": f"{name} {what}"}
            (version / "told.json").write_text(json.dumps(told))
            number += 1
    ended = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(whole), str(whole.parent / "run"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    result = json.loads(ended.stdout.splitlines()[-1])
    assert result["grown_kilobytes"] < 500_000
    return dict(result["answers"])


def is_right(what: str, answer: str) -> bool:
    """Taken, or refused with 5, or with 3 where the damage is in what names the data."""
    names_data = what.startswith("config.yaml") and answer.startswith("3 ")
    unscored = "the runs have no test scores" in answer  # as of a run without test rows
    right = answer == "taken" or answer.startswith("5 ") or names_data or unscored
    return right and len(answer) < 3000


def check(answers: dict[str, str]) -> None:
    wrong = {what: answer for what, answer in answers.items() if not is_right(what, answer)}
    assert not wrong, json.dumps(wrong, indent=1)
    assert any(answer == "taken" for answer in answers.values())
    assert sum(answer != "taken" for answer in answers.values()) > len(answers) / 4


def test_damaged_files_of_a_run_are_refused_or_do_not_matter(whole: Path) -> None:
    check(read_versions(whole, each=3))


@pytest.mark.slow
def test_200_damaged_versions_of_a_run_are_refused_or_do_not_matter(whole: Path) -> None:
    answers = read_versions(whole, each=None)
    assert len(answers) >= 200
    check(answers)

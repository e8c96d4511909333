"""One word for one thing, the field's word: a search for it finds the file that does the job."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

HERE = Path(__file__)
TOP = HERE.parents[2]
PACKAGE = TOP / "lstmcast"

TERMS = {
    "early stopping": "training/trainer.py",
    "exponential moving average": "training/weight_ema.py",
    "EMA": "training/weight_ema.py",
    "warm start": "pipeline/warm_start.py",
    "data leakage": "checking/leak_audit.py",
    "prediction interval": "forecasting/intervals.py",
    "coverage": "judging/metrics.py",
    "calibration": "forecasting/intervals.py",
    "conformal": "forecasting/conformal.py",
    "learning-rate schedule": "training/schedule.py",
    "gradient clipping": "training/optimizers.py",
    "teacher forcing": "network/decoder.py",
    "data loader": "windows/batches.py",
    "batches": "windows/batches.py",
    "ensemble": "pipeline/fit.py",
    "horizon": "windows/windows.py",
    "lookback": "windows/windows.py",
    "past covariate": "panel/panel.py",
    "future covariate": "panel/panel.py",
    "static covariate": "panel/panel.py",
    "embedding": "network/embedding.py",
    "baseline": "forecasting/baselines.py",
    "backtest": "workflows/backtest.py",
    "rolling origin": "backtesting/folds.py",
    "seasonality": "proposing/sizing.py",
    "frequency": "stamps/infer_frequency.py",
    "missing value": "panel/gaps.py",
    "DST": "checking/stamps.py",
    "daylight saving time": "checking/stamps.py",
    "dropped": "panel/build.py",
    "imputation": "panel/gaps.py",
    "outlier": "checking/values.py",
    "intermittent demand": "network/heads.py",
    "quantile": "network/distributions.py",
    "reproducibility": "pipeline/reproducibility.py",
    "checkpoint": "training/checkpoint.py",
    "resume": "training/checkpoint.py",
    "broadcast": "parallel.py",
    "all-reduce": "parallel.py",
    "rank": "parallel.py",
}
"""Every term of the field, and the file in which its job is done."""

OLD_NAMES = (
    "foretell", "taken_off", "tuned_process", "describe_beginning", "begin_from", "at_hand",
    "find_changes", "_spoilt", "Watcher", "work_done", "get_ready", "carry_out", "made_by_first",
    "left_alone", "yardsticks", "TrackRecord", "take_evidence", "borne_by", "best_borne",
    "WindowWalk", "lay_out", "Keeper", "Standing", "Ranged", "Asked", "Stretch", "Spooled",
    "Judgement", "worn", "Judge", "Evidence", "equalities", "errors_of", "judgements", "foretold",
)  # fmt: skip
"""Private words that the field's words have replaced."""

OLD_FILES = (
    "updates", "average", "standing", "machine", "begun", "begin_from", "at_hand", "noise",
    "sameness", "entry", "watcher", "walk", "yardsticks", "choice", "spread", "judgement", "judge",
    "chance", "equalities", "agreement", "recompute", "head_sum", "library", "compiled", "spacing",
    "lay", "story", "facts", "errors_of", "items", "one_bias",
)  # fmt: skip
"""Names of files that the field's words have replaced."""


def said_by(path):
    """Name of a file, names of its classes and functions, and its docstrings, as plain words."""
    said = [path.stem]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            said.append(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", node.name))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            said.append(ast.get_docstring(node) or "")
    return re.sub(r"[\s_-]+", " ", " | ".join(said))


def names_in(path):
    """Every name that the code of a file uses; of a page, every word set as code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return {
            name for code in re.findall(r"`([^`]+)`", text) for name in re.findall(r"\w+", code)
        }
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


@pytest.mark.parametrize("term", TERMS)
def test_a_search_for_a_term_finds_the_file_that_does_the_job(term):
    path = PACKAGE / TERMS[term]
    words = re.sub(r"[\s-]+", " ", term)
    case = 0 if words.isupper() else re.IGNORECASE
    assert re.search(rf"\b{words}s?\b", said_by(path), case), (
        f"lstmcast/{TERMS[term]} does not say '{term}': name it in a docstring, "
        "or name the file that does this job now in TERMS"
    )


def test_a_search_for_a_term_finds_a_test_of_it():
    said = " | ".join(said_by(path) for path in (TOP / "tests").rglob("test_*.py") if path != HERE)
    words = {term: re.sub(r"[\s-]+", " ", term) for term in (*TERMS, "daylight saving", "DST")}
    missing = [t for t, w in words.items() if not re.search(rf"\b{w}", said, re.IGNORECASE)]
    assert not missing, "name it in a test's name, or in the docstring of its module"


def test_no_file_uses_a_word_that_was_replaced():
    files = [p for top in ("lstmcast", "tests", "docs") for p in (TOP / top).rglob("*.py")]
    files += [TOP / "README.md", *(TOP / "docs").glob("*.md")]
    for path in files:
        found = names_in(path) & set(OLD_NAMES)
        assert not found, f"{path.relative_to(TOP)}: {found}"


def test_no_file_has_a_name_that_was_replaced():
    assert not {path.stem for path in PACKAGE.rglob("*.py")} & set(OLD_FILES)

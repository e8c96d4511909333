"""Every option of the schema has an effect that can be seen in what a run writes."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

import lstmcast
from lstmcast.config import fields
from lstmcast.errors import LstmcastError

BASE = {
    "data.time": "day",
    "data.target": "y",
    "data.series": "id",
    "window.lookback": "10",
    "window.horizon": "3",
    "network.units": "[4]",
    "training.max_epochs": "3",
    "training.batch_size": "32",
    "training.learning_rate": "0.01",
}
REPEATED = {"table": "repeated"}
FEEDING = {"network.decoder": "seq2seq"}
STEPPING = {"training.schedule": "step", "training.decay_every": "1"}
WORDS = {"data.past": "w", "data.categorical": "w"}

# Option: (what it is set to, what else must be set for it to matter).
CHANGES = {
    "data.path": ("other.csv", {}),
    "data.storage": ("disk", {}),
    "data.tables": ("elsewhere", {"data.storage": "disk"}),
    "data.layout": ("wide", {"data.series": "[]", "data.duplicates": "mean"}),
    "data.time": ("null", {}),
    "data.target": ("[y, z]", {}),
    "data.series": ("[]", {"data.duplicates": "mean"}),
    "data.past": ("z", {}),
    "data.future": ("f", {}),
    "data.static": ("s", {}),
    "data.categorical": ("w", {"data.past": "w"}),
    "data.vectors.w": ("words.txt", WORDS),
    "data.calendar": ("auto", {}),
    "data.holidays": ("US", {}),
    "data.lags": ("7", {}),
    "data.frequency": ("12h", {}),
    "data.season": ("3", {}),
    "data.time_format": ("month_first", {"table": "slashes"}),
    "data.gaps": ("zero", {}),
    "data.duplicates": ("last", {**REPEATED, "data.duplicates": "first"}),
    "data.start": ("2024-01-20", {}),
    "data.end": ("2024-03-20", {}),
    "split.validation": ("0.2", {}),
    "split.test": ("2024-03-20", {}),
    "window.lookback": ("12", {}),
    "window.horizon": ("4", {}),
    "window.stride": ("2", {}),
    "window.judge_stride": ("2", {}),
    "window.pad": ("true", {}),
    "scale.method": ("robust", {}),
    "scale.per": ("all", {}),
    "scale.transform": ("log1p", {}),
    "network.preset": ("plain", {}),
    "network.cell": ("gru", {}),
    "network.units": ("[4, 3]", {}),
    "network.bidirectional": ("true", {}),
    "network.projection": ("2", {}),
    "network.bias": ("false", {}),
    "network.dropout": ("0.5", {}),
    "network.initial_state": ("random", {}),
    "network.activation": ("relu", {}),
    "network.recurrent_activation": ("hard_sigmoid", {}),
    "network.embed_series": ("true", {}),
    "network.embedding": ("5", {"network.embed_series": "true"}),
    "network.train_vectors": ("true", {**WORDS, "data.vectors.w": "words.txt"}),
    "network.normalize": ("standard", {}),
    "network.channels": ("independent", {"data.target": "[y, z]"}),
    "network.segment": ("2", {}),
    "network.skip": ("none", {}),
    "network.readout": ("state", {}),
    "network.decoder": ("recursive", {}),
    "network.teacher_forcing": ("1.0", FEEDING),
    "network.head": ("student_t", {}),
    "training.loss": ("mse", {}),
    "training.optimizer": ("sgd", {}),
    "training.learning_rate": ("0.02", {}),
    "training.weight_decay": ("0.5", {}),
    "training.schedule": ("constant", {}),
    "training.warmup_steps": ("5", {}),
    "training.decay": ("0.1", STEPPING),
    "training.decay_every": ("2", STEPPING),
    "training.decay_after": ("3", STEPPING),
    "training.average": ("0.5", {}),
    "training.sample": ("series", {}),
    "training.batch_size": ("16", {}),
    "training.max_epochs": ("2", {}),
    "training.max_steps": ("2", {}),
    "training.max_minutes": ("1e-9", {}),
    "training.patience": ("1", {"training.learning_rate": "3", "training.max_epochs": "30"}),
    "training.precision": ("bf16", {}),
    "training.clip_norm": ("0.01", {"training.optimizer": "sgd"}),
    "training.init_from": ("other_run", {}),
    "training.refit": ("all", {}),
    "training.memory_limit": ("100GB", {}),
    "training.checkpoint_every": ("0", {}),
    "training.seed": ("1", {}),
    "training.members": ("2", {}),
    "training.combine": ("mean", {"training.members": "3"}),
    "forecast.levels": ("[50]", {}),
    "forecast.minimum": ("60", {}),
    "forecast.fallback": ("true", {}),
    "forecast.adaptive": ("true", {}),
}
DECIDES_NO_NUMBER = {
    "data.storage",
    "data.tables",
    "training.checkpoint_every",
    "training.memory_limit",
    "forecast.adaptive",
}
"""What they do instead, test_stream, test_resume and test_adaptive see."""
REFUSED = {"data.time_format"}
"""Its stamps can be read two ways, which `auto` refuses."""


def rows(seed):
    """Two series of 90 days with three empty days, a second target and covariates."""
    rng = np.random.default_rng(seed)
    parts = []
    for k, name in enumerate("ab"):
        n = np.arange(95)
        part = pd.DataFrame({"id": name, "day": pd.date_range("2024-01-01", periods=95)})
        part["y"] = 50 + 20 * k + 10 * np.sin(n * 2 * np.pi / 7) + rng.normal(0, 2, 95)
        part["z"], part["f"], part["s"] = rng.normal(0, 1, 95), n % 2, k
        part["w"] = n % 3
        part.loc[20:22, "y"] = np.nan
        part.loc[90:, ["y", "z"]] = np.nan
        parts.append(part)
    return pd.concat(parts).round({"y": 3, "z": 3})


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("options")
    table = rows(0)
    table.to_csv(folder / "usual.csv", index=False)
    rows(1).to_csv(folder / "other.csv", index=False)
    (folder / "words.txt").write_text("0 0.5 -1\n1 0 2\n2 1 1\n")
    again = pd.concat([table, table[40:42].assign(y=99.0)])
    again.to_csv(folder / "repeated.csv", index=False)
    # The first twelve of a month can be read either way.
    days = pd.date_range("2024-01-01", periods=12, freq="MS")
    both = pd.DataFrame({"id": "a", "day": days.strftime("%m/%d/%Y"), "y": np.arange(12.0) % 5})
    both.to_csv(folder / "slashes.csv", index=False)
    overrides = [f"{key}={value}" for key, value in BASE.items()]
    lstmcast.train(folder / "usual.csv", set=overrides, run=folder / "other_run", device="cpu")
    return folder


def outcome(tables, folder, settings):
    """A digest of what a run writes, or the message with which it is refused."""
    table = settings.pop("table", "usual")
    settings = {"data.path": f"{table}.csv", **settings}
    for key in {"data.path", "data.vectors.w", "training.init_from"} & settings.keys():
        settings[key] = str(tables / settings[key])
    overrides = [f"{key}={value}" for key, value in settings.items()]
    try:
        run = lstmcast.train(settings["data.path"], set=overrides, run=folder, device="cpu")
    except LstmcastError as error:
        return str(error)
    metrics = json.dumps(run.metrics, sort_keys=True)
    forecast = (run.path / "forecast.csv").read_bytes()
    return hashlib.sha256(metrics.encode() + forecast).hexdigest()


def test_every_option_of_the_schema_is_listed_here():
    assert {name.removesuffix(".w") for name in CHANGES} == {field.name for field in fields()}


@pytest.mark.parametrize("option", sorted(CHANGES))
def test_option_changes_what_a_run_writes(option, tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # tables on disk go below it, whatever names their folder
    value, context = CHANGES[option]
    before = outcome(tables, tmp_path / "before", {**BASE, **context})
    after = outcome(tables, tmp_path / "after", {**BASE, **context, option: value})
    assert (before == after) == (option in DECIDES_NO_NUMBER)
    refused = [text for text in (before, after) if len(text) != 64]
    assert bool(refused) == (option in REFUSED), refused

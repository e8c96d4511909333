"""Warm start: training begins with the weights of another run."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from support.interruption import Killed, die_after_saves

import lstmcast
from lstmcast.errors import ConfigError, RunError

SETTINGS = [
    "data.series=shop",
    "data.time=day",
    "data.target=y",
    "network.embed_series=true",
    "network.units=4",
    "network.skip=none",  # so that there is much to learn
    "window.lookback=7",
    "window.horizon=2",
    "training.max_epochs=2",
]


def table(names, days=60, seed=0):
    random = np.random.default_rng(seed)
    parts = [
        pd.DataFrame(
            {
                "shop": name,
                "day": pd.date_range("2024-01-01", periods=days),
                "y": 10 + random.normal(0, 1, days) + 3 * np.sin(np.arange(days) * 2 * np.pi / 7),
            }
        )
        for name in names
    ]
    return pd.concat(parts)


@pytest.fixture
def first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table("abc").to_csv("old.csv", index=False)
    table("cad", seed=1).to_csv("new.csv", index=False)
    lstmcast.train("old.csv", set=SETTINGS, run="old")
    return tmp_path / "old"


def weights(run):
    return load_file(f"{run}/model.safetensors")


def test_weights_that_never_move_are_those_of_the_other_run_by_word(first, cli):
    still = ["-s", "training.learning_rate=1e-30", "-s", "window.horizon=3"]
    flags = [part for setting in SETTINGS[:-3] for part in ("-s", setting)]
    flags += ["-s", "window.lookback=7", "-s", "training.max_epochs=1", *still]
    outcome = cli("train", "new.csv", *flags, "--init-from", "old", "--run", "new")
    assert outcome.code == 0, outcome.err
    old, new = weights("old"), weights("new")
    for name, value in old.items():
        if name.startswith("encoder."):
            np.testing.assert_array_equal(new[name], value)
    # The words are sorted: a b c, and a c d; d is new.
    known = "embedder.tables.0.known"
    np.testing.assert_array_equal(new[known][:2], old[known][[0, 2]])
    assert not (new[known][2] == old[known]).all(axis=1).any()
    assert new["decoder.linear.weight"].shape != old["decoder.linear.weight"].shape
    config = (first.parent / "new" / "config.yaml").read_text()
    assert f"init_from: {first}" in config
    described = (first.parent / "new" / "model.safetensors").read_bytes()
    assert str(first).encode() not in described  # a model file contains no path


def test_training_goes_on_from_there_and_ends_elsewhere_than_from_random_weights(first):
    lstmcast.train("old.csv", set=[*SETTINGS, "training.init_from=old"], run="more")
    losses = [pd.read_csv(f"{run}/history.csv")["train_loss"][0] for run in ("old", "more")]
    assert losses[1] < losses[0]
    assert json.loads((first.parent / "more" / "metrics.json").read_text())["test"]


def test_other_layers_and_a_missing_run_are_refused(first):
    with pytest.raises(ConfigError, match=r"training.init_from: the recurrent layers of .* differ"):
        lstmcast.train(
            "old.csv", set=[*SETTINGS, "network.units=5", "training.init_from=old"], run="other"
        )
    with pytest.raises(RunError, match="gone"):
        lstmcast.train("old.csv", set=[*SETTINGS, "training.init_from=gone"], run="other")
    assert not (first.parent / "other").exists()


def test_an_interrupted_training_knows_what_it_began_with(first, cli, monkeypatch):
    settings = [*SETTINGS, "training.init_from=old", "training.checkpoint_every=0"]
    lstmcast.train("old.csv", set=settings, run="whole")
    with monkeypatch.context() as patch:
        die_after_saves(patch, 1)
        with pytest.raises(Killed):
            lstmcast.train("old.csv", set=settings, run="broken")
    kept = (first / "model.safetensors").read_bytes()
    lstmcast.train("new.csv", set=[*SETTINGS, "training.seed=5"], run="others")
    shutil.copy("others/model.safetensors", first / "model.safetensors")
    outcome = cli("train", "--resume", "broken")
    assert outcome.code == 5 and "training.init_from has changed" in outcome.err
    (first / "model.safetensors").write_bytes(kept)
    assert cli("train", "--resume", "broken").code == 0
    for name, value in weights("whole").items():
        np.testing.assert_array_equal(weights("broken")[name], value)

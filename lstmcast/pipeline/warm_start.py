"""Warm start (`training.init_from`): a network begins with the weights of another run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from lstmcast.errors import ConfigError
from lstmcast.forecasting.model_file.model import Model, load_model
from lstmcast.network.forecaster import Forecaster
from lstmcast.panel.categories import Vocabulary
from lstmcast.runs.folder import RunFolder

CPU = torch.device("cpu")


def model_path(source: str) -> Path:
    """The model file that a run folder holds, or that is named itself."""
    path = Path(source)
    return RunFolder(path).model if path.is_dir() else path


def fingerprint(source: str | None) -> str | None:
    """Checksum of the weights that a network begins with; None where there are none."""
    if source is None:
        return None
    path = model_path(source)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def load_initial_weights(
    network: Forecaster, vocabulary: Vocabulary, source: str, number: int = 0
) -> None:
    """Give a new network the weights of another run, in place.

    The recurrent layers must be the same. What else differs in shape, as the head of another
    horizon does, stays as it is. Categories keep their vectors by word; new words begin afresh.

    Args:
        network: Untrained.
        vocabulary: Its categories.
        source: A run folder or model file.
        number: Of the member, counted from 0; a run of fewer members gives them again.

    Raises:
        ConfigError: Its recurrent layers are others.
        RunError: The run is missing or damaged.
    """
    model = load_model(model_path(source), CPU)
    given = model.members[number % len(model.members)].state_dict()
    own = network.state_dict()
    for name, value in own.items():
        other = given.get(name)
        if name.startswith("encoder.") and (other is None or other.shape != value.shape):
            there = "missing" if other is None else f"of shape {tuple(other.shape)}"
            raise ConfigError(
                f"training.init_from: the recurrent layers of {source} are others: {name} is "
                f"{there} there, and of shape {tuple(value.shape)} here. Take network and columns "
                "from its config.yaml, or leave init_from out"
            )
    tables = {f"embedder.tables.{k}.known" for k in range(len(network.embedder.tables))}
    same = {
        name: other
        for name, other in given.items()
        if name in own and name not in tables and other.shape == own[name].shape
    }
    network.load_state_dict(same, strict=False)
    _keep_vectors(network, vocabulary, model, given)


@torch.no_grad()
def _keep_vectors(
    network: Forecaster, vocabulary: Vocabulary, model: Model, given: dict[str, torch.Tensor]
) -> None:
    """Give every category that the other run knows its vector."""
    theirs = {category.column: k for k, category in enumerate(model.sizes.categories)}
    own = network.state_dict()
    for k, category in enumerate(network.sizes.categories):
        if category.column not in theirs or category.fixed:
            continue
        vectors = given[f"embedder.tables.{theirs[category.column]}.known"]
        mine = own[f"embedder.tables.{k}.known"]
        if vectors.shape[1] != mine.shape[1]:
            continue
        places = {word: row for row, word in enumerate(model.vocabulary.words[category.column])}
        for row, word in enumerate(vocabulary.words[category.column]):
            if word in places:
                mine[row] = vectors[places[word]]

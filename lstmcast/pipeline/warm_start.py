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
    """The model file in a run folder, or the named model file."""
    path = Path(source)
    return RunFolder(path).model if path.is_dir() else path


def fingerprint(source: str | None) -> str | None:
    """Checksum of the weights of a warm start; None without one."""
    if source is None:
        return None
    path = model_path(source)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def load_initial_weights(
    network: Forecaster, vocabulary: Vocabulary, source: str, number: int = 0
) -> None:
    """Load the weights of another run into a new network, in place.

    The recurrent layers must have equal shapes. Other weights with a different shape, such as the
    head for another horizon, keep their random values. So do the embeddings of new categories.

    Args:
        network: Untrained.
        vocabulary: Its categories.
        source: A run folder or model file.
        number: Of the member, counted from 0; if the run has fewer members, they repeat.

    Raises:
        ConfigError: The recurrent layers differ.
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
                f"training.init_from: the recurrent layers of {source} differ: {name} is "
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
    """Copy the embedding of every category that the other run knows."""
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

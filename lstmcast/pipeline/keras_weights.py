"""Weights in the one-bias convention of Keras: read from a run, written into a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from lstmcast.errors import ConfigError, RunError
from lstmcast.forecasting.model_file.model import Model, load_model
from lstmcast.network.keras_weights import KerasWeights, from_keras, to_keras
from lstmcast.network.recurrent import RecurrentLayer
from lstmcast.runs.folder import RunFolder


def read_keras_weights(run: Path) -> KerasWeights:
    """The weights of the only (encoder) layer of a run, a folder or a `model.safetensors` alone.

    Raises:
        ConfigError: The network has more than one layer or direction, or a projection.
        RunError: The run is missing or damaged.
    """
    return to_keras(only_layer(_open(run)))


def write_keras_weights(run: Path, weights: KerasWeights, out: Path) -> None:
    """Copy the model of a run, with other weights in its (encoder's) recurrent layer.

    Args:
        run: A run folder, or a `model.safetensors` alone; it does not change.
        weights: For the layer; all other weights stay.
        out: The new file, `.safetensors`; it must not exist.

    Raises:
        ConfigError: The weights do not fit the layer, or are not numbers; the network has more
            than one layer or direction, or a projection; `out` is no `.safetensors`.
        RunError: The run is missing or damaged; `out` exists or cannot be written.
    """
    if out.suffix != ".safetensors":
        raise ConfigError(f"{out}: a model is a .safetensors file; name one that does not exist")
    if out.exists():
        raise RunError(f"{out} exists; nothing in it was changed. Name another file")
    model = _open(run)
    from_keras(only_layer(model), KerasWeights(*map(_numbers, weights._fields, weights)))
    model.save(out)


def only_layer(model: Model) -> RecurrentLayer:
    """The recurrent layer of a network with a single one.

    Raises:
        ConfigError: The network has several layers, or the model several members.
    """
    if len(model.members) > 1:
        raise ConfigError(
            f"one-bias weights need a single network, but this run has {len(model.members)} "
            "members; train with training.members: 1"
        )
    layers = model.network.encoder.layers()
    if len(layers) > 1:
        raise ConfigError(
            f"one-bias weights need a single layer, but this network has {len(layers)}; "
            "give network.units one width"
        )
    return layers[0]


def _numbers(name: str, values: object) -> Any:
    """Numbers of a caller as an array; None stays None."""
    if values is None:
        return None
    try:
        array = np.asarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"one-bias weights: {name} is not an array of numbers") from error
    if not np.isfinite(array).all():
        raise ConfigError(f"one-bias weights: {name} has values that are not finite numbers")
    return array


def _open(run: Path) -> Model:
    return load_model(RunFolder(run).model if run.is_dir() else run, torch.device("cpu"))

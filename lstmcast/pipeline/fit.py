"""A prepared table becomes a trained model: one network, or an ensemble of members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from lstmcast.config import Config
from lstmcast.errors import Diverged, counted
from lstmcast.forecasting.model_file.model import Model
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.sizes import Sizes
from lstmcast.pipeline.evaluate import SIMPLE
from lstmcast.pipeline.linear_start import fit_linear_start
from lstmcast.pipeline.network import new_network, sizes_of
from lstmcast.pipeline.prepare import prepare_all_rows
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.training.checkpoint import Checkpoints
from lstmcast.training.trainer import Fit, fit_network
from lstmcast.windows.batches import Batches, WindowTable


def fit_model(
    prepared: Prepared,
    first: Forecaster,
    checkpoints: Checkpoints | None,
    listener: ProgressListener,
    epochs: Sequence[int] = (),
    before: Model | None = None,
    penalty: float | None = None,
) -> tuple[Model, list[Fit]]:
    """Train all members on the train windows, each with early stopping on the validation windows.

    Member k equals, bit for bit, a single network with the random seed `training.seed` + k: it is
    built only when its training starts, so it does not depend on earlier members.

    Args:
        prepared: The table.
        first: The first member, untrained, on its device.
        checkpoints: Checkpoints to resume from and to save; None: none.
        listener: Receives progress.
        epochs: Fixed number for each member, without validation; empty: early stopping.
        before: A model for a warm start, if its sizes are equal; None: random weights.
        penalty: Of the ridge regression of `network.skip: ridge`; None: chosen on validation.

    Returns:
        The model, and the course of the training of each member.
    """
    config, training, sizes = prepared.config, prepared.config.training, first.sizes
    device = next(first.parameters()).device
    listener.network(describe_network(config, sizes, first.parameter_count(), device))
    table = WindowTable(
        prepared.panel,
        prepared.scaler,
        prepared.static_scaler,
        lookback=sizes.lookback,
        horizon=sizes.horizon,
        pad=config.window.pad,
        device=device,
    )
    warm, start = before is not None and before.sizes == sizes, None
    if config.network.skip == "ridge" and (not warm or training.refit == "all"):
        start = fit_linear_start(first, *_batches(prepared, table, 0), penalty)
    members, fits = [], []
    for number in range(training.members):
        network = new_network(prepared, sizes, device, number) if number else first
        if before is not None and warm:
            network.load_state_dict(before.members[number].state_dict())
        elif start is not None and training.init_from is None:
            network.begin_linear(start.weight, start.bias)
        keep = checkpoints if checkpoints is None or not number else checkpoints.member(number)
        words = [f"member {number + 1} of {training.members}"] if training.members > 1 else []
        words += ["again on all rows"] if epochs else []
        count = epochs[number] if epochs else None
        batches = _batches(prepared, table, number)
        fits.append(_fit_member(prepared, network, number, batches, keep, listener, words, count))
        fits[-1].penalty = None if start is None else start.penalty
        members.append(network.eval())
    model = Model(
        members=tuple(members),
        config=config,
        sizes=sizes,
        frequency=prepared.panel.frequency,
        **scaled_series(prepared),
        static_scaler=prepared.static_scaler,
        vocabulary=prepared.vocabulary,
        fallbacks=SIMPLE,
    )
    return model, fits


def _batches(prepared: Prepared, table: WindowTable, number: int) -> tuple[Batches, Batches | None]:
    """The train and validation windows of a member, counted from 0."""
    training, windows = prepared.config.training, prepared.windows
    seed = training.seed + number
    train = Batches(table, windows.train, training.batch_size, seed, training.sample)
    validation = Batches(table, windows.validation, max(training.batch_size, 256))
    return train, validation if len(windows.validation) else None


def _fit_member(
    prepared: Prepared,
    network: Forecaster,
    number: int,
    batches: tuple[Batches, Batches | None],
    checkpoints: Checkpoints | None,
    listener: ProgressListener,
    words: list[str],
    epochs: int | None,
) -> Fit:
    """Train one member, counted from 0."""
    training = prepared.config.training
    listener.training(epochs or training.max_epochs, ", ".join(words))
    try:
        return fit_network(
            network,
            *batches,
            training,
            listener.progress,
            epochs,
            checkpoints,
        )
    except Diverged as error:
        if training.members == 1:
            raise
        raise Diverged(f"member {number + 1} of {training.members}: {error}") from error
    finally:
        listener.trained()


def scaled_series(prepared: Prepared) -> dict[str, Any]:
    """Names and scaler of the series with train rows; `predict` scales the others itself."""
    known = np.flatnonzero(prepared.cuts.train > prepared.cuts.starts)
    return {
        "names": [prepared.panel.names[k] for k in known],
        "scaler": prepared.scaler.of(known),
    }


def refit(
    model: Model,
    prepared: Prepared,
    fits: Sequence[Fit],
    checkpoints: Checkpoints | None,
    listener: ProgressListener,
) -> Model:
    """Train again on all rows, for the best numbers of epochs found by early stopping."""
    everything = prepare_all_rows(prepared)
    device = next(model.network.parameters()).device
    network = new_network(everything, sizes_of(everything), device)
    epochs = [fit.best_epoch for fit in fits]
    penalty = fits[0].penalty  # no validation row is left to choose it
    again, _ = fit_model(everything, network, checkpoints, listener, epochs, penalty=penalty)
    return replace(
        again,
        config=model.config,
        fallbacks=model.fallbacks,
        record=model.record_for(everything.panel),
        linear=model.linear_for(everything.panel),
        # No row is left for calibration: keep the intervals of the network that was scored.
        calibration=model.calibration_for(everything.panel),
    )


def describe_network(config: Config, sizes: Sizes, parameters: int, device: torch.device) -> str:
    """A summary of the network in one line."""
    network, training = config.network, config.training
    widths = " -> ".join(str(units) for units in network.units)
    directions = ", both directions" if network.bidirectional else ""
    members = f", the {training.combine} of {training.members} members"
    return (
        f"{network.cell.upper()} {widths}{directions}: "
        f"{counted(sizes.lookback, 'step')} x {counted(sizes.inputs, 'column')} -> "
        f"{counted(sizes.horizon, 'step')} x {counted(sizes.targets, 'target')}; "
        f"{parameters:,} parameters, on {device}"
        f"{members if training.members > 1 else ''}"
    )

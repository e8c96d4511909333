"""The training loop: step, validate, keep the best weights, early stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch

from lstmcast.config import TrainingConfig
from lstmcast.network.forecaster import Forecaster
from lstmcast.parallel import ALONE, Ranks, ranks
from lstmcast.training.checkpoint import Checkpoints
from lstmcast.training.process_tuning import fast_training_process
from lstmcast.training.running_loss import RunningLoss
from lstmcast.training.signals import HeldSignals
from lstmcast.training.stepper import Stepper
from lstmcast.training.training_state import Epoch, StateSaver, TrainingState
from lstmcast.windows.batches import Batches

CHECK_EVERY = 50
"""Batches between checks of the loss; each check waits for the device."""


@dataclass(frozen=True)
class Progress:
    """Progress of a training, for listeners.

    Attributes:
        epoch: Current epoch, from 1.
        step: Steps done in this epoch.
        steps: Steps in an epoch.
        windows_per_second: Speed in this epoch.
        finished: The epoch, if it has just ended; None during an epoch.
    """

    epoch: int
    step: int
    steps: int
    windows_per_second: float
    finished: Epoch | None = None


Watch = Callable[[Progress], None]


@dataclass
class Fit:
    """The result of a training.

    Attributes:
        history: An entry per epoch.
        best_epoch: The epoch whose weights the network has.
        stopped_by: `patience`, `max_epochs`, `max_steps` or `max_minutes`.
        penalty: Penalty of the ridge regression; None without a linear start.
    """

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    stopped_by: str = ""
    penalty: float | None = None


def fit_network(
    network: Forecaster,
    train: Batches,
    validation: Batches | None,
    config: TrainingConfig,
    watch: Watch = lambda progress: None,
    epochs: int | None = None,
    checkpoints: Checkpoints | None = None,
) -> Fit:
    """Train a network in place; it ends with its best weights.

    The best epoch has the lowest validation loss; without validation windows it is the last.

    Args:
        network: On the device of the batches.
        train: Shuffled training windows.
        validation: Windows that evaluate each epoch.
        config: Losses, rates and limits.
        watch: Called every few steps and after every epoch.
        epochs: Number of epochs, without limit of time and early stopping; the learning-rate
            schedule does not change.
        checkpoints: Checkpoints to resume from and to save to; None: none. With them, SIGINT and
            SIGTERM act after the current step and a checkpoint.

    Raises:
        Diverged: The loss is not finite, or diverged.
        RunError: A checkpoint cannot be read or written.
    """
    all_ranks = ranks()
    train = shared(train, all_ranks)
    validation = None if validation is None else shared(validation, all_ranks)
    stepper = Stepper(network, config, len(train), epochs is not None, all_ranks)
    held = HeldSignals(checkpoints is not None, patient=not all_ranks.alone)
    with fast_training_process(), held as signals:
        saver = StateSaver(checkpoints, stepper, signals)
        state = saver.restore()
        while not state.finished:
            train_loss, progress = run_epoch(stepper, state, train, saver, watch)
            validation_loss = None
            with stepper.weight_ema.applied():
                if validation is not None:
                    validation_loss = mean_loss(
                        network, validation, lambda: saver.handle_signal(state), all_ranks
                    )
                train_loss, validation_loss = all_ranks.broadcast([train_loss, validation_loss])
                _end_epoch(stepper, state, train_loss, validation_loss)
            watch(replace(progress, finished=state.history[-1]))
            stepper.stopped_by = stepper.stopped_by or _stop_here(state, config, epochs)
            state.finished = bool(stepper.stopped_by)
            saver.checkpoint_if_due(state)
        network.load_state_dict(state.best_weights or {})
        network.eval()
        saver.save(state)
    assert state.best is not None, "an epoch has ended"
    return Fit(state.history, state.best.epoch, stepper.stopped_by)


def run_epoch(
    stepper: Stepper, state: TrainingState, train: Batches, saver: StateSaver, watch: Watch
) -> tuple[float, Progress]:
    """Train on all windows once, or until a limit; returns the mean loss and the progress."""
    began, number, losses = time.monotonic(), state.epoch, state.losses
    stepper.network.train()
    windows = 0

    def so_far() -> Progress:
        speed = windows / max(time.monotonic() - began, 1e-3)  # the clock may be coarse
        return Progress(number, losses.steps, len(train), speed)

    for batch in () if stepper.stopped_by else train.epoch(number, skip=losses.steps):
        count = train.windows_in(losses.steps)
        losses.add(stepper.step(batch, count))
        windows += count
        if stepper.steps % CHECK_EVERY == 0 or stepper.steps == 1:
            stepper.guard.look(losses.last(), number, stepper.steps)
            losses.take_in()
            watch(so_far())
        saver.checkpoint_if_due(state)
        if stepper.stopped_by:
            break
    loss = losses.mean()
    stepper.guard.look(loss, number, stepper.steps)
    return loss, so_far()


def _end_epoch(
    stepper: Stepper, state: TrainingState, train_loss: float, validation_loss: float | None
) -> None:
    """Evaluate an epoch and add it to the history; keep its weights if they are the best."""
    judged = train_loss if validation_loss is None else validation_loss
    if not math.isfinite(judged):  # a high loss is valid: these rows may differ much from train's
        stepper.guard.look(judged, state.epoch, stepper.steps)
    stepper.schedule.epoch_done(judged)
    best = state.best
    better = best is None or validation_loss is None or judged < best.judged
    if better:
        weights = stepper.network.state_dict()
        state.best_weights = {name: value.clone() for name, value in weights.items()}
    seconds = stepper.seconds() - sum(epoch.seconds for epoch in state.history)
    state.history.append(
        Epoch(
            state.epoch,
            stepper.steps,
            stepper.rate,
            train_loss,
            validation_loss,
            seconds,
            better,
        )
    )
    state.losses = RunningLoss()


def _stop_here(state: TrainingState, config: TrainingConfig, epochs: int | None) -> str:
    """Early stopping and limits: why training ends after this epoch; empty if it continues."""
    assert state.best is not None, "an epoch has ended"
    done = len(state.history)
    waited = done - state.best.epoch
    if epochs is None and config.patience is not None and waited >= config.patience:
        return "patience"
    return "max_epochs" if done >= (epochs or config.max_epochs) else ""


def shared(batches: Batches, all_ranks: Ranks) -> Batches:
    """The same batches, cut to this rank's share."""
    return replace(batches, part=all_ranks.rank, parts=all_ranks.count)


@torch.inference_mode()
def mean_loss(
    network: Forecaster,
    batches: Batches,
    between: Callable[[], None] = lambda: None,
    all_ranks: Ranks = ALONE,
) -> float:
    """Mean loss over all observed targets of all windows, in scaled units.

    Args:
        network: The network; it ends in evaluation mode.
        batches: The windows.
        between: Called after each batch.
        all_ranks: Ranks that share the batches.
    """
    network.eval()
    losses = RunningLoss()
    for batch in batches.epoch():
        if len(batch):
            losses.add(network.loss(batch))
        if len(losses.recent) == CHECK_EVERY:
            losses.take_in()
        between()
    if not all_ranks.alone:
        losses.take_in()
        sums = torch.tensor([losses.total, losses.count], dtype=torch.float64)
        losses.total, losses.count = all_ranks.all_reduce(sums.to(batches.table.device)).tolist()
    return losses.mean()

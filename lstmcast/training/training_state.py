"""The state of a training between two steps, saved to and restored from checkpoints."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from torch import Tensor

from lstmcast.training.checkpoint import (
    Checkpoint,
    Checkpoints,
    random_states,
    restore_random_states,
    told_checkpoint,
)
from lstmcast.training.running_loss import RunningLoss, as_numbers
from lstmcast.training.signals import HeldSignals
from lstmcast.training.stepper import Stepper


@dataclass(frozen=True)
class Epoch:
    """A row of history.csv.

    Attributes:
        epoch: Counted from 1.
        steps: Optimizer steps so far.
        learning_rate: Learning rate of the epoch's last step.
        train_loss: Mean loss during the epoch, in scaled units.
        validation_loss: Mean loss after the epoch, in scaled units; None without validation rows.
        seconds: Duration, with validation.
        best: Whether its weights are the best so far.
    """

    epoch: int
    steps: int
    learning_rate: float
    train_loss: float
    validation_loss: float | None
    seconds: float
    best: bool

    @property
    def judged(self) -> float:
        """The loss that early stopping compares."""
        return self.train_loss if self.validation_loss is None else self.validation_loss


@dataclass
class TrainingState:
    """The state between two steps, without weights, optimizer and stepper.

    Attributes:
        losses: Losses of the current epoch; its steps are the position in the epoch.
        history: The complete epochs.
        best_weights: Weights of the best complete epoch; None before there is one.
        finished: Whether training has ended.
    """

    losses: RunningLoss = field(default_factory=RunningLoss)
    history: list[Epoch] = field(default_factory=list)
    best_weights: dict[str, Tensor] | None = None
    finished: bool = False

    @property
    def epoch(self) -> int:
        """The current epoch, from 1."""
        return len(self.history) + 1

    @property
    def best(self) -> Epoch | None:
        """The best complete epoch."""
        return next((epoch for epoch in reversed(self.history) if epoch.best), None)


class StateSaver:
    """Saves the training state at intervals and upon a signal, and restores it.

    Args:
        checkpoints: Files to save to; None: nothing is saved.
        stepper: Stepper of the training.
        signals: Signals, deferred until a checkpoint is on disk.
    """

    def __init__(
        self, checkpoints: Checkpoints | None, stepper: Stepper, signals: HeldSignals
    ) -> None:
        self.checkpoints, self.stepper, self.signals = checkpoints, stepper, signals
        self.device = next(stepper.network.parameters()).device
        self.ranks = stepper.ranks

    def checkpoint_if_due(self, state: TrainingState) -> None:
        """Save if a checkpoint is due or a signal arrived; called after a step."""
        if self.checkpoints is not None and self.checkpoints.due() and self.ranks.first:
            self.save(state)
        self.handle_signal(state)

    def handle_signal(self, state: TrainingState) -> None:
        """Save if a signal arrived at any rank, then raise it; called between steps."""
        number = self.ranks.max(self.signals.number or 0)
        if number:
            self.save(state)
            self.ranks.max(0)  # all wait until it is on disk
            self.signals.number = number
            self.signals.let_go()

    def save(self, state: TrainingState) -> None:
        """Write a checkpoint of the whole state; only rank 0 writes."""
        if self.checkpoints is None or not self.ranks.first:
            return
        stepper, generators = self.stepper, random_states(self.device)
        with stepper.weight_ema.suspended():
            weights = stepper.network.state_dict()
            tensors = {f"weights.{name}": value.clone() for name, value in weights.items()}
        tensors |= {
            **_prefixed("average.", stepper.weight_ema.tensors()),
            **_prefixed("best.", state.best_weights or {}),
            **_prefixed("optimizer.", stepper.optimizer.tensors()),
            **generators.tensors,
        }
        losses = state.losses
        if losses.recent:
            tensors["losses"] = as_numbers(losses.recent)  # (steps since, 2)
        values = {
            "losses": {"steps": losses.steps, "total": losses.total, "count": losses.count},
            "history": [asdict(epoch) for epoch in state.history],
            "finished": state.finished,
            "stepper": stepper.values(),
            "random": generators.values,
        }
        self.checkpoints.save(stepper.steps, Checkpoint(tensors, values))

    def restore(self) -> TrainingState:
        """Restore the last checkpoint; without one, return a new state."""
        last = self.checkpoints.latest() if self.checkpoints and self.ranks.first else None
        last = told_checkpoint(last, self.ranks)
        if last is None:
            return TrainingState()
        stepper, values = self.stepper, last.values
        stepper.network.load_state_dict(last.part("weights."))
        stepper.weight_ema.restore(last.part("average."))
        stepper.optimizer.restore(last.part("optimizer."))
        stepper.restore(values["stepper"])
        restore_random_states(self.device, last.tensors, values["random"])
        best = {name: value.to(self.device) for name, value in last.part("best.").items()}
        recent = last.tensors.get("losses")
        return TrainingState(
            losses=RunningLoss(
                **values["losses"],
                recent=[] if recent is None else list(recent.to(self.device)),
            ),
            history=[Epoch(**epoch) for epoch in values["history"]],
            best_weights=best or None,
            finished=values["finished"],
        )


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": value for name, value in tensors.items()}

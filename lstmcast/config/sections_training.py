"""The section about training."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ConfigDict, Field

from lstmcast.config.values import (
    Count,
    CountOrZero,
    MemorySize,
    Positive,
    Section,
)

MAX_MEMBERS = 100
"""More would only cost: the median of 20 moves little when another joins."""


class TrainingConfig(Section):
    """How the network is trained, and when training ends."""

    model_config = ConfigDict(title="Training")

    loss: Literal["auto", "mse", "mae", "huber", "smape", "mae_smape"] = Field(
        default="auto",
        description="Loss that is minimized, for head: point: mse, mae or huber, on scaled "
        "targets; smape, the error relative to forecast and target; mae_smape, half of each; auto: "
        "mae for it, and what the other heads have of their own, the pinball loss or the "
        "likelihood.",
    )
    optimizer: Literal["adamw", "adam", "sgd"] = Field(
        default="adamw", description="Rule by which gradients change the weights."
    )
    learning_rate: Positive = Field(
        default=0.001, description="Highest size of the optimizer's steps, reached after warm-up."
    )
    weight_decay: Annotated[float, Ge(0)] = Field(
        default=0.0, description="Pull of the weights towards zero; 0: none."
    )
    schedule: Literal["constant", "cosine", "one_cycle", "step", "plateau"] = Field(
        default="cosine",
        description="Course of the learning rate: constant; cosine, falling to 0 at the end; "
        "one_cycle, rising from a 25th over the first 3 tenths and then falling to 0; step, times "
        "decay every decay_every epochs; plateau, times decay after decay_every epochs without a "
        "better validation loss.",
    )
    warmup_steps: CountOrZero = Field(
        default=0, description="Optimizer steps in which the learning rate rises from 0; 0: none."
    )
    decay: Annotated[float, Gt(0), Lt(1)] = Field(
        default=0.5,
        description="Factor of the learning rate at each decay of the schedules step and plateau.",
    )
    decay_every: Count = Field(
        default=10,
        description="Epochs between decays (step), or without a better validation loss before one "
        "(plateau).",
    )
    decay_after: CountOrZero = Field(
        default=0, description="Epochs before the first of the decays of schedule step count."
    )
    average: Annotated[float, Ge(0), Lt(1)] = Field(
        default=0.0,
        description="Share of the average of the weights so far that stays at each step; the "
        "average is validated and kept in place of the weights; 0: none.",
    )
    sample: Literal["windows", "series"] = Field(
        default="windows",
        description="What an epoch draws: windows, each training window once; series, as many "
        "windows, of a series drawn at random each time, so that long series do not drown short "
        "ones.",
    )
    batch_size: Count = Field(default=64, description="Windows in one optimizer step (B).")
    max_epochs: Count = Field(
        default=50, description="Passes over the training windows after which training ends."
    )
    max_steps: Count | None = Field(
        default=None, description="Optimizer steps after which training ends; null: no limit."
    )
    max_minutes: Positive | None = Field(
        default=None, description="Minutes after which training ends; null: no limit."
    )
    patience: Count | None = Field(
        default=8,
        description="Epochs without a better validation loss after which training ends; "
        "null: never stop early.",
    )
    precision: Literal["float32", "bf16", "auto"] = Field(
        default="float32",
        description="Numbers that recurrent layers are multiplied with in training: float32; bf16, "
        "three digits, faster where the processor has it; auto, bf16 there and float32 elsewhere.",
    )
    clip_norm: Positive | None = Field(
        default=1.0, description="Largest norm of all gradients together; null: never clipped."
    )
    init_from: str | None = Field(
        default=None,
        description="Run folder or model file whose weights training begins with, for a new season "
        "or a related table; its recurrent layers must be the same; null: random weights.",
    )
    refit: Literal["none", "all"] = Field(
        default="none",
        description="Rows trained on once more, for the epochs found, before the future forecast: "
        "none, or all.",
    )
    memory_limit: MemorySize | None = Field(
        default=None,
        description="Memory that training may need, such as 4GB: what would need more is refused "
        "before it begins; null: what the machine has free.",
    )
    checkpoint_every: Annotated[float, Ge(0)] = Field(
        default=60.0,
        description="Seconds from one checkpoint to the next, from which an interrupted training "
        "goes on; 0: one after every step.",
    )
    seed: Annotated[int, Ge(0), Lt(2**63)] = Field(
        default=0, description="Number that fixes all chance; the same seed gives the same bits."
    )
    members: Annotated[int, Ge(1), Le(MAX_MEMBERS)] = Field(
        default=1,
        description="Networks trained one after the other, of seed, seed + 1, ..., whose forecasts "
        "are combined; every limit of training holds for each.",
    )
    combine: Literal["median", "mean"] = Field(
        default="median",
        description="What is made of the members' forecasts, and of each of their bounds.",
    )

"""The sections about the network: network, training."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from annotated_types import Ge, Gt, Le, Lt
from pydantic import ConfigDict, Field, model_validator

from lstmcast.config.values import (
    Count,
    CountOrZero,
    Fraction,
    Name,
    Positive,
    Rule,
    Section,
    Widths,
    refuse,
)

Activation = Literal["tanh", "sigmoid", "hard_sigmoid", "relu", "linear"]
Head = Literal["point", "quantiles", "normal", "student_t", "negative_binomial", "poisson"]

MAX_MEMBERS = 100
"""More would only cost: the median of 20 moves little when another joins."""


class NetworkConfig(Section):
    """The recurrent network; a preset fills the fields that are not set."""

    model_config = ConfigDict(title="Network")

    preset: Literal["plain", "auto"] = Field(
        default="plain",
        description="Source of the fields not set here: plain, the defaults; auto, the tool's "
        "best, and what a config without a network section gets.",
    )
    cell: Literal["rnn", "gru", "lstm"] = Field(
        default="lstm", description="Recurrent cell of every layer."
    )
    units: Widths = Field(
        default=[64],
        description="Units of each layer, first to last: [64, 32] is two layers (U, L).",
    )
    bidirectional: bool = Field(
        default=False,
        description="Whether each layer also reads the window from its end, doubling its outputs.",
    )
    projection: CountOrZero = Field(
        default=0,
        description="Units that each LSTM layer's output is projected to, below every width; "
        "0: no projection.",
    )
    bias: bool = Field(default=True, description="Whether the cells have bias terms.")
    dropout: Fraction = Field(
        default=0.0,
        description="Fraction of outputs set to zero in training, between layers and before the "
        "head.",
    )
    initial_state: Literal["zeros", "random", "learned"] = Field(
        default="zeros",
        description="State before the first step: zeros; random, seeded in training and zeros in "
        "forecasting; learned, a parameter.",
    )
    activation: Activation = Field(
        default="tanh",
        description="What the candidate and, in an LSTM, the cell state go through; another than "
        "torch's own runs the cells step by step, which is slower.",
    )
    recurrent_activation: Activation = Field(
        default="sigmoid",
        description="What the gates go through; another than sigmoid runs the cells step by step.",
    )
    embed_series: bool = Field(
        default=False,
        description="Whether the columns of data.series are categories too, so that the network "
        "learns a vector for each series.",
    )
    embedding: Literal["auto"] | Count | dict[Name, Count] = Field(
        default="auto",
        description="Width of the vectors of categories: one for all columns, or one by column; "
        "auto: 1.6 n^0.56 for n categories, at most 50, or as wide as the vectors given.",
    )
    train_vectors: bool = Field(
        default=False,
        description="Whether the vectors of data.vectors are trained on; false: they stay as "
        "their file has them.",
    )
    normalize: Literal["none", "last", "standard", "season"] = Field(
        default="none",
        description="What each window's targets are freed of and the forecast gets back: none; "
        "last, the last value; standard, the window's mean and deviation; season, the mean of its "
        "last season, and its mean distance from that.",
    )
    channels: Literal["mixed", "independent"] = Field(
        default="mixed",
        description="Whether the targets of a window are read side by side (mixed), or each by "
        "itself, by one network for all (independent).",
    )
    segment: Literal["auto"] | Count = Field(
        default=1,
        description="Steps folded into one step of the encoder by a linear layer; auto: a "
        "fifteenth of the lookback, rounded to whole seasons where the window holds at least four.",
    )
    skip: Literal["none", "linear"] = Field(
        default="none",
        description="What goes past the recurrent layers: none; linear, a linear map from each "
        "target's window to its horizon, zero at first, is added to the forecast.",
    )
    readout: Literal["last", "state", "mean", "all"] = Field(
        default="last",
        description="What the direct decoder reads of the encoder: last, its last step; state, the "
        "final h (and c) of every layer and direction; mean, the mean of its steps; all, all steps "
        "side by side.",
    )
    decoder: Literal["direct", "recursive", "seq2seq", "every_step", "segments"] = Field(
        default="direct",
        description="How a state becomes the horizon: direct, all steps in one linear map; "
        "recursive, step by step, each forecast fed back to the encoder; seq2seq, a second stack "
        "started with the encoder's final states; every_step, a linear map of every step's output, "
        "trained on what follows each; segments, all segments of the horizon at once, each one "
        "step of the encoder from its final states.",
    )
    teacher_forcing: Annotated[float, Ge(0), Le(1)] = Field(
        default=0.0,
        description="Chance in training that a recursive or seq2seq decoder is fed the true value "
        "of a step in place of its own forecast.",
    )
    head: Head = Field(
        default="point",
        description="What is forecast of each step and target: point, one number; quantiles, the "
        "median and the bounds of forecast.levels; or a distribution: normal, student_t, and for "
        "counts negative_binomial and poisson.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        rules: list[Rule] = []
        if self.projection and self.cell != "lstm":
            rules.append(
                ("network.projection", f"is for lstm, and network.cell is {self.cell}; set it to 0")
            )
        elif self.projection >= min(self.units):
            rules.append(
                (
                    "network.projection",
                    f"must be below every width of network.units {self.units}, "
                    f"got {self.projection}",
                )
            )
        if self.cell == "rnn" and self.recurrent_activation != "sigmoid":
            rules.append(
                ("network.recurrent_activation", "is for gates, and an rnn has none; leave it out")
            )
        rules += self._decoder_rules()
        refuse(rules)
        return self

    def _decoder_rules(self) -> list[Rule]:
        """Combinations of decoder and encoder that make no sense."""
        rules: list[Rule] = []
        if self.readout != "last" and self.decoder != "direct":
            rules.append(
                ("network.readout", f"is for decoder: direct, not {self.decoder}; set it to last")
            )
        if self.teacher_forcing and self.decoder not in ("recursive", "seq2seq"):
            rules.append(
                (
                    "network.teacher_forcing",
                    f"is for decoders that feed back, not {self.decoder}; set it to 0",
                )
            )
        if self.bidirectional and self.decoder in ("recursive", "every_step", "segments"):
            reason = {
                "recursive": "each forecast would have to be read from its end before it is made",
                "every_step": "reading from the end would show each step what it is to forecast",
                "segments": "each segment of the horizon is one more step forward",
            }[self.decoder]
            rules.append(("network.bidirectional", f"does not go with {self.decoder}: {reason}"))
        if self.segment != 1 and self.decoder in ("recursive", "every_step"):
            rules.append(
                (
                    "network.segment",
                    f"does not go with {self.decoder}, which needs every step of the window; "
                    "set it to 1",
                )
            )
        if self.skip != "none" and self.decoder == "every_step":
            rules.append(
                ("network.skip", "is from a whole window, not from every step; leave it out")
            )
        if self.normalize != "none" and self.decoder == "every_step":
            rules.append(
                (
                    "network.normalize",
                    "does not go with every_step: the window's level would show each step what "
                    "it is to forecast; set it to none",
                )
            )
        return rules


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
    clip_norm: Positive | None = Field(
        default=1.0, description="Largest norm of all gradients together; null: never clipped."
    )
    refit: Literal["none", "all"] = Field(
        default="none",
        description="Rows trained on once more, for the epochs found, before the future forecast: "
        "none, or all.",
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

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.combine != "median" and self.members == 1:
            refuse([("training.combine", "has no effect with training.members: 1")])
        return self

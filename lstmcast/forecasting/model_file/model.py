"""The model file: a trained network and all preprocessing between a table and the network.

The file has the format safetensors: weights, and one metadata key, `lstmcast`, with canonical JSON.
It contains no paths, hosts or times, so that the same training gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lstmcast.config import Config
from lstmcast.errors import RunError
from lstmcast.forecasting.baselines import Linear
from lstmcast.forecasting.conformal import mean_changes
from lstmcast.forecasting.fallback import PastErrors
from lstmcast.forecasting.intervals import Calibration
from lstmcast.forecasting.model_file.checks import (
    check_described,
    check_finite,
    check_signatures,
    check_sizes,
    member_prefix,
    read_config,
)
from lstmcast.forecasting.model_file.linear import linear_of, linear_shapes, linear_tensors
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.sizes import Sizes
from lstmcast.panel.categories import Vocabulary
from lstmcast.panel.panel import Panel
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.tensors import TensorFile, write_tensors
from lstmcast.stamps.frequency import Frequency
from lstmcast.windows.scaling import Scaler, fit_scaler

FORMAT = 1
"""Raised when the meaning of the metadata changes."""

KEY = "lstmcast"

NO_PATH = "-"
"""Replaces the paths of the training data."""


@dataclass(frozen=True)
class Model:
    """Everything that a forecast needs, except the data.

    Attributes:
        members: Networks whose forecasts are combined, in order of their random seeds; each is in
            evaluation mode, on its device.
        config: Of the training; the file does not contain its paths.
        sizes: Axes of the windows.
        frequency: Of the training data.
        names: (S,) names of the training series.
        scaler: For these series.
        static_scaler: For static columns; None without them.
        vocabulary: Categories of the training data.
        fallbacks: Baselines for series that the network cannot forecast, best first.
        calibration: Of the prediction intervals of these series; None: there are no intervals.
        record: Errors that decide which series get a baseline; None: only short series get one.
        linear: The linear baseline; None without `record`.
    """

    members: tuple[Forecaster, ...]
    config: Config
    sizes: Sizes
    frequency: Frequency
    names: list[tuple[str, ...]]
    scaler: Scaler
    static_scaler: Scaler | None
    vocabulary: Vocabulary
    fallbacks: tuple[str, ...]
    calibration: Calibration | None = None
    record: PastErrors | None = None
    linear: Linear | None = None

    @property
    def network(self) -> Forecaster:
        """The first member; all members have its structure."""
        return self.members[0]

    @property
    def levels(self) -> tuple[float, ...]:
        """Levels of the prediction intervals, in percent."""
        return () if self.calibration is None else self.calibration.levels

    @property
    def minimum(self) -> float | None:
        """Lower limit of forecasts and bounds; at least 0 for counts. None: no limit."""
        minimum = self.config.forecast.minimum
        return max(minimum or 0.0, 0.0) if self.network.head.counts else minimum

    def places(self, names: Sequence[tuple[str, ...]]) -> np.ndarray:
        """The number of each series among the training series, or -1 if it is new."""
        known = {name: k for k, name in enumerate(self.names)}
        return np.array([known.get(name, -1) for name in names], dtype=np.int64)

    def recoded(self, panel: Panel) -> Panel:
        """A panel with the category codes of the model.

        Raises:
            RunError: The model's config and network have different columns: the file was modified.
        """
        words, series = self.vocabulary.words, self.vocabulary.series
        fits = panel.words.keys() <= words.keys() and set(series) <= set(panel.series_columns)
        panel = self.vocabulary.recode(panel) if fits else panel
        columns, sizes = panel.columns, self.sizes
        widths = [len(part) for part in (columns.inputs, columns.targets, columns.future)]
        fits &= [*widths, len(columns.static)] == [
            sizes.inputs,
            sizes.targets,
            sizes.future,
            sizes.static,
        ]
        for static, coded in ((False, panel.coded_inputs), (True, panel.coded_static)):
            fits &= {c.place for c in sizes.categories if c.static == static} == set(coded)
        if not fits:
            raise RunError("the model is damaged: its config and network have different columns")
        return panel

    def calibration_for(self, panel: Panel) -> Calibration | None:
        """The calibration for the series of another table.

        The size of a new series comes from its own past.
        """
        if self.calibration is None:
            return None
        sizes = mean_changes(panel.targets, panel.targets_observed, panel.offsets[:-1], panel.ends)
        return self.calibration.for_series(self.places(panel.names), sizes)

    def record_for(self, panel: Panel) -> PastErrors | None:
        """The past errors of the series of another table; a new series has none."""
        return None if self.record is None else self.record.for_series(self.places(panel.names))

    def linear_for(self, panel: Panel) -> Linear | None:
        """The linear baseline for the series of another table."""
        return None if self.linear is None else self.linear.for_series(self.places(panel.names))

    def scaler_for(self, panel: Panel) -> Scaler:
        """A scaler for the series of another table.

        A new series is scaled by its own past.
        """
        places = self.places(panel.names)
        if self.config.scale.per == "all":
            places[:] = 0  # all series share one scaler
        if (places >= 0).all():
            return self.scaler.of(places)
        own = fit_scaler(
            self.config.scale.method,
            "series",
            panel.values,
            panel.observed,
            panel.offsets[:-1],
            panel.ends,
            self.scaler.logged,
        ).leaving(panel.unscaled_inputs)
        seen = (places >= 0)[:, None]
        return Scaler(
            self.scaler.method,
            np.where(seen, self.scaler.center[places], own.center),
            np.where(seen, self.scaler.scale[places], own.scale),
            self.scaler.logged,
        )

    def save(self, path: Path) -> None:
        """Write the model file atomically."""
        values = self.config.model_dump(mode="json")
        for name in ("path", "storage", "tables"):  # where the rows are
            del values["data"][name]
        values["data"]["vectors"] = dict.fromkeys(values["data"]["vectors"], NO_PATH)
        values["training"]["init_from"] = None  # also a path
        described = {
            "format": FORMAT,
            "config": values,
            "sizes": self.sizes.to_json(),
            "frequency": self.frequency.to_json(),
            "series": self.names,
            "scaler": self.scaler.to_json(),
            "static_scaler": None if self.static_scaler is None else self.static_scaler.to_json(),
            "vocabulary": self.vocabulary.to_json(),
            "fallbacks": self.fallbacks,
            "calibration": None if self.calibration is None else self.calibration.to_json(),
            **({} if self.record is None else {"record": self.record.to_json()}),
        }
        tensors = {
            f"{member_prefix(number)}{name}": value
            for number, member in enumerate(self.members)
            for name, value in member.state_dict().items()
        }
        if self.linear is not None:
            tensors |= linear_tensors(self.linear)
        write_tensors(path, tensors, KEY, described)


def load_model(path: Path, device: torch.device) -> Model:
    """Read a model file.

    Args:
        path: A `model.safetensors`.
        device: Of the network.

    Raises:
        RunError: The file is missing or damaged, or another tool or a newer lstmcast wrote it.
    """
    if not path.is_file():
        lacks = RunFolder(path.parent).what_lacks()
        raise RunError(f"{path} does not exist; a finished run has a model.safetensors: {lacks}")
    file = TensorFile(path, KEY)
    described = file.described
    refuse_other_format(path, described.get("format"))
    try:
        check_described(described)
        config = read_config(with_path(described["config"]), source=str(path))
        sizes = Sizes.from_json(described["sizes"])
        signatures = file.signatures()
        check_sizes(config, sizes, len(signatures))
        extra = linear_shapes(sizes, len(described["series"])) if "record" in described else {}
        check_signatures(config, sizes, signatures, extra)
        weights = file.read()
        check_finite(weights)
        members = tuple(
            member_of(weights, number, config, sizes).to(device).eval()
            for number in range(config.training.members)
        )
        static = described["static_scaler"]
        return Model(
            members=members,
            config=config,
            sizes=sizes,
            frequency=Frequency.from_json(described["frequency"]),
            names=[tuple(name) for name in described["series"]],
            scaler=Scaler.from_json(described["scaler"]),
            static_scaler=None if static is None else Scaler.from_json(static),
            vocabulary=Vocabulary.from_json(described.get("vocabulary")),
            fallbacks=tuple(described["fallbacks"]),
            calibration=Calibration.from_json(described.get("calibration")),
            record=PastErrors.from_json(described.get("record")),
            linear=linear_of(weights),
        )
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise RunError(f"{path} is damaged: its parts do not fit together ({error})") from error


def member_of(
    weights: Mapping[str, Tensor], number: int, config: Config, sizes: Sizes
) -> Forecaster:
    """The network of one member, counted from 0, from the weights of all members."""
    network = Forecaster(config.network, sizes, config.training.loss)
    prefix = member_prefix(number)
    network.load_state_dict({name: weights[f"{prefix}{name}"] for name in network.state_dict()})
    return network


def refuse_other_format(path: Path, version: object) -> None:
    """Check that this lstmcast can read the format.

    Raises:
        RunError: Another tool or another version of lstmcast wrote the file.
    """
    if type(version) is not int:
        raise RunError(f"{path} is a safetensors file, but not a model of lstmcast")
    if version != FORMAT:
        raise RunError(
            f"{path} has format {version}, but this lstmcast reads format {FORMAT}; "
            "install the version that wrote it, or a newer one"
        )


def with_path(values: dict[str, Any]) -> dict[str, Any]:
    """The stored config with a placeholder for the path, which the schema requires."""
    return {**values, "data": {**values["data"], "path": NO_PATH}}

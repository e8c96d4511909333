"""Checks of a model file before any memory is allocated for its contents.

A model file may come from a stranger. Types and bounds of its JSON are checked, and whether its
parts fit each other. Then a network on torch's meta device, which allocates no memory, gives the
names and shapes of the tensors that the file must have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor

from lstmcast.config import Config
from lstmcast.errors import RunError
from lstmcast.forecasting.model_file.schema import CalibrationPart, Described, RecordPart, SizesPart
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.sizes import Sizes
from lstmcast.runs.tensors import Signature

MAX_CONFIG = 1_000_000
"""Most characters of the config as JSON, the same limit as for a config file."""

KINDS = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64", torch.bool: "BOOL"}
"""The names of tensor types in safetensors."""

PartT = TypeVar("PartT", bound=BaseModel)


def check_described(described: Mapping[str, Any]) -> None:
    """Check types and bounds of the JSON, and whether its parts fit each other.

    Raises:
        ValueError: Says what is wrong.
    """
    parts = _validated(Described, described)
    sizes = parts.sizes
    _require("naive" in parts.fallbacks, "fallbacks lack naive")
    for name, scaler, width in (
        ("scaler", parts.scaler, sizes.inputs),
        ("static_scaler", parts.static_scaler, sizes.static),
    ):
        if scaler is None:
            _require(name == "static_scaler" and not width, f"{name} is missing")
            continue
        rows = [*scaler.center, *scaler.scale]
        _require(all(len(row) == width for row in rows), f"{name} does not have {width} columns")
        _require(all(k < width for k in scaler.logged), f"{name} has too many logged columns")
        height = len(parts.series) if name == "scaler" else 1
        same = len(scaler.center) == len(scaler.scale) == height
        _require(same, f"{name} does not have {height} rows")
    if parts.calibration is not None:
        _check_calibration(parts.calibration, sizes, parts.series)
    if parts.record is not None:
        _check_record(parts.record, parts.series)
    words = {} if parts.vocabulary is None else parts.vocabulary.words
    for category in sizes.categories:
        width = sizes.static if category.static else sizes.inputs
        _require(category.place < width, f"'{category.column}' is after the last column")
        known = words.get(category.column)
        _require(known is not None, f"'{category.column}' has no categories")
        _require(len(known or ()) == category.count, f"'{category.column}' has wrong categories")


def _check_calibration(
    calibration: CalibrationPart, sizes: SizesPart, series: list[list[str]]
) -> None:
    """Check that the axes of the margins are those of the forecasts.

    Raises:
        ValueError: They do not fit.
    """
    levels, targets = len(calibration.levels), sizes.targets
    rising = sorted(set(calibration.levels)) == calibration.levels
    _require(levels > 0 and rising, "calibration.levels are not in ascending order")
    _require(_shaped(calibration.sizes, len(series), targets), "calibration.sizes has wrong axes")
    _require(len(calibration.usual) == targets, "calibration.usual has wrong axes")
    missing = {"lstmcast", "naive", "seasonal_naive", "drift"} - calibration.margins.keys()
    _require(not missing, "calibration.margins lacks a forecaster")
    for name, margins in calibration.margins.items():
        fits = len(margins.pooled) == levels
        fits &= all(_shaped(part, sizes.horizon, targets) for part in margins.pooled)
        fits &= _shaped(margins.typical, sizes.horizon, targets)
        fits &= all(
            int(k) < len(series) and _shaped(own, levels, targets) for k, own in margins.own.items()
        )
        _require(fits, f"calibration.margins of {name} have wrong axes")


def _check_record(record: RecordPart, series: list[list[str]]) -> None:
    """Check that the axes of the past errors fit each other.

    Raises:
        ValueError: They do not fit.
    """
    names = record.forecasters
    _require(names[:1] == ["lstmcast"], "record.forecasters does not start with lstmcast")
    _require(len(set(names)) == len(names) > 1, "record.forecasters has duplicates, or one name")
    for split in record.splits:
        fits = len(split.until) == len(split.points) == len(series)
        fits &= _shaped(split.errors, len(names), len(series))
        _require(fits, "record.splits has wrong axes")


def _shaped(rows: Sequence[Sequence[object]], height: int, width: int) -> bool:
    return len(rows) == height and all(len(row) == width for row in rows)


def read_config(values: Mapping[str, Any], source: str) -> Config:
    """The config of a model, with the meaning that it had in the lstmcast that wrote it.

    Fields that did not exist then get the schema's defaults, not those of a preset, which may have
    changed since.

    Raises:
        RunError: A newer lstmcast wrote the values.
        ValueError: The values are not a valid config.
    """
    _require(len(json.dumps(values)) <= MAX_CONFIG, "the config is too long")
    sections = {name: dict(section) for name, section in values.items()}
    known = Config.model_json_schema()
    fields = {
        name: known["$defs"][known["properties"][name]["$ref"].rpartition("/")[2]]["properties"]
        for name in sections
        if name in known["properties"]
    }
    newer = [name for name in sections if name not in fields]
    newer += [
        f"{section}.{key}"
        for section, keys in sections.items()
        for key in keys
        if section in fields and key not in fields[section]
    ]
    if newer:
        raise RunError(
            f"{source} was written by a newer lstmcast: its config has '{newer[0][:80]}', which "
            "this version does not know; install the newer version"
        )
    preset = sections["network"]["preset"]
    plain = {**sections, "network": {**sections["network"], "preset": "plain"}}
    config = _validated(Config, plain)
    network = config.network.model_copy(update={"preset": preset})
    return config.model_copy(update={"network": network})


def check_sizes(config: Config, sizes: Sizes, tensors: int) -> None:
    """Check the axes against the config, and the number of layers against that of tensors.

    Raises:
        ValueError: They do not fit.
    """
    _require(sizes.lookback == config.window.lookback, "sizes.lookback differs from the config")
    _require(sizes.horizon == config.window.horizon, "sizes.horizon differs from the config")
    targets = 1 if config.data.layout == "wide" else len(config.data.target)  # wide: series
    _require(sizes.targets == targets, "sizes.targets differs from the config")
    _require(sizes.targets + sizes.future <= sizes.inputs, "sizes.inputs is too small")
    built = (len(config.network.units) + len(sizes.categories)) * config.training.members
    _require(built <= tensors, "the config has more layers than the file has tensors")


def member_prefix(number: int) -> str:
    """The prefix of the tensor names of a member, counted from 0.

    The first member has none, as a single network; the second has `members.2.`.
    """
    return f"members.{number + 1}." if number else ""


def check_signatures(
    config: Config,
    sizes: Sizes,
    found: Mapping[str, Signature],
    extra: Mapping[str, tuple[int, ...]],
) -> None:
    """Check that a file has the tensors of its network, without loading or creating any.

    Args:
        config: Of the network.
        sizes: Axes of its windows.
        found: The tensors of the file.
        extra: Shapes of the float64 tensors in addition to those of the network.

    Raises:
        RuntimeError: Such a network is impossible.
        ValueError: Names the first tensor that differs.
    """
    with torch.device("meta"):
        network = Forecaster(config.network, sizes, config.training.loss)
    wanted = {
        f"{member_prefix(number)}{name}": (KINDS[value.dtype], tuple(value.shape))
        for number in range(config.training.members)
        for name, value in network.state_dict().items()
    }
    wanted |= {name: ("F64", shape) for name, shape in extra.items()}
    for name in [*wanted, *found]:
        if wanted.get(name) != found.get(name):
            raise ValueError(
                f"tensor {name[:80]} is {found.get(name, 'missing')}, but its config needs "
                f"{wanted.get(name, 'none')}"
            )


def check_finite(weights: Mapping[str, Tensor]) -> None:
    """Check that all weights are finite.

    Raises:
        ValueError: Names the first tensor with a value that is not finite.
    """
    for name, value in weights.items():
        _require(bool(value.isfinite().all()), f"tensor {name} is not finite")


def _validated(kind: type[PartT], values: Mapping[str, Any]) -> PartT:
    """The values as a pydantic model.

    Raises:
        ValueError: Describes the first error only: there may be a million.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ValueError(f"{place}: {first['msg'][:200]}") from None


def _require(holds: bool, fault: str) -> None:
    if not holds:
        raise ValueError(fault)

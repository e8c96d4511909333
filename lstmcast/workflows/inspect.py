"""`lstmcast inspect`: the layers of a network, and one window traced through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lstmcast.config import Config
from lstmcast.errors import ConfigError, DataError, RunError
from lstmcast.forecasting.chunks import actual_values
from lstmcast.forecasting.intervals import at_least
from lstmcast.forecasting.model_file.model import Model
from lstmcast.inspection.head_arithmetic import head_arithmetic
from lstmcast.inspection.heat_maps import check_plot_path, write_plot
from lstmcast.inspection.layer_table import layer_rows, recurrent_weights
from lstmcast.inspection.result import (
    ColumnScale,
    InspectionResult,
    InspectOptions,
    WindowTrace,
    check_unit,
    chosen_layers,
    chosen_step,
)
from lstmcast.inspection.state_identities import state_identities
from lstmcast.inspection.tolerance import Check, compared
from lstmcast.inspection.trace import trace_window
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.sizes import Sizes
from lstmcast.network.threads import use_threads
from lstmcast.panel.gaps import fill_gaps
from lstmcast.pipeline.network import new_network, sizes_of
from lstmcast.pipeline.open_run import open_run
from lstmcast.pipeline.prepare import prepare
from lstmcast.pipeline.prepared import Prepared
from lstmcast.pipeline.progress import ProgressListener
from lstmcast.pipeline.window_arrays import WindowArrays, require_windows, window_table
from lstmcast.proposing.source import config_for
from lstmcast.runs.folder import RunFolder
from lstmcast.runs.reading import read_object
from lstmcast.windows.batches import WindowTable
from lstmcast.windows.scaling import Scaler

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Subject:
    """A network with its table and scalers.

    Attributes:
        network: In evaluation mode.
        config: With the path of the table.
        sizes: Axes of the windows.
        prepared: The table; None if it is not needed.
        scaler: For the panel of `prepared`; None without a table.
        static_scaler: For static columns; None without them.
        trained: Whether the network is trained.
    """

    network: Forecaster
    config: Config
    sizes: Sizes
    prepared: Prepared | None
    scaler: Scaler | None
    static_scaler: Scaler | None
    trained: bool


def inspect(
    source: Path, overrides: Sequence[str], options: InspectOptions, listener: ProgressListener
) -> InspectionResult:
    """Inspect a network, on the CPU: a GPU gains nothing for one window, and rounds less exactly.

    Args:
        source: A config or table, for the untrained network; or a run folder, or its
            `model.safetensors`, for the trained one.
        overrides: `section.key=value`, for a config.
        options: The parts to show.
        listener: Receives progress and notes.

    Raises:
        ConfigError: The config has faults; there is no such layer, step or unit.
        DataError: The table has faults, is missing, or has no such window.
        RunError: The run is missing or damaged.
    """
    if options.plot is not None:
        check_plot_path(options.plot)
    if source.is_dir() or source.suffix == ".safetensors":
        subject = open_trained(source, overrides, options, listener)
    else:
        subject = build_untrained(source, overrides, listener)
    network, sizes = subject.network.eval(), subject.sizes
    example = trace_window(network, network.example_batch(1))
    traced, layers, opened, step = None, example.layers, None, None
    if options.traces_window:
        traced = trace_table_window(subject, options.window)
        layers = chosen_layers(traced.trace.layers, options.layer)
        if options.step is not None:
            opened = layers[0]
            step = chosen_step(opened, options.step)
        for view in layers if options.describes_window else layers[:1]:
            check_unit(view, options.unit)
    found = InspectionResult(
        source=str(source),
        options=options,
        trained=subject.trained,
        config=subject.config,
        sizes=sizes,
        rows=layer_rows(network, example, subject.config.training.batch_size),
        weights=recurrent_weights(network, example),
        traced=traced,
        layers=layers,
        opened=opened,
        step=step,
    )
    if options.plot is not None:
        write_plot(found, options.plot)
    return found


def build_untrained(source: Path, overrides: Sequence[str], listener: ProgressListener) -> Subject:
    """The untrained network of a config, with its initial weights."""
    config, table = config_for(source, overrides, listener)
    if config.window.horizon == 0:
        raise ConfigError(
            "window.horizon is 0, so there is no network; inspect needs a horizon of at least 1"
        )
    prepared = prepare(config, listener, table)
    use_threads(config.network, config.training, config.window.pad)
    sizes = sizes_of(prepared)
    network = new_network(prepared, sizes, CPU)
    scalers = prepared.scaler, prepared.static_scaler
    return Subject(network, config, sizes, prepared, *scalers, trained=False)


def open_trained(
    run: Path, overrides: Sequence[str], options: InspectOptions, listener: ProgressListener
) -> Subject:
    """The network of a run; with its table only if a window is traced."""
    if overrides:
        raise ConfigError(
            f"-s changes configs, but {run} is trained already; leave it out, or inspect a config"
        )
    if not options.traces_window:
        model, config = open_run(run, "-", CPU)
        note_members(model, run, listener)
        return Subject(model.network, config, model.sizes, None, None, None, trained=True)
    if run.suffix == ".safetensors" and not run.is_dir():
        raise ConfigError(
            f"{run} is a model without data, so there is no window to trace: name its run folder"
        )
    model, config = open_run(run, None, CPU)
    note_members(model, run, listener)
    if not Path(config.data.path).exists():
        raise DataError(
            f"{config.data.path}, the table of {run}, does not exist. Put it back, or "
            f"write its new path into {run / 'config.yaml'} (data.path)"
        )
    prepared = prepare(config, listener)
    if prepared.table.sha256 != trained_on(run):
        listener.note(f"{config.data.path} has changed since {run} was trained.")
    # After a refit on all rows the model knows more categories than the train rows have.
    coded = model.recoded(prepared.unfilled)
    panel = fill_gaps(coded, config.data.gaps, prepared.cuts, prepared.table)
    prepared = replace(prepared, panel=panel)
    scalers = model.scaler_for(panel), model.static_scaler
    return Subject(model.network, config, model.sizes, prepared, *scalers, trained=True)


def note_members(model: Model, run: Path, listener: ProgressListener) -> None:
    """Note that a run has several networks, and that only the first is shown."""
    training = model.config.training
    if training.members > 1:
        listener.note(
            f"{run} forecasts the {training.combine} of {training.members} members; this is the "
            f"first, with seed {training.seed}."
        )


def trained_on(run: Path) -> str:
    """Checksum of the table that a run was trained on.

    Raises:
        RunError: Its manifest is missing or damaged.
    """
    path = RunFolder(run).manifest
    try:
        return str(read_object(path)["data"]["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is missing or damaged: the run is not complete") from error


def trace_table_window(subject: Subject, number: int | None) -> WindowTrace:
    """Trace one window of the table through the network."""
    prepared, scaler, sizes = subject.prepared, subject.scaler, subject.sizes
    assert prepared is not None and scaler is not None
    panel, window = prepared.panel, prepared.config.window
    arrays = WindowArrays(prepared)
    require_windows(arrays)
    if number is None:
        number = default_window(arrays)
    rows = window_table(arrays, number)  # raises an error if there is no such window
    about = arrays.describe(number, number + 1).iloc[0]
    origins, series = arrays.index.locate(np.array([number]))
    table = WindowTable(
        panel,
        scaler,
        subject.static_scaler,
        lookback=sizes.lookback,
        horizon=sizes.horizon,
        pad=window.pad,
        device=CPU,
    )
    batch = table.gather(torch.from_numpy(origins), torch.from_numpy(series))
    trace = trace_window(subject.network, batch)
    center, scale = scaler.center[series[0]], scaler.scale[series[0]]
    with torch.no_grad():
        whole = subject.network(batch)  # of all targets; the trace may have only one
    forecast = scaler.restore(whole.numpy().astype(np.float64), series)[0]
    columns = [
        ColumnScale(
            name,
            float(center[k]),
            float(scale[k]),
            logged=k in scaler.logged,
            words=name in panel.words,
        )
        for k, name in enumerate(panel.columns.inputs)
    ]
    return WindowTrace(
        number=number,
        windows=len(arrays.index),
        split=str(about["split"]),
        series=str(about["series"]),
        time=panel.time,
        rows=rows,
        columns=columns,
        static=panel.columns.static,
        words=panel.words,
        trace=trace,
        equal=state_identities(subject.network, trace),
        head=head_arithmetic(subject.network, trace),
        units=_units_check(trace.exact[0], columns, forecast),
        forecast=at_least(forecast, subject.config.forecast.minimum),
        actual=actual_values(panel, origins, sizes.horizon)[0],
    )


def _units_check(exact: Tensor, columns: list[ColumnScale], forecast: np.ndarray) -> Check:
    """Verify the forecast in units of the data against the float64 forecast and the scales."""
    again = []
    for column, values in zip(columns, exact.unbind(dim=1), strict=False):  # targets come first
        restored = values * column.scale + column.center
        again.append(torch.expm1(restored) if column.logged else restored)
    what = "the forecast in units of the data, by each target's scale"
    return compared(
        what, [(torch.stack(again, dim=1), torch.from_numpy(forecast[:, : len(again)]))]
    )


def default_window(arrays: WindowArrays) -> int:
    """The first test window; without test windows, the last window."""
    numbers = np.arange(len(arrays.index))
    test = np.flatnonzero(arrays.splits[arrays.index.runs_of(numbers)] == 2)
    return int(test[0]) if len(test) else len(numbers) - 1

"""`lstmcast backtest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lstmcast.cli.completion import complete_source
from lstmcast.cli.options import Debug, Device, Json, Quiet, Set
from lstmcast.errors import ConfigError


def backtest(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|CONFIG|DATA",
            help="A run folder, a config or a table.",
            autocompletion=complete_source,
        ),
    ],
    folds: Annotated[
        int | None, typer.Option("--folds", min=1, metavar="N", help="Origins to forecast from.")
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(
            "--step", min=1, metavar="ROWS", help="Rows between origins [default: the horizon]."
        ),
    ] = None,
    refit: Annotated[
        str,
        typer.Option(
            "--refit",
            metavar="K[:warm]",
            help="Train again at every K-th origin, from scratch or with a warm start; 0: never.",
        ),
    ] = "0",
    rows: Annotated[
        int | None,
        typer.Option(
            "--rows", min=1, metavar="ROWS", help="Train on the last ROWS rows only [default: all]."
        ),
    ] = None,
    rivals: Annotated[
        str,
        typer.Option(
            "--rivals", metavar="NAMES", help="Also forecast with auto_ets, auto_arima, theta."
        ),
    ] = "",
    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-under",
            metavar="MEASURE=X",
            help="Exit with code 1 if a score misses its limit, such as skill=0.05; repeatable.",
        ),
    ] = None,
    set: Set = None,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Backtest: forecast from past origins and score the forecasts.

    The network of a run is tested on rows outside its training data, or trained again at the
    origins; a config is trained at the first origin. Writes RUN/backtests/0001, or
    backtests/NAME-0001.
    """
    every, _, how = refit.partition(":")
    if not every.isdigit() or how not in ("", "warm"):
        raise ConfigError(f"--refit {refit}: write a number, or a number and :warm, such as 2:warm")
    from lstmcast.terminal.runs import shown_backtest
    from lstmcast.terminal.terminal import Terminal

    terminal = Terminal(json=json, quiet=quiet)
    from lstmcast.backtesting.plan import Plan
    from lstmcast.proposing.source import choose_device
    from lstmcast.workflows.backtest import backtest as backtest_workflow

    plan = Plan(
        folds=folds,
        step=step,
        refit=int(every),
        warm=how == "warm",
        rows=rows,
        rivals=tuple(name.strip() for name in rivals.split(",") if name.strip()),
        gates=tuple(fail_under or ()),
    )
    done = backtest_workflow(source, plan, set or [], choose_device(device), terminal)
    terminal.shown(*shown_backtest(done, source))
    if done.faults:
        if quiet and not json:  # a pipeline must know why
            for fault in done.faults:
                typer.echo(fault, err=True)
        raise typer.Exit(1)

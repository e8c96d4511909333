"""Where a forecast goes: a CSV file, standard output, or a folder of a Parquet part a process."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from lstmcast.errors import RunError
from lstmcast.parallel import ranks
from lstmcast.pipeline.run_tables import csv_text
from lstmcast.runs.atomic import whole_file

STDOUT = "-"


def is_folder(output: str) -> bool:
    """Whether `-o` names a folder: one that is there, or with a slash behind its name."""
    return output.endswith("/") or (output != STDOUT and Path(output).is_dir())


def ready_folder(output: str) -> None:
    """Make the folder that parts go into, on every machine.

    Raises:
        RunError: It cannot be made, or holds parts already: of another number of processes, some of
            them would stay.
    """
    if is_folder(output) and ranks().local == 0:
        folder = Path(output)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot make {folder}: {error.strerror}") from error
        if any(folder.glob("part-*.parquet")):
            raise RunError(f"{folder} holds parts of a forecast; remove them, or name another")
    ranks().max(0)  # nobody writes a part before all have looked


def write_forecast(forecast: pd.DataFrame, output: str, shared: bool) -> int:
    """Write a forecast.

    Args:
        forecast: As in forecast.csv.
        output: A file, a folder (see `is_folder`), or `-` for standard output.
        shared: Whether each rank has a part of the rows, in the order of the ranks; otherwise all
            have all of them.

    Returns:
        The number of rows, of all ranks.

    Raises:
        RunError: It cannot be written; what had the name before is as it was.
    """
    if is_folder(output):
        mine = forecast if shared else forecast.iloc[ranks().share(len(forecast))]
        write_part(mine, Path(output) / f"part-{ranks().rank:05d}.parquet")
    elif shared:
        write_together(csv_text(forecast), output)
    elif ranks().first:
        write_texts([csv_text(forecast)], output)
    return ranks().sum(len(forecast)) if shared else len(forecast)


def write_part(forecast: pd.DataFrame, path: Path) -> None:
    """Write the rows of one rank as Parquet, whole or not at all."""
    table = pa.Table.from_pandas(forecast, preserve_index=False).replace_schema_metadata(None)
    kinds = [  # of a column of text without a row, Arrow cannot know that it is one
        field.with_type(pa.string()) if pa.types.is_null(field.type) else field
        for field in table.schema
    ]
    with whole_file(path, "wb") as file:
        pa.parquet.write_table(table.cast(pa.schema(kinds)), file)


def write_together(text: str, output: str) -> None:
    """Write the CSV texts of all ranks one behind the other, with one header; rank 0 does."""
    if ranks().first:
        write_texts(ranks().received(text), output)
    else:
        ranks().send(text.partition("\n")[2])


def write_texts(texts: Iterable[str], output: str) -> None:
    """Write texts one behind the other, into a file or on standard output."""
    if output == STDOUT:
        for text in texts:
            sys.stdout.write(text)
        return
    with whole_file(Path(output)) as file:
        for text in texts:
            file.write(text)

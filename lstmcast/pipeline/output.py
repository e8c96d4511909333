"""Write a forecast: to a CSV file, standard output, or a folder with a Parquet file per process."""

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
    """Whether `-o` names a folder: an existing one, or a name that ends with a slash."""
    return output.endswith("/") or (output != STDOUT and Path(output).is_dir())


def ready_folder(output: str) -> None:
    """Create the folder of the parts, on every machine.

    Raises:
        RunError: It cannot be created, or has parts already: with fewer processes, some would stay.
    """
    if is_folder(output) and ranks().local == 0:
        folder = Path(output)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"cannot make {folder}: {error.strerror}") from error
        if any(folder.glob("part-*.parquet")):
            raise RunError(f"{folder} has parts of a forecast; remove them, or name another")
    ranks().max(0)  # no rank writes before all have checked


def write_forecast(forecast: pd.DataFrame, output: str, shared: bool) -> int:
    """Write a forecast.

    Args:
        forecast: In the form of forecast.csv.
        output: A file, a folder (see `is_folder`), or `-` for standard output.
        shared: Whether each rank has a part of the rows, in the order of the ranks; otherwise each
            rank has all rows.

    Returns:
        The number of rows of all ranks.

    Raises:
        RunError: It cannot be written; an existing file does not change.
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
    """Write the rows of one rank as Parquet, atomically."""
    table = pa.Table.from_pandas(forecast, preserve_index=False).replace_schema_metadata(None)
    kinds = [  # without rows, Arrow cannot know that a column is text
        field.with_type(pa.string()) if pa.types.is_null(field.type) else field
        for field in table.schema
    ]
    with whole_file(path, "wb") as file:
        pa.parquet.write_table(table.cast(pa.schema(kinds)), file)


def write_together(text: str, output: str) -> None:
    """Let rank 0 write the CSV texts of all ranks in their order, with one header."""
    if ranks().first:
        write_texts(ranks().received(text), output)
    else:
        ranks().send(text.partition("\n")[2])


def write_texts(texts: Iterable[str], output: str) -> None:
    """Write texts in order, into a file or on standard output."""
    if output == STDOUT:
        for text in texts:
            sys.stdout.write(text)
        return
    with whole_file(Path(output)) as file:
        for text in texts:
            file.write(text)

"""A repaired copy of a table: rows sorted, cells corrected, no value invented."""

from __future__ import annotations

import csv
import io

import numpy as np
import pandas as pd

from lstmcast.checking.lenient_table import View
from lstmcast.checking.stamps import earlier_than_above
from lstmcast.errors import counted

MOST = 0.5
"""Share of a column's cells: if so many are text, they are left alone."""


def repair(view: View) -> tuple[pd.DataFrame, list[str]]:
    """Every cell as text, corrected if that needs no guess.

    Stamps in other forms than most make all stamps ISO; text among numbers and infinities become
    empty cells; rows that repeat an earlier one are dropped; rows are sorted by time, where every
    stamp can be read.

    Returns:
        The rows, and what was done, a sentence each.
    """
    table = view.table
    frame = pd.DataFrame({name: table.text(name) for name in table.frame.columns}, dtype=object)
    done: list[str] = []
    _one_form(view, frame, done)
    for name, values in view.values.items():
        for mask, what in ((view.wrong[name], "text"), (np.isinf(values), "infinite values")):
            if mask.mean() >= MOST:  # 12 % and 1,234 mean something: emptying them loses it
                done.append(f"{name}: {what} left as it is, because most cells have it")
            elif mask.any():
                frame.loc[mask, name] = ""
                done.append(f"{name}: {counted(int(mask.sum()), 'cell')} of {what} emptied")
    if view.stamps is None:
        return frame, done
    again = frame.duplicated().to_numpy() & view.stamps.good
    if again.any():
        done.append(f"{counted(int(again.sum()), 'repeated row')} dropped")
    kept = np.flatnonzero(~again)
    if view.stamps.good.all() and len(back := earlier_than_above(view, kept)):
        kept = kept[np.lexsort((view.stamps.values[kept], view.codes[kept]))]
        done.append(f"rows sorted by time ({counted(len(back), 'row')} out of order)")
    return frame.iloc[kept], done


def _one_form(view: View, frame: pd.DataFrame, done: list[str]) -> None:
    """Write all readable time stamps in ISO format, if they have several formats."""
    stamps, time = view.stamps, view.data.time
    if stamps is None or time is None or not stamps.other.any():
        return
    good = stamps.values[stamps.good]
    unit = next(u for u in ("D", "s", "us") if (good == good.astype(f"datetime64[{u}]")).all())
    texts = np.datetime_as_string(good.astype(f"datetime64[{unit}]")).tolist()
    frame.loc[stamps.good, time] = [text.replace("T", " ") for text in texts]
    done.append(f"{time}: {counted(int(stamps.good.sum()), 'stamp')} written as ISO")


def table_text(view: View, frame: pd.DataFrame) -> str:
    """The rows as CSV, with the separator of their file."""
    separator = "," if view.table.csv is None else view.table.csv.dialect.separator
    out = io.StringIO()
    frame.to_csv(out, index=False, sep=separator, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    return out.getvalue()

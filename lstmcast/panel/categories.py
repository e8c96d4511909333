"""Categorical columns: texts -> codes, and the categories that training has seen.

A panel holds codes next to its numbers: code k means the k-th word of the column, counted from 1;
0 means an unknown word. A new panel has codes for all words of its table; `recode` translates them
to the codes of a vocabulary, which is fitted on train rows only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from lstmcast.errors import DataError
from lstmcast.panel.panel import Panel
from lstmcast.tables.read import Table

UNKNOWN = 0
"""Code of every category that was not seen in training."""

MOST = 1 << 24
"""Codes become float32, which holds integers up to this one exactly."""

Words = tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """The categories seen in train rows.

    Attributes:
        words: Sorted words by column; code k of a column is `words[column][k - 1]`.
        series: Series columns that are categories too.
    """

    words: dict[str, Words]
    series: tuple[str, ...] = ()

    def recode(self, panel: Panel) -> Panel:
        """The panel in the codes of this vocabulary.

        Series columns that are categories become static columns after the others.

        Args:
            panel: A panel in the codes of its own table.
        """
        if not self.words:
            return panel
        coded = any(name in panel.words for name in panel.columns.inputs)
        values = panel.values.copy() if coded else panel.values
        static = panel.static.copy()
        for names, table in ((panel.columns.inputs, values), (panel.columns.static, static)):
            for k, name in enumerate(names):
                if name in panel.words:
                    table[:, k] = self._translate(name, panel.words[name], table[:, k])
        extra = np.empty((panel.series_count, len(self.series)))
        for k, column in enumerate(self.series):
            place = panel.series_columns.index(column)
            codes = {word: code for code, word in enumerate(self.words[column], start=1)}
            extra[:, k] = [codes.get(name[place], UNKNOWN) for name in panel.names]
        return replace(
            panel,
            columns=replace(panel.columns, static=panel.columns.static + self.series),
            values=values,
            static=np.concatenate([static, extra], axis=1),
            words=dict(self.words),
        )

    def unknown_in(self, panel: Panel) -> dict[str, int]:
        """Number of categories, by column, that a panel has and this vocabulary lacks."""
        found = {name: set(words) for name, words in panel.words.items()}
        for column in self.series:
            place = panel.series_columns.index(column)
            found[column] = {name[place] for name in panel.names}
        counts = {name: len(words - set(self.words[name])) for name, words in found.items()}
        return {name: count for name, count in counts.items() if count}

    def to_json(self) -> dict[str, Any]:
        """Plain lists, for `from_json`."""
        words = {column: list(texts) for column, texts in self.words.items()}
        return {"words": words, "series": list(self.series)}

    @classmethod
    def from_json(cls, state: dict[str, Any] | None) -> Vocabulary:
        """The vocabulary from the result of `to_json`; None: one without columns."""
        if state is None:
            return cls({})
        words = {column: tuple(texts) for column, texts in state["words"].items()}
        return cls(words, tuple(state["series"]))

    def _translate(self, column: str, own: Words, codes: np.ndarray) -> np.ndarray:
        """(R,) codes of a table's own words -> codes of the vocabulary; NaN stays NaN."""
        known = {word: code for code, word in enumerate(self.words[column], start=1)}
        table = np.array([UNKNOWN, *(known.get(word, UNKNOWN) for word in own)], dtype=np.float64)
        missing = np.isnan(codes)
        translated: np.ndarray = table[np.where(missing, 0, codes).astype(np.int64)]
        translated[missing] = np.nan
        return translated


def encode(table: Table, column: str) -> tuple[np.ndarray, Words]:
    """A column of texts as codes.

    Returns:
        (R,) float64 codes from 1, NaN for an empty cell; and the words, sorted.

    Raises:
        DataError: The column has more words than there are codes.
    """
    coded = table.strings(column).dictionary_encode()
    coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
    words = np.array(coded.dictionary.to_pylist(), dtype=object)
    if len(words) > MOST:
        raise DataError(
            f"{table.name}: column '{column}' has {len(words):,} different cells, too many for "
            "categories; leave it out of data.categorical"
        )
    order = np.argsort(words, kind="stable")
    ranks = np.empty(len(words), dtype=np.float64)
    kept = words[order] != ""
    ranks[order] = np.where(kept, np.cumsum(kept), np.nan)
    codes: np.ndarray = ranks[coded.indices.to_numpy(zero_copy_only=False)]
    return codes, tuple(words[order][kept])


def fit_vocabulary(
    panel: Panel, starts: np.ndarray, ends: np.ndarray, embed_series: bool
) -> Vocabulary:
    """The words of the rows `starts[s]:ends[s]` of each series.

    Args:
        panel: A panel in the codes of its own table.
        starts: (S,) first row to use of each series.
        ends: (S,) one past the last row to use.
        embed_series: Whether series columns are categories too.
    """
    trained = ends > starts
    words: dict[str, Words] = {}
    if any(name in panel.words for name in panel.columns.inputs):
        rows = np.arange(len(panel.values))
        owner = panel.series_of(rows)
        used = (rows >= starts[owner]) & (rows < ends[owner])
        for k, name in enumerate(panel.columns.inputs):
            if name in panel.words:
                words[name] = _seen(panel.words[name], panel.values[used, k])
    for k, name in enumerate(panel.columns.static):
        if name in panel.words:
            words[name] = _seen(panel.words[name], panel.static[trained, k])
    series = panel.series_columns if embed_series else ()
    for place, column in enumerate(series):
        seen = {name[place] for name, known in zip(panel.names, trained, strict=True) if known}
        words[column] = tuple(sorted(seen))
    return Vocabulary(words, series)


def _seen(words: Words, codes: np.ndarray) -> Words:
    """The words that occur among codes (R,); NaN means none."""
    found = np.zeros(len(words) + 1, dtype=bool)
    found[codes[~np.isnan(codes)].astype(np.int64)] = True
    return tuple(word for word, there in zip(words, found[1:], strict=True) if there)

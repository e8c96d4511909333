"""Incompatible fields: one table of all combinations that a config is refused for.

Combinations that also depend on the table or the machine are refused when that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import Any, TypeVar

from pydantic_core import PydanticCustomError

from lstmcast.config.sections_data import DataConfig
from lstmcast.config.sections_network import NetworkConfig
from lstmcast.config.sections_training import TrainingConfig
from lstmcast.config.sections_windows import SplitConfig
from lstmcast.config.values import Section

S = TypeVar("S")

Rule = tuple[str, Callable[[S], object], str]
"""The dotted name of the wrong field; a function that says whether a section or config breaks the
rule, or lists everything that breaks it; what is wrong and what to do. In the message, `{0.cell}`
is a field of the checked section or config, and `{it}` an item of that list."""

NOT_READ_BACKWARDS = {
    "recursive": "each forecast would have to be read backwards before it is made",
    "every_step": "reading backwards would show each step the values that it has to forecast",
    "segments": "each segment of the horizon is one more step forward",
}


def _shared(data: DataConfig) -> list[tuple[str, str, str]]:
    """(name, its first role, its second) of each column that has two."""
    columns = {
        "time": [] if data.time is None else [data.time],
        "target": data.target,
        "series": data.series,
        "past": data.past,
        "future": data.future,
        "static": data.static,
    }
    known = {role: set(names) for role, names in columns.items()}
    return [
        (name, first, second)
        for first, second in combinations(columns, 2)
        for name in columns[second]
        if name in known[first]
    ]


def _outside(names: Iterable[str], *known: Iterable[str]) -> list[str]:
    found = set[str]().union(*known)
    return [name for name in names if name not in found]


def _of_stamps(data: DataConfig) -> list[str]:
    """Fields about time stamps that are not at their defaults; `calendar: auto` is allowed."""
    names = ("frequency", "time_format", "duplicates", "holidays", "calendar")
    defaults = {name: [DataConfig.model_fields[name].default] for name in names}
    defaults["calendar"].append("auto")
    return [name for name in names if getattr(data, name) not in defaults[name]]


def _of_series(data: DataConfig) -> list[str]:
    return [name for name in ("series", "past", "future", "static") if getattr(data, name)]


def _embedded(config: Any) -> list[str]:
    """Columns whose categories get embeddings."""
    return [*config.data.categorical, *(config.data.series if config.network.embed_series else [])]


def _unnamed(config: Any) -> bool:
    """Whether the series column has no name before the table is read: layout wide or rows."""
    return bool(config.network.embed_series and not config.data.series)


_DATA: list[Rule[DataConfig]] = [
    ("data.{it[2]}", _shared,
     "names '{it[0]}', which data.{it[1]} names too; a column has one role only"),
    ("data.categorical", lambda d: [name for name in d.categorical if name in d.target],
     "names '{it}', a target; targets are numbers"),
    ("data.categorical",
     lambda d: [name for name in d.categorical if name in d.series and name not in d.target],
     "names '{it}' of data.series; set network.embed_series to true instead"),
    ("data.categorical",
     lambda d: _outside(d.categorical, d.target, d.series, d.past, d.future, d.static),
     "names '{it}', which is not in data.past, data.future or data.static"),
    ("data.vectors", lambda d: _outside(d.vectors, d.categorical, d.series),
     "names '{it}', which is not in data.categorical or data.series"),
    ("data.{it}", lambda d: d.time is None and _of_stamps(d),
     "has no effect without data.time; name the time column, or leave it out"),
    ("data.start", lambda d: d.time is None and isinstance(d.start, str),
     "must be a row number without data.time, got '{0.start}'"),
    ("data.end", lambda d: d.time is None and isinstance(d.end, str),
     "must be a row number without data.time, got '{0.end}'"),
    ("data.end",
     lambda d: isinstance(d.start, int) and isinstance(d.end, int) and d.start > d.end,
     "must be at least data.start {0.start}, got {0.end}"),
    ("data.{it}", lambda d: d.layout in ("wide", "rows") and _of_series(d),
     "must be empty with data.layout: {0.layout}, which has only columns of series; "
     "write the table long instead"),
    ("data.time", lambda d: d.layout == "rows" and d.time is not None,
     "must be null with data.layout: rows, whose steps are numbered"),
    ("data.target", lambda d: d.layout == "rows" and len(d.target) > 1,
     "must be one name with data.layout: rows: the name of the values in forecast.csv"),
    ("data.time", lambda d: d.layout == "wide" and d.time in ("series", "value"),
     "is '{0.time}', a name that lstmcast's own files need with data.layout: wide; rename the "
     "column"),
]  # fmt: skip

_SPLIT: list[Rule[SplitConfig]] = [
    ("split.validation",
     lambda s: isinstance(s.validation, float) and isinstance(s.test, float)
     and s.validation + s.test >= 1,
     "and split.test leave no row for training: {0.validation} + {0.test} must be below 1"),
    ("split.validation",
     lambda s: isinstance(s.validation, str) and isinstance(s.test, str)
     and s.validation >= s.test,
     "must begin before split.test ({0.test}), got {0.validation}"),
]  # fmt: skip

_NETWORK: list[Rule[NetworkConfig]] = [
    ("network.projection", lambda n: n.projection and n.cell != "lstm",
     "is for lstm, and network.cell is {0.cell}; set it to 0"),
    ("network.projection", lambda n: n.cell == "lstm" and n.projection >= min(n.units),
     "must be below every width of network.units {0.units}, got {0.projection}"),
    ("network.recurrent_activation",
     lambda n: n.cell == "rnn" and n.recurrent_activation != "sigmoid",
     "is for gates, but an rnn has none; leave it out"),
    ("network.readout", lambda n: n.readout != "last" and n.decoder != "direct",
     "needs decoder: direct, not {0.decoder}; set it to last"),
    ("network.teacher_forcing",
     lambda n: n.teacher_forcing and n.decoder not in ("recursive", "seq2seq"),
     "needs decoder: recursive or seq2seq, not {0.decoder}; set it to 0"),
    ("network.bidirectional",
     lambda n: [why for name, why in NOT_READ_BACKWARDS.items()
                if n.bidirectional and n.decoder == name],
     "is not possible with decoder: {0.decoder}: {it}"),
    ("network.segment", lambda n: n.segment != 1 and n.decoder in ("recursive", "every_step"),
     "is not possible with decoder: {0.decoder}, which needs every step of the window; set it "
     "to 1"),
    ("network.skip", lambda n: n.skip != "none" and n.decoder == "every_step",
     "maps a whole window, but decoder: every_step forecasts from every step; leave it out"),
    ("network.normalize", lambda n: n.normalize != "none" and n.decoder == "every_step",
     "is not possible with decoder: every_step: the window's level would show each step the "
     "values that it has to forecast; set it to none"),
    ("network.normalize",
     lambda n: n.normalize == "difference" and n.decoder not in ("direct", "segments"),
     "difference is not possible with decoder: {0.decoder}, which would get differences as values; "
     "set network.decoder to direct or segments"),
]  # fmt: skip

_TRAINING: list[Rule[TrainingConfig]] = [
    ("training.combine", lambda t: t.combine != "median" and t.members == 1,
     "has no effect with training.members: 1"),
]  # fmt: skip

OF_SECTION: dict[type[Section], list[Rule[Any]]] = {
    DataConfig: _DATA,
    SplitConfig: _SPLIT,
    NetworkConfig: _NETWORK,
    TrainingConfig: _TRAINING,
}

BETWEEN_SECTIONS: list[Rule[Any]] = [
    ("split.{it[0]}",
     lambda c: c.data.time is None and [cut for cut in c.split if isinstance(cut[1], str)],
     "is a day ({it[1]}), but there is no data.time; name the time column, or give a fraction or "
     "a number of steps"),
    ("network.embed_series",
     lambda c: _unnamed(c) and c.data.layout not in ("wide", "rows"),
     "has no effect without data.series"),
    ("network.embedding",
     lambda c: c.network.embedding != "auto" and not _embedded(c) and not _unnamed(c),
     "has no effect without data.categorical"),
    ("network.embedding",
     lambda c: isinstance(c.network.embedding, dict) and (_embedded(c) or _unnamed(c))
     and _outside(c.network.embedding, _embedded(c)),
     "names '{it}', which is not a column of categories"),
    ("data.vectors", lambda c: _outside(c.data.vectors, _embedded(c)),
     "names '{it}' of data.series; set network.embed_series to true"),
    ("network.train_vectors", lambda c: c.network.train_vectors and not c.data.vectors,
     "has no effect without data.vectors"),
    ("training.loss", lambda c: c.network.head != "point" and c.training.loss != "auto",
     "is for head: point; head: {0.network.head} has its own loss, so set it to auto"),
    ("training.loss",
     lambda c: "smape" in c.training.loss and c.scale.transform != "none",
     "{0.training.loss} needs the units of the data, but scale.transform is {0.scale.transform}; "
     "change one of them"),
    ("network.head", lambda c: c.network.head == "quantiles" and not c.forecast.levels,
     "quantiles needs levels, but forecast.levels is []"),
    ("forecast.adaptive", lambda c: c.forecast.adaptive and not c.forecast.levels,
     "needs prediction intervals, but forecast.levels is []"),
    ("scale.transform",
     lambda c: c.network.head in ("negative_binomial", "poisson")
     and c.scale.transform != "none",
     "is not possible with head: {0.network.head}, which models the counts themselves; set it to "
     "none"),
]  # fmt: skip


def refuse(rules: Sequence[Rule[S]], checked: S) -> None:
    """Raise one pydantic error with all rules that a section or config breaks.

    `faults.explain` takes it apart.
    """
    faults = []
    for field, broken, fault in rules:
        found = broken(checked)
        for it in found if isinstance(found, list) else [None] * bool(found):
            faults.append((field.format(it=it), fault.format(checked, it=it)))
    if faults:
        text = "; ".join(f"{field} {fault}" for field, fault in faults)
        raise PydanticCustomError("rules", "{text}", {"text": text, "rules": faults})

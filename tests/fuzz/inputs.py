"""Inputs made from good ones: cut, turned, repeated, with what parsers stumble over put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

NASTY_WORDS = (
    "", " ", "-", "+", ".", ",", "=cmd()", "@SUM(A1)", "nan", "NaN", "inf", "-inf", "null", "None",
    "NA", "true", "no", "0", "-0", "1", "-1", "08", "0x1f", "1_000", "1e999", "-1e999", "1e-999",
    "9" * 400, "-" + "9" * 40, "2147483648", "9223372036854775808", "18446744073709551616", "1,5",
    "1.234,5", "1 234", "3.", ".5", "5%", "(5)", "\u0661\u0662", "\u2212" + "5", "\u00bd",
    "\u00b2", "\U0001d7d8", "2024-02-29", "2023-02-29", "2024-02-30", "0000-00-00", "0001-01-01",
    "9999-12-31", "2024-01-01T00:00:00Z", "2024-03-31 02:30", "2024-01-01 24:00",
    "2024-12-31T23:59:60", "31/12/2020", "12/31/2020", "03/04/2020", "2020-W53-7", "2020Q1",
    "Jan 2020", "1.1.20", "2024-01-01 00:00+14:00", "2024-01-01 00:00-25:00", "-2020-01-01",
    "12:30 PM", "1577836800", "1577836800000", "99999999999999", "\u00e9", "e\u0301", "\u202e",
    "\ufeff", "\U0001f600", "\x1a", "\x0c", "a" * 300, "'", '"', '""', "\\", "%", "%s", "%n", "{}",
    "{0}", "${x}", "[/red]", "[bold]", "../../x", "/dev/zero", "C:\\x", "W-SUN", "D",
    "999999999999D", "ME", "step", "auto", "method", "origin",
)  # fmt: skip
"""Cells, values and names that have made a parser stumble somewhere."""

NASTY_BYTES = (
    b"\0", b"\n", b"\r", b"\r\n", b"\n\n", b",", b";", b"\t", b"|", b'"', b"'", b"\xff", b"\xfe",
    b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\x80", b"\x1f\x8b", b"PAR1", b"PK\x03\x04", b"{", b"[", b"<html", b"sep=;\n", b"\x85",
    b"\xc2\x85", b"\xe2\x80\xa8", b"\x0b", b"\x1c", b"# ", b"\x1a", b"," * 40, b"\n" * 40,
    b'"' * 3, b" " * 9, b"-" * 40,
)  # fmt: skip

words = st.one_of(
    st.sampled_from(NASTY_WORDS),
    st.text(max_size=12),
    st.integers(-(2**70), 2**70).map(str),
    st.floats(width=64).map(repr),
)

json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 9),
        st.integers(-(2**70), 2**70),
        st.floats(),
        words,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=6,
)


def mostly(usual: st.SearchStrategy[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Three times in four the usual: what is bad everywhere meets the first check alone."""
    return st.sampled_from([usual, usual, usual, other]).flatmap(lambda chosen: chosen)


Edit = tuple[str, int, int, bytes]
_KINDS = ("flip", "insert", "replace", "delete", "repeat", "cut", "move")


def edits(tokens: Sequence[bytes]) -> st.SearchStrategy[list[Edit]]:
    """What is done to a good input; mostly little, so that most of it stays good."""
    token = st.one_of(
        st.sampled_from(list(tokens)),
        words.map(lambda word: word.encode("utf-8", "surrogatepass")),
        st.binary(max_size=6),
    )
    edit = st.tuples(st.sampled_from(_KINDS), st.integers(0, 2**24), st.integers(0, 80), token)
    return mostly(st.lists(edit, max_size=2), st.lists(edit, min_size=3, max_size=8))


def edited(data: bytes, changes: Sequence[Edit]) -> bytes:
    """An input after its edits."""
    for kind, place, size, token in changes:
        at = place % (len(data) + 1)
        head, piece, tail = data[:at], data[at : at + size], data[at + size :]
        if kind == "flip" and tail:
            data = (
                head + bytes(byte ^ (1 << size % 8) for byte in data[at : at + 1]) + data[at + 1 :]
            )
        elif kind == "insert":
            data = head + token + data[at:]
        elif kind == "replace":
            data = head + token + tail
        elif kind == "delete":
            data = head + tail
        elif kind == "repeat":
            data = head + piece * (2 + size % 7) + tail
        elif kind == "cut":
            data = data[:at] if size % 2 else data[at:]
        elif kind == "move":
            data = piece + head + tail
    return data


def near(
    samples: Sequence[bytes], tokens: Sequence[bytes] = NASTY_BYTES
) -> st.SearchStrategy[bytes]:
    """Inputs near one of the samples."""
    return st.builds(edited, st.sampled_from(list(samples)), edits(tokens))


@dataclass(frozen=True)
class Alike:
    """Stands for a value like the one before: of its type, and perhaps within its bounds.

    Attributes:
        kind: Which of them.
    """

    kind: int

    def of(self, old: Any) -> Any:
        """The value."""
        kind = self.kind
        if isinstance(old, bool):
            return not old
        if isinstance(old, int):
            return [old + 1, old - 1, 2 * old, 0, -old, 7, 2**31, old // 2][kind % 8]
        if isinstance(old, float):
            return [old + 1, -old, 1e300 * old, old * 1e-300, 0.0, 3, 50.0][kind % 7]
        if isinstance(old, str):
            return [old + "x", old[:-1], old.upper(), "", "y", "day", "id", "w", *LIKELY][
                kind % (8 + len(LIKELY))
            ]
        if isinstance(old, list):
            return [old[:-1], old[1:], old + old, old[::-1], [old], old + old[-1:]][kind % 6]
        if isinstance(old, dict):
            return dict(list(old.items())[: kind % (len(old) + 1)])
        return [0, [], {}, "", 1.5, True][kind % 6]


LIKELY = (
    "gru", "rnn", "lstm", "relu", "last", "mean", "all", "state", "seq2seq", "recursive", "direct",
    "normal", "poisson", "quantiles", "standard", "minmax", "none", "log1p", "wide", "rows",
    "long", "auto", "every_step", "forward", "mask", "interpolate", "error", "B", "W-SUN", "MS",
    "12h", "5D", "random", "learned", "zeros", "month", "business", "fixed", "step", "naive",
    "drift", "US",
)  # fmt: skip
"""Texts that mean something in a config or model."""


def put_at(tree: Any, way: Sequence[int], value: Any, remove: bool) -> Any:
    """A copy of nested JSON with another value at the end of a way of branches."""
    if not way or not isinstance(tree, dict | list) or not tree:
        return value.of(tree) if isinstance(value, Alike) else value
    branch, *rest = way
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    chosen = keys[branch % len(keys)]
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    if remove and (not rest or not isinstance(copy[chosen], dict | list)):
        del copy[chosen]
    else:
        copy[chosen] = put_at(copy[chosen], rest, value, remove)
    return copy

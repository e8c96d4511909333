"""Word vectors from a text file of word2vec or GloVe.

A line is a word and its numbers, separated by spaces; a word2vec file begins with two counts, of
words and of numbers. Only the selected vectors are in memory, even if the file is large.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lstmcast.errors import DataError, counted
from lstmcast.tables.raw import bounded_lines

UNKNOWN_WORDS = ("<unk>", "<UNK>", "unk", "UNK")
"""Names that files give to the vector of unknown words."""


@dataclass(frozen=True)
class Vectors:
    """Pretrained vectors of the categories of one column.

    Attributes:
        known: (n, E) float32 vectors, in the order of the words.
        unknown: (E,) vector of all other words: from the file, or the mean of `known`.
    """

    known: np.ndarray
    unknown: np.ndarray

    @property
    def width(self) -> int:
        """E, numbers in a vector."""
        return int(self.known.shape[1])


def read_vectors(path: Path, words: Sequence[str], column: str) -> Vectors:
    """Read the vectors of some words.

    Args:
        path: UTF-8 text file. Words that it lacks get its vector of unknown words, if any.
        words: Categories of the column, matched exactly.
        column: For messages.

    Raises:
        DataError: The file cannot be read, is not a file of vectors, or lacks words.
    """
    try:
        with path.open(encoding="utf-8") as file:
            found, alike = _find(bounded_lines(file, str(path)), words, path)
    except OSError as error:
        raise DataError(
            f"{path}: the vectors of '{column}' (data.vectors) cannot be read: {error.strerror}"
        ) from None
    except UnicodeDecodeError:
        raise DataError(
            f"{path}: the vectors of '{column}' (data.vectors) are not UTF-8 text; save a binary "
            "word2vec file as text first"
        ) from None
    own = next((found[name] for name in UNKNOWN_WORDS if name in found), None)
    missing = [word for word in words if word not in found]
    if missing and (own is None or len(missing) == len(words)):
        raise _missing_vectors(path, column, missing, len(words), alike)
    known = np.stack([found[word] if own is None else found.get(word, own) for word in words])
    return Vectors(known, known.mean(axis=0) if own is None else own)


def _find(
    lines: Iterable[str], words: Sequence[str], path: Path
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Vectors by word, and words of the file that differ from one of `words` in case only."""
    wanted = {*words, *UNKNOWN_WORDS}
    folded = {word.casefold(): word for word in words}
    beginnings = {text.split(None, 1)[0] for word in wanted for text in (word, word.casefold())}
    found: dict[str, np.ndarray] = {}
    alike: dict[str, str] = {}
    width = stated = 0
    for number, line in enumerate(lines, start=1):
        if number == 1 and _counts(line):
            stated = int(line.split()[1])
            continue
        width = width or _width(line, stated, path, number)
        begin = line.split(None, 1)[:1]
        if not begin or (begin[0] not in beginnings and begin[0].casefold() not in beginnings):
            continue
        *word, numbers = _split(line, width, path, number)
        text = " ".join(word)
        if text in wanted:
            found.setdefault(text, _vector(numbers.split(), text, path, number))
        elif text.casefold() in folded:
            alike[folded[text.casefold()]] = text
    if not width:
        raise DataError(f"{path}: the file of vectors (data.vectors) has no vector")
    return found, alike


def _width(line: str, stated: int, path: Path, number: int) -> int:
    """E, from the first line with a vector and the header's count (0: no header)."""
    parts = line.split()
    if len(parts) < 2:
        raise DataError(
            f"{path}, line {number}: expected a word and its vector, got '{line.strip()[:40]}'; "
            "each line of a word2vec or GloVe text file is a word and its numbers"
        )
    plain = len(parts) - 1  # unless the word has spaces, which only a header reveals
    if stated and (plain < stated or (plain > stated and _are_numbers(parts[1:]))):
        raise DataError(
            f"{path}: the header in line 1 states vectors of {counted(stated, 'number')}, but line "
            f"{number} has {plain}; correct the header"
        )
    return stated or plain


def _are_numbers(texts: list[str]) -> bool:
    try:
        np.array(texts, dtype=np.float32)
    except ValueError:
        return False
    return True


def _counts(line: str) -> bool:
    """Whether a first line is the header, two counts."""
    parts = line.split()
    return len(parts) == 2 and all(part.isdecimal() for part in parts)


def _split(line: str, width: int, path: Path, number: int) -> list[str]:
    """The parts of the word, then one text with all its numbers."""
    parts = line.split()
    if len(parts) <= width:
        raise DataError(
            f"{path}, line {number}: '{parts[0]}' has {counted(len(parts) - 1, 'number')}, but the "
            f"vectors before have {width}; all vectors must have the same length"
        )
    return [*parts[:-width], " ".join(parts[-width:])]


def _vector(numbers: list[str], word: str, path: Path, line: int) -> np.ndarray:
    """(E,) float32."""
    if _are_numbers(numbers) and np.isfinite(vector := np.array(numbers, dtype=np.float32)).all():
        return vector
    wrong = next(n for n in numbers if not (_are_numbers([n]) and np.isfinite(np.float32(n))))
    raise DataError(
        f"{path}, line {line}: the vector of '{word}' has '{wrong[:40]}', which is not a finite "
        "number; separate numbers by spaces, with a decimal point"
    )


def _missing_vectors(
    path: Path, column: str, missing: list[str], count: int, alike: dict[str, str]
) -> DataError:
    shown = ", ".join(
        f"'{word}'" + (f" (it has '{alike[word]}')" if word in alike else "")
        for word in missing[:3]
    )
    more = ", ..." if len(missing) > 3 else ""
    noun = "category" if count == 1 else "categories"
    return DataError(
        f"{path} has no vector for {len(missing):,} of the {count:,} {noun} of '{column}': "
        f"{shown}{more}. Words are matched exactly; add their vectors, or one for unknown words "
        f"as '{UNKNOWN_WORDS[0]}'"
    )

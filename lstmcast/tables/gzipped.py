"""Gzipped tables, with protection against gzip bombs."""

from __future__ import annotations

import gzip
import io
import zlib

from lstmcast import limits
from lstmcast.errors import DataError
from lstmcast.tables.raw import refuse_endless_lines


def decompress(raw: bytes, name: str, limit: int = -1) -> bytes:
    """The content of a file that may be gzipped.

    Args:
        raw: Bytes of the file, or of its head.
        name: Name of the file in messages.
        limit: Most bytes to return; below 0: all.

    Raises:
        DataError: It is damaged, incomplete, or a bomb.
    """
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        if limit < 0:
            return _decompress_all(raw, name)
        # The head of a file ends anywhere, so an incomplete stream is no error.
        return zlib.decompressobj(wbits=31).decompress(raw, limit)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            f"{name}: the gzip file is damaged or incomplete ({error}): get it again"
        ) from None


def _decompress_all(raw: bytes, name: str) -> bytes:
    """The content of a whole gzip file, unless it is a bomb."""
    most = max(limits.GZIP_GROWTH * len(raw), limits.GZIP_ALWAYS_TAKEN)
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise DataError(
            f"{name}: the gzip file grows to over {limits.GZIP_GROWTH} times its size, more than a "
            "table usually does; if it is a table, decompress it first"
        )
    refuse_endless_lines(data, name)
    return data

"""The kept models, and model files that say something else than they did."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from lstmcast.runs.tensors import checksum

GOLDEN = Path(__file__).parents[1] / "golden"
TABLE = GOLDEN / "table.csv"
SAMPLE = GOLDEN / "columns-seq2seq.safetensors"

Header = dict[str, Any]


def split(data: bytes) -> tuple[Header, bytes]:
    """The header of a safetensors file, and its tensors' bytes."""
    length = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(header: Header, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def with_json(change: Callable[[dict[str, Any]], Any], data: bytes, honest: bool = True) -> bytes:
    """The file with its JSON changed; an honest forger computes the checksum anew."""
    header, body = split(data)
    described = json.loads(header["__metadata__"]["lstmcast"])
    told = described.pop("checksum")
    change(described)
    described["checksum"] = told
    if honest:
        del described["checksum"]
        described["checksum"] = checksum(load_file(SAMPLE), described)
    header["__metadata__"]["lstmcast"] = json.dumps(described)
    return join(header, body)


def put(place: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set what stands at a dotted place of the JSON."""

    def change(described: dict[str, Any]) -> None:
        *way, last = place.split(".")
        for step in way:
            described = described[step]
        described[last] = value

    return change

"""A safetensors file: tensors, and a JSON text that describes them, under one checksum.

The file is not trusted: a reader can check names, types and shapes before it loads a tensor, and
safetensors compares them with the length of the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lstmcast.errors import RunError
from lstmcast.runs.atomic import write_bytes

CHECKSUM = "checksum"

Signature = tuple[str, tuple[int, ...]]
"""Type and shape of a tensor, as safetensors names them: ("F32", (64, 3))."""


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], key: str, described: Mapping[str, Any]
) -> None:
    """Write tensors and JSON atomically; the same content gives the same bytes.

    Args:
        path: Path of the file.
        tensors: Tensors by name.
        key: Name of the metadata entry for the JSON.
        described: Content of the JSON; the checksum is added to it.

    Raises:
        RunError: The file cannot be written.
    """
    held = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    text = _canonical({**described, CHECKSUM: checksum(held, described)})
    write_bytes(path, save(held, metadata={key: text}))


class TensorFile:
    """A file from `write_tensors`; its tensors are not loaded yet.

    Args:
        path: The file.
        key: Name of the metadata entry with the JSON.

    Attributes:
        described: Content of the JSON, without the checksum.

    Raises:
        RunError: The file is missing, damaged, or has no such entry.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        try:
            opened: Any = safe_open(path, framework="pt", device="cpu")
            self._file = opened
            text = (self._file.metadata() or {}).get(key)
        except (SafetensorError, OSError) as error:
            raise RunError(f"{path} is damaged or not a safetensors file: {error}") from error
        try:
            described = json.loads(text or "", parse_constant=_refuse_constant)
            self._checksum: str | None = described.pop(CHECKSUM, None)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise RunError(f"{path} is a safetensors file, but not from lstmcast") from error
        self.described: dict[str, Any] = described

    def signatures(self) -> dict[str, Signature]:
        """Type and shape of every tensor by name."""
        slices = {name: self._file.get_slice(name) for name in list(self._file.keys())}
        return {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in slices.items()}

    def read(self) -> dict[str, Tensor]:
        """All tensors.

        Raises:
            RunError: The checksum differs. Old files without a checksum are not checked.
        """
        try:
            tensors = {name: self._file.get_tensor(name) for name in self.signatures()}
        except (SafetensorError, OSError) as error:
            raise RunError(f"{self.path} is damaged: {error}") from error
        if self._checksum is not None and self._checksum != checksum(tensors, self.described):
            raise RunError(
                f"{self.path} is damaged: its content does not match its checksum; copy it again"
            )
        return tensors


def checksum(tensors: Mapping[str, Tensor], described: Mapping[str, Any]) -> str:
    """SHA-256 of the JSON, and of name, type, shape and bytes of each tensor, sorted by name."""
    digest = hashlib.sha256(_canonical(described).encode())
    for name in sorted(tensors):
        value = tensors[name]
        kind = str(value.dtype).removeprefix("torch.")
        digest.update(f"\n{name} {kind} {list(value.shape)}\n".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")

"""`import torch` without the parts that only torch's compiler and its shape tests need.

torch ends its own import with `torch._meta_registrations`: Python code for tensors without memory
and for `torch.compile`, with all that this imports a quarter of the time that `import torch` takes.
A command does not need it. So it is put off until somebody asks for anything in it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

PUT_OFF = "torch._meta_registrations"


def put_off() -> None:
    """Have the next `import torch` of this process leave out what it can."""
    if PUT_OFF not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds the one module where it lies, and has it executed later."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = PathFinder.find_spec(fullname, path) if fullname == PUT_OFF else None
        if found is not None and found.loader is not None:
            found.loader = _Later(found.loader)
        return found


class _Later(Loader):
    """Executes a module when somebody wants an attribute of it that no module has by itself."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def exec_module(self, module: ModuleType) -> None:
        def __getattr__(name: str) -> Any:
            del module.__dict__["__getattr__"]
            self.loader.exec_module(module)
            return getattr(module, name)

        module.__dict__["__getattr__"] = __getattr__

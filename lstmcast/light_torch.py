"""Lazy import of the parts of torch that only its compiler and its meta tensors need.

`import torch` ends with `torch._meta_registrations`: Python code for tensors without memory and for
`torch.compile`. With its own imports it takes a quarter of the time of `import torch`. Commands do
not need it. It is imported later, when code reads an attribute of it or imports another part of
torch, which may need it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import Any

PUT_OFF = "torch._meta_registrations"

SUFFICIENT = frozenset({"torch.utils._device"})
"""Parts of torch that work without it; `with torch.device(...)` imports one."""


def put_off() -> None:
    """Make the next `import torch` of this process lazy."""
    if PUT_OFF not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds the module, with a loader that executes it later."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == PUT_OFF:
            found = PathFinder.find_spec(fullname, path)
            if found is not None and found.loader is not None:
                found.loader = _Later(found.loader)
            return found
        if not fullname.startswith("torch.") or fullname in SUFFICIENT or not _is_imported("torch"):
            return None
        sys.meta_path.remove(self)
        getattr(sys.modules.get(PUT_OFF), "anything", None)
        there = sys.modules.get(fullname)  # the line above may have imported it
        return None if there is None else _once(there.__spec__)


class _Later(Loader):
    """Executes a module at the first access to an attribute that it does not have yet."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def exec_module(self, module: ModuleType) -> None:
        lock, begun = RLock(), False

        def __getattr__(name: str) -> Any:
            nonlocal begun
            with lock:  # other threads wait until the import is complete
                if not begun:
                    begun = True
                    self.loader.exec_module(module)
                    del module.__dict__["__getattr__"]
            if name in module.__dict__:
                return module.__dict__[name]
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__dict__["__getattr__"] = __getattr__


class _Present(Loader):
    """Returns a module that is already imported, and restores its own loader."""

    def __init__(self, loader: Loader | None) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader


def _once(spec: ModuleSpec | None) -> ModuleSpec | None:
    """The spec of an imported module, changed so that a second import does not execute it."""
    if spec is not None:
        spec.loader = _Present(spec.loader)
    return spec


def _is_imported(name: str) -> bool:
    """Whether a module is completely imported."""
    module = sys.modules.get(name)
    return module is not None and not getattr(module.__spec__, "_initializing", False)

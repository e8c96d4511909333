"""`import torch` without the parts that only torch's compiler and its shape tests need.

torch ends its own import with `torch._meta_registrations`: Python code for tensors without memory
and for `torch.compile`, with all that this imports a quarter of the time that `import torch` takes.
A command does not need it. So it is put off until somebody asks for anything in it, or imports any
further part of torch: such parts take for granted that it is there.
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
"""Parts of torch that commands import later and that do without: `with torch.device(...)`."""


def put_off() -> None:
    """Have the next `import torch` of this process leave out what it can."""
    if PUT_OFF not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds the one module where it lies, and has it executed later."""

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
        there = sys.modules.get(fullname)  # that may have imported just this
        return None if there is None else _once(there.__spec__)


class _Later(Loader):
    """Executes a module when somebody wants an attribute of it that no module has by itself."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def exec_module(self, module: ModuleType) -> None:
        lock, begun = RLock(), False

        def __getattr__(name: str) -> Any:
            nonlocal begun
            with lock:  # others wait until all of it is there
                if not begun:
                    begun = True
                    self.loader.exec_module(module)
                    del module.__dict__["__getattr__"]
            if name in module.__dict__:
                return module.__dict__[name]
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

        module.__dict__["__getattr__"] = __getattr__


class _Present(Loader):
    """Gives a module that was imported meanwhile, and its own loader back to it."""

    def __init__(self, loader: Loader | None) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader


def _once(spec: ModuleSpec | None) -> ModuleSpec | None:
    """The spec of an imported module, such that importing it once more does not execute it."""
    if spec is not None:
        spec.loader = _Present(spec.loader)
    return spec


def _is_imported(name: str) -> bool:
    """Whether a module's own import is over."""
    module = sys.modules.get(name)
    return module is not None and not getattr(module.__spec__, "_initializing", False)

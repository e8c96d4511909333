"""Compiles layer.c and update.c when lstmcast is built or installed, where that is possible.

Without a C compiler, or on another processor, lstmcast is the same, and slower: torch's own layers
and optimizers take over.
"""

import hashlib
import os
import platform
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path(__file__).parent / "lstmcast"
KERNEL = PACKAGE / "network" / "kernel"
COMPILED = (KERNEL / "layer.c", PACKAGE / "training" / "update.c")
INCLUDED = tuple(KERNEL / name for name in ("gates.h", "pool.h", "weights.h"))
SOURCES = (*COMPILED, *INCLUDED)
FLAGS = ("-O3", "-mfma", "-fPIC", "-shared", "-pthread", "-fno-math-errno", "-fno-trapping-math")
KINDS = {
    "avx512": ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mprefer-vector-width=512"),
    "avx2": ("-mavx2",),
}
"""Processors: the library of each kind is made, and the one that fits taken when it is loaded."""


class CompileKernel(BuildHookInterface):
    """Adds the libraries to what is built; says so where they cannot be made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a wheel is made; of an editable install, too."""
        problem = compile_kernels()
        if problem:
            self.app.display_warning(
                f"lstmcast trains by torch's own layers and optimizers: {problem}"
            )
        made = [path for kind in KINDS if (path := library_of(kind)).is_file()]
        if made:
            build_data["artifacts"] += [f"lstmcast/network/kernel/{path.name}" for path in made]
            build_data["pure_python"] = False
            system = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{system}"


def library_of(kind: str) -> Path:
    """Where the library for processors of a kind goes."""
    return KERNEL / f"kernel_{kind}.so"


def compile_kernels() -> str:
    """Make the libraries of all kinds; returns why one could not be made, or nothing."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return f"no kernel for {platform.machine()} under {platform.system()}"
    compiler = shlex.split(os.environ.get("CC") or "cc")
    return next(filter(None, [compile_kernel(kind, compiler) for kind in KINDS]), "")


def compile_kernel(kind: str, compiler: list[str]) -> str:
    """Make the library of one kind; returns why it could not be made, or nothing."""
    library, flags = library_of(kind), (*FLAGS, *KINDS[kind])
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in SOURCES)).hexdigest()
    made_of = f'-DMADE_OF="{digest} {" ".join(flags)}"'
    unfinished = library.with_suffix(".so.new")
    try:
        library.unlink(missing_ok=True)
        command = [*compiler, *flags, made_of, *map(str, COMPILED), "-o", str(unfinished)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        unfinished.replace(library)
    except subprocess.CalledProcessError as failed:
        return f"{compiler[0]} failed: {failed.stderr.strip()[-300:]}"
    except OSError as error:
        return f"there is no C compiler that can be used: {error}"
    return ""


if __name__ == "__main__":
    print(compile_kernels() or f"made {', '.join(str(library_of(kind)) for kind in KINDS)}")

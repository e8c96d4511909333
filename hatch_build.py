"""Compiles lstmcast/network/lstm.c when lstmcast is built or installed, where that is possible.

Without a C compiler, or on another processor, lstmcast is the same, and slower: torch's own LSTM
layers take over.
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

NETWORK = Path(__file__).parent / "lstmcast" / "network"
SOURCES = tuple(NETWORK / name for name in ("lstm.c", "pool.h", "weights.h"))
LIBRARY = NETWORK / "lstm_kernel.so"
FLAGS = ("-O3", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-fPIC", "-shared",
         "-pthread", "-mprefer-vector-width=512", "-fno-math-errno",
         "-fno-trapping-math")  # fmt: skip


class CompileKernel(BuildHookInterface):
    """Adds lstm_kernel.so to what is built; says so where it cannot be made."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before a wheel is made; of an editable install, too."""
        problem = compile_kernel()
        if problem:
            self.app.display_warning(f"lstmcast trains by torch's LSTM layers alone: {problem}")
            return
        build_data["artifacts"].append("lstmcast/network/lstm_kernel.so")
        build_data["pure_python"] = False
        system = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{system}"


def compile_kernel() -> str:
    """Make lstm_kernel.so; returns why it could not be made, or nothing."""
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return f"no kernel for {platform.machine()} under {platform.system()}"
    compiler = shlex.split(os.environ.get("CC") or "cc")
    digest = hashlib.sha256(b"".join(each.read_bytes() for each in SOURCES)).hexdigest()
    made_of = f'-DMADE_OF="{digest} {" ".join(FLAGS)}"'
    unfinished = LIBRARY.with_suffix(".so.new")
    try:
        LIBRARY.unlink(missing_ok=True)
        command = [*compiler, *FLAGS, made_of, str(SOURCES[0]), "-o", str(unfinished)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        unfinished.replace(LIBRARY)
    except subprocess.CalledProcessError as failed:
        return f"{compiler[0]} failed: {failed.stderr.strip()[-300:]}"
    except OSError as error:
        return f"there is no C compiler that can be used: {error}"
    return ""


if __name__ == "__main__":
    print(compile_kernel() or f"made {LIBRARY}")

"""Compiles lstmcast/network/lstm.c when lstmcast is built or installed, where that is possible.

Without a C compiler, or on another processor, lstmcast is the same: torch's own LSTM layers take
over, at a half of the speed.
"""

import hashlib
import os
import platform
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path(__file__).parent / "lstmcast" / "network" / "lstm.c"
LIBRARY = SOURCE.with_name("lstm_kernel.so")
FLAGS = ("-O3", "-march=x86-64-v4", "-mprefer-vector-width=512", "-fno-math-errno",
         "-fno-trapping-math", "-fPIC", "-shared")  # fmt: skip


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
    LIBRARY.unlink(missing_ok=True)
    if not sys.platform.startswith("linux") or platform.machine() != "x86_64":
        return f"no kernel for {platform.machine()} under {platform.system()}"
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()
    command = [os.environ.get("CC", "cc"), *FLAGS, f'-DMADE_OF="{digest}"', str(SOURCE), "-o"]
    unfinished = LIBRARY.with_suffix(".so.new")
    try:
        subprocess.run([*command, str(unfinished)], check=True, capture_output=True, text=True)
    except FileNotFoundError:
        return f"there is no C compiler ({command[0]})"
    except subprocess.CalledProcessError as failed:
        return f"{command[0]} failed: {failed.stderr.strip()[-300:]}"
    unfinished.replace(LIBRARY)
    return ""


if __name__ == "__main__":
    print(compile_kernel() or f"made {LIBRARY}")

"""torch without what only its compiler needs: less is imported, all still works."""

import subprocess
import sys
from pathlib import Path

import pytest

from lstmcast.light_torch import PUT_OFF, put_off

CONFIGS = Path(__file__).parents[2] / "configs"

LEFT_OUT = ("torch._prims", "torch._refs", "torch._decomp")


def said_by(program):
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", f"import sys\n{program}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


LIGHT = "from lstmcast.light_torch import put_off\nput_off()\nimport torch\n"
LOADED = f"print([name for name in {LEFT_OUT} if name in sys.modules])"


def test_networks_are_outlined_without_it_and_threads_that_want_it_at_once_all_get_it_whole():
    # Outlined without memory: as `predict` does with every model file, `train` with every config.
    program = f"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from lstmcast.config import load_config
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.sizes import Sizes
for path in sorted(Path({str(CONFIGS)!r}).glob("*.yaml")):
    config = load_config(path)
    sizes = Sizes(8, 4, inputs=3, targets=1, future=2, static=1, season=2)
    with torch.device("meta"):
        Forecaster(config.network, sizes, config.training.loss)
{LOADED}
want = lambda _: torch._meta_registrations.pooling_output_shape(10, 2, 0, 2, 1, False)
print(set(ThreadPoolExecutor(4).map(want, range(4))))
{LOADED}
try: torch._meta_registrations.nothing
except AttributeError as error: print(error)
"""
    assert said_by(LIGHT + program).splitlines() == [
        "[]",
        "{5}",
        str(list(LEFT_OUT)),
        "module 'torch._meta_registrations' has no attribute 'nothing'",
    ]


@pytest.mark.parametrize("part", ["torch.utils._content_store", "torch._prims"])
def test_further_parts_of_torch_find_it_there(part):
    # Each once and whole: executed twice, torch refuses to register its operators again.
    same = f"sys.modules[{part!r}] is importlib.import_module({part!r})"
    said = said_by(f"{LIGHT}import importlib, {part}\nprint({same})\n{LOADED}")
    assert said.split("\n") == ["True", str(list(LEFT_OUT))]


def test_torch_compiles_and_distributes_as_ever():
    program = """
import torch.distributed
double = torch.compile(lambda x: 2 * x, backend="eager")
print(double(torch.ones(2)).tolist())
"""
    assert said_by(LIGHT + program) == "[2.0, 2.0]"


def test_nothing_is_put_off_that_was_imported_already():
    __import__(PUT_OFF)
    finders = list(sys.meta_path)
    put_off()
    assert sys.meta_path == finders

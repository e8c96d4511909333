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


def test_what_no_command_needs_is_not_imported():
    assert said_by(f"import torch\n{LOADED}") == str(list(LEFT_OUT)), "torch has changed"
    assert said_by(f"{LIGHT}{LOADED}") == "[]"


def test_it_is_imported_as_soon_as_it_is_wanted():
    shape = "torch._meta_registrations.pooling_output_shape(10, 2, 0, 2, 1, False)"
    assert said_by(f"{LIGHT}print({shape})\n{LOADED}").split("\n") == ["5", str(list(LEFT_OUT))]


@pytest.mark.parametrize("part", ["torch.utils._content_store", "torch._prims"])
def test_further_parts_of_torch_find_it_there(part):
    # Each once and whole: executed twice, torch refuses to register its operators again.
    same = f"sys.modules[{part!r}] is importlib.import_module({part!r})"
    said = said_by(f"{LIGHT}import importlib, {part}\nprint({same})\n{LOADED}")
    assert said.split("\n") == ["True", str(list(LEFT_OUT))]


def test_threads_that_want_it_at_once_all_get_it_whole():
    program = """
from concurrent.futures import ThreadPoolExecutor
want = lambda _: torch._meta_registrations.meta_index_Tensor.__name__
print(set(ThreadPoolExecutor(4).map(want, range(4))))
"""
    assert said_by(LIGHT + program) == "{'meta_index_Tensor'}"


def test_torch_compiles_and_distributes_as_ever():
    program = """
import torch.distributed
double = torch.compile(lambda x: 2 * x, backend="eager")
print(double(torch.ones(2)).tolist())
"""
    assert said_by(LIGHT + program) == "[2.0, 2.0]"


def test_what_no_module_has_is_missing_with_the_usual_error():
    program = "try: torch._meta_registrations.nothing\nexcept AttributeError as e: print(e)"
    said = said_by(LIGHT + program)
    assert said == "module 'torch._meta_registrations' has no attribute 'nothing'"


def test_networks_are_outlined_without_memory_and_without_it():
    # As `predict` does with every model file, and `train` with every config.
    program = f"""
from pathlib import Path
from lstmcast.config import load_config
from lstmcast.network.forecaster import Forecaster
from lstmcast.network.sizes import Sizes
for path in sorted(Path({str(CONFIGS)!r}).glob("*.yaml")):
    config = load_config(path)
    sizes = Sizes(8, 4, inputs=3, targets=1, future=2, static=1, season=2)
    with torch.device("meta"):
        Forecaster(config.network, sizes, config.training.loss)
print([name for name in {LEFT_OUT} if name in sys.modules])
"""
    assert said_by(LIGHT + program) == "[]"


def test_nothing_is_put_off_that_was_imported_already():
    __import__(PUT_OFF)
    finders = list(sys.meta_path)
    put_off()
    assert sys.meta_path == finders


def test_a_training_by_the_command_line_does_without(tmp_path):
    table = "date,y\n" + "".join(f"2020-01-{day:02d},{day % 7}\n" for day in range(1, 32))
    (tmp_path / "table.csv").write_text(table)
    settings = ["-s", "window.lookback=4", "-s", "window.horizon=2", "-s", "training.max_epochs=1"]
    arguments = ["train", str(tmp_path / "table.csv"), "--run", str(tmp_path / "run"), *settings]
    program = f"""
import atexit
atexit.register(lambda: {LOADED})
sys.argv = {["lstmcast", *arguments, "-q"]!r}
from lstmcast.cli.main import main
main()
"""
    assert said_by(program).splitlines()[-1] == "[]"

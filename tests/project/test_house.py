"""The house stays as designed: rooms, file length, borders, a light start."""

import ast
from pathlib import Path

import pytest
from support.daily import daily_text
from support.processes import modules_loaded_by, run_python

PACKAGE = Path(__file__).parents[2] / "lstmcast"
FILES = sorted(PACKAGE.rglob("*.py"))

ROOMS = (
    "errors", "version", "limits", "config",  # open to all
    "parallel", "light_torch", "runs",
    "tables", "stamps", "panel", "windows",  # a table on its way to batches
    "network", "training", "forecasting", "judging",
    "pipeline", "reporting", "inspection", "proposing", "backtesting", "checking",
    "workflows",
    "terminal", "cli", "run", "__init__", "__main__",
)  # fmt: skip
"""From the ground up: a file imports only from rooms named before its own."""

OPEN_TO_ALL = {"errors", "version", "limits", "config"}
STRANGERS = [{"training", "forecasting"}]
KNOW_TORCH = {"light_torch.py", "parallel.py", "runs/tensors.py", "windows/batches.py"}
"""Files below the networks that may name torch: it begins in the batches."""

HEAVY = ("torch", "pandas", "pyarrow", "pydantic", "numpy")


def room(path):
    """The folder or top file that a source file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path):
    """Rooms that a file imports from, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module or ""]
            if node.module == "lstmcast":
                names = [f"lstmcast.{alias.name}" for alias in node.names]
        for name in names:
            if name.split(".")[0] == "lstmcast":
                yield [*name.split("."), "__init__"][1]


def test_files_import_only_from_rooms_below():
    for path in FILES:
        own = room(path)
        for other in {*imported_rooms(path)} - {own} - OPEN_TO_ALL:
            assert ROOMS.index(other) < ROOMS.index(own), f"{path} imports {other}, which is above"
            assert {own, other} not in STRANGERS, f"{path} imports {other}"


def test_config_and_errors_import_nothing_above_them():
    for path in FILES:
        if room(path) in OPEN_TO_ALL:
            assert set(imported_rooms(path)) <= OPEN_TO_ALL


def imported_files(path):
    """Files of the package that a file imports, also where only a type checker reads it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]:
                found = PACKAGE.parent / f"{name.replace('.', '/')}.py"
                if found.is_file():
                    yield found


def test_no_files_import_each_other_in_a_circle():
    graph = {path: set(imported_files(path)) for path in FILES}
    done = set()

    def visit(path, trail):
        assert path not in trail, " -> ".join(str(p.relative_to(PACKAGE)) for p in [*trail, path])
        if path not in done:  # nothing behind it leads back
            for other in graph[path]:
                visit(other, [*trail, path])
            done.add(path)

    for path in FILES:
        visit(path, [])


def test_workflows_has_one_file_for_each_command_and_nothing_else():
    from lstmcast.cli.main import COMMANDS

    named = {path.stem for path in (PACKAGE / "workflows").glob("*.py")} - {"__init__"}
    assert named == {command.__name__ for _, command, *_ in COMMANDS}


SPINE = [
    "read_training_table", "build_training_panel", "prepare_windows", "build_network", "new_run",
    "fit_model", "evaluate", "calibrate", "evaluate", "forecast_after_last_row", "run.write",
]  # fmt: skip


def test_train_is_read_from_the_table_to_the_run_folder():
    tree = ast.parse((PACKAGE / "workflows" / "train.py").read_text(encoding="utf-8"))
    train = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "train")
    calls = [node for node in ast.walk(train) if isinstance(node, ast.Call)]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    called = [ast.unparse(call.func) for call in calls]
    assert [name for name in called if name in SPINE] == SPINE


def test_files_stay_under_300_lines():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert not {str(path): count for path, count in lines.items() if count > 300}


LINES = 36_300
"""Lines of the package: raised only by a commit that says what a user gets for it."""


def test_the_package_stays_small_enough_to_know():
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in FILES) <= LINES


def test_pandas_ends_where_the_panel_begins_and_torch_begins_at_batches():
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        heads = {
            name.split(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
            )
        }
        below_batches = ROOMS.index(room(path)) <= ROOMS.index("windows")
        if below_batches and str(path.relative_to(PACKAGE)) not in KNOW_TORCH:
            assert "torch" not in heads, path
        if room(path) in ("network", "training"):
            assert "pandas" not in heads, path


BANNED_CALLS = {
    "eval", "exec", "compile", "__import__", "input", "os.system", "os.popen",
    "importlib.import_module", "torch.load", "torch.save", "torch.jit.load", "torch.hub.load",
    "np.load", "numpy.load", "pd.read_pickle", "yaml.unsafe_load", "yaml.full_load",
}  # fmt: skip
BANNED_MODULES = {
    "pickle", "cPickle", "joblib", "dill", "shelve", "marshal", "cloudpickle", "subprocess",
}  # fmt: skip


def test_no_code_hides_in_data():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in BANNED_CALLS, f"{path}: {called}"
                assert called != "yaml.load" or "SafeLoader" in ast.unparse(node), path
                if called in ("yaml.compose", "yaml.parse"):
                    assert "_Loader" in ast.unparse(node), path
                allowed = {keyword.arg: keyword.value for keyword in node.keywords}
                assert "allow_pickle" not in allowed, path
            names = set()
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            if isinstance(node, ast.ImportFrom):
                names = {node.module or ""}
            assert not BANNED_MODULES & {name.split(".")[0] for name in names}, path


def test_importing_lstmcast_loads_nothing_heavy():
    assert not modules_loaded_by("import lstmcast") & set(HEAVY)


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--help"], set()),
        (["--version"], set()),
        (["inspect", "--help"], {"pydantic"}),
        (["train", "--help"], {"pydantic"}),  # typer itself builds a command's flags with it
    ],
)
def test_help_loads_nothing_heavy(arguments, allowed):
    code = f"""
sys.argv = ["lstmcast", *{arguments!r}]
from lstmcast.cli.main import main
try:
    main()
except SystemExit as stopped:
    assert not stopped.code
"""
    assert not modules_loaded_by(code) & set(HEAVY) - allowed


def test_windows_and_configs_need_no_torch(tmp_path):
    table = tmp_path / "daily.csv"
    table.write_text(daily_text())
    window = ["window", str(table), "-s", "window.lookback=7"]
    flags = (["-o", str(tmp_path / "w")], ["--dry-run"], ["--show", "0"])
    commands = [*([*window, *flag] for flag in flags), ["configs", "co2"], ["init", str(table)]]
    run_python(f"""
import sys
from lstmcast.cli.main import main
for arguments in {commands!r}:
    sys.argv = ["lstmcast", *arguments]
    try:
        main()
    except SystemExit as stopped:
        assert not stopped.code, stopped.code
    assert "torch" not in sys.modules, arguments
""")


def test_the_python_face_has_exactly_these_names():
    import lstmcast

    assert sorted(lstmcast.__all__) == [
        "Run",
        "backtest",
        "compare",
        "configs",
        "init",
        "inspect",
        "predict",
        "report",
        "rerun",
        "train",
        "window",
    ]
    assert all(hasattr(lstmcast, name) for name in lstmcast.__all__)

"""Which room may know which: imports point one way, and help imports nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "zoo"

# From the files to the served model; a room may import from those before it.
ROOMS = [
    "amounts",
    "errors",
    "keys",
    "options",
    "stems",
    "values",
    "answers",
    "client",
    "versions",
    "preprocess",
    "augment",
    "adversarial",
    "data",
    "models",
    "diagram",
    "losses",
    "metrics",
    "tasks",
    "asking",
    "inference",
    "training",
    "plan",
    "evaluation",
    "check",
    "export",
    "model",
    "run",
    "loading",
    "seeds",
    "comparison",
    "serving",
    "dry_run",
    "preview",
    "listing",
    "finish",
    "cli",
    "__main__",
]
HEAVY = ("tensorflow", "keras", "tensorflow_datasets", "matplotlib", "sklearn", "scipy")


def room_of(module: str) -> str:
    return module.split(".")[1]


def imports(path: Path):
    """Yields every module of zoo that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "zoo":
            yield from (f"zoo.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("zoo."):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("zoo."))


SOURCES = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert own in ROOMS, f"{own} is a new room: say in ROOMS where it stands"
    for module in imports(path):
        room = room_of(module)
        if room in ROOMS:
            assert ROOMS.index(room) <= ROOMS.index(own), f"{own} imports {module}, above it"


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sorted(sys.modules)), file=sys.stderr)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in result.stderr.splitlines()}


COMMANDS = [
    ["--help"],
    ["--version"],
    *([name, "--help"] for name in ("list", "describe", "check", "new", "preview", "run", "train")),
    *([name, "--help"] for name in ("compare", "evaluate", "predict", "export", "models", "serve")),
    ["models"],
    *(["models", name, "--help"] for name in ("rollback", "config")),
    ["list", "encoders"],
    ["list", "recipes"],
    ["list", "datasets"],
    ["list", "tasks"],
    ["list", "tasks", "--json"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_help_and_listings_import_nothing_heavy(arguments):
    code = f"from zoo.cli import main\nmain({arguments!r}, standalone_mode=False)"
    assert not modules_after(code) & set(HEAVY)


def test_the_check_would_notice():
    assert "keras" in modules_after(
        "from zoo.cli import main\nmain(['list', 'decoders'], standalone_mode=False)"
    )


def test_every_command_is_checked():
    from zoo.cli import main

    assert {arguments[0] for arguments in COMMANDS if arguments[-1] == "--help"} >= set(
        main.commands
    )


def test_python_runs_the_package_as_the_command():
    command = [sys.executable, "-m", "zoo", "list", "tasks"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "segmentation" in listed
    wrong = subprocess.run([*command[:3], "trian"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("Usage: python -m zoo ")


def test_public_names_resolve():
    import zoo

    assert set(zoo.__all__) <= set(dir(zoo))
    for name in zoo.__all__:
        assert getattr(zoo, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'buld'"):
        zoo.buld  # noqa: B018


def test_modules_have_at_most_300_lines():
    lengths = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 300} == {}

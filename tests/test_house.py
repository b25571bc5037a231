"""The rules of the house: imports go one way, modules and functions stay short."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import workoutlib

PACKAGE = Path(workoutlib.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# A room may import from itself and from the rooms above it in this list; rooms of one line do not know each other.
FLOORS = (
    {"utils"},
    {"config", "labels", "class_names"},
    {"media"},
    {"gym"},
    {"data"},
    {"models"},
    {"pose"},
    {"workout"},
    {"evaluation"},
    {"training"},
    {"recognition"},
    {"collection"},
    {"plots"},
    {"notebook", "app"},
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
OUTSIDE = {"__init__", "__main__"}  # the package itself: it names the rooms' public names, and starts the app


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything in the package that a module imports, wherever in the module."""
    parts = ["workoutlib", *path.relative_to(PACKAGE).parts]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = parts[: len(parts) - node.level] if node.level else []
            start += node.module.split(".") if node.module else []
            names = [".".join([*start, alias.name]) for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name.split(".")[0] == "workoutlib")


def functions_of(path: Path) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(function: ast.FunctionDef) -> int:
    """Lines from ``def`` to the end, without the docstring: explaining more is no fault."""
    first = function.body[0]
    docstring = first.end_lineno - first.lineno + 1 if ast.get_docstring(function) is not None else 0
    return function.end_lineno - function.lineno + 1 - docstring


def test_every_room_has_its_floor():
    assert {room_of(path) for path in MODULES} - OUTSIDE <= set(FLOOR_OF)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path):
    room = room_of(path)
    for line, name in imported_modules(path):
        other = [*name.split("."), ""][1]
        if room in OUTSIDE or other == room or name == "workoutlib" or other.startswith("__"):
            continue
        assert other in FLOOR_OF, f"{name_of(path)}:{line} imports {name} through the package, not from its room"
        assert FLOOR_OF[other] < FLOOR_OF[room], f"{name_of(path)}:{line} imports {name}, which is no room below it"


def test_no_two_modules_import_each_other():
    """Rooms cannot, by their floors; this is about modules of one room."""
    names = {".".join(["workoutlib", *path.relative_to(PACKAGE).with_suffix("").parts]): path for path in MODULES}
    imports = {
        name: {
            each for _, found in imported_modules(path) for each in (found, found.rpartition(".")[0]) if each in names
        }
        for name, path in names.items()
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a circle of imports: {' -> '.join([*way, name])}"
        if name not in done:
            for other in imports[name] - {name}:
                visit(other, (*way, name))
            done.add(name)

    for name in names:
        visit(name, ())


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_stay_short(path):
    assert len(path.read_text("utf-8").splitlines()) <= 300
    long = {f.name: lines_of(f) for f in functions_of(path) if lines_of(f) > 50}
    assert not long


# arrays throughout the gym: annotations there say little
@pytest.mark.parametrize("path", [path for path in MODULES if room_of(path) != "gym"], ids=name_of)
def test_public_functions_are_annotated(path):
    public = [function for function in functions_of(path) if not function.name.startswith("_")]
    for function in public:
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        bare = [each.arg for each in every if each and each.annotation is None and each.arg not in ("self", "cls")]
        assert not bare, f"{name_of(path)}:{function.lineno} {function.name}: no annotation of {', '.join(bare)}"
        assert function.returns is not None, f"{name_of(path)}:{function.lineno} {function.name} -> ?"

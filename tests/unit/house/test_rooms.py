"""The house as it is drawn: small rooms, no circles between them, one name a class."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGES = ("monitor", "streams")
MOST_FILES = 12


def modules() -> Iterator[Path]:
    return chain.from_iterable((ROOT / package).rglob("*.py") for package in PACKAGES)


def room_of(module: str) -> str | None:
    """The folder of a module's file, in dotted form; None for what is not ours."""
    path = ROOT / module.replace(".", "/")
    if path.is_dir():
        return module
    return module.rpartition(".")[0] if path.with_suffix(".py").exists() else None


def arrows() -> dict[str, set[str]]:
    """Which room imports which other when it is loaded; a room does not count as another to the rooms within it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in modules():
        room = ".".join(path.relative_to(ROOT).parent.parts)
        for node in ast.parse(path.read_text()).body:
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{name.name}" for name in node.names if room_of(f"{node.module}.{name.name}")]
                names = names or [node.module or ""]
            for name in names:
                other = room_of(name)
                if other is not None and other != room and not f"{room}.".startswith(f"{other}."):
                    found[room].add(other)
    return found


def file_arrows() -> dict[str, set[str]]:
    """Which module imports which other, when it is loaded or later."""
    ours = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules()}
    found: dict[str, set[str]] = {}
    for name in ours:
        tree = ast.parse((ROOT / name.replace(".", "/")).with_suffix(".py").read_text())
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        found[name] = (imported & ours) - {name}
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Rooms that import each other in a circle; empty when there is none."""
    done: set[str] = set()

    def walk(room: str, way: list[str]) -> list[str]:
        if room in way:
            return [*way[way.index(room) :], room]
        if room in done:
            return []
        for other in sorted(graph.get(room, ())):
            if found := walk(other, [*way, room]):
                return found
        done.add(room)
        return []

    return next((found for room in sorted(graph) if (found := walk(room, []))), [])


def test_no_room_has_more_than_a_dozen_files() -> None:
    files: dict[str, int] = defaultdict(int)
    for path in modules():
        files[path.relative_to(ROOT).parent.as_posix()] += 1
    assert {room: count for room, count in files.items() if count > MOST_FILES} == {}


def test_no_rooms_import_each_other_in_a_circle() -> None:
    assert circle(arrows()) == []


def test_no_modules_import_each_other_in_a_circle_not_even_later() -> None:
    assert circle(file_arrows()) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def types_of(text: str) -> Iterator[str]:
    """Names of a module's classes, wherever they stand, and of its public aliases of types."""
    module = ast.parse(text)
    yield from (node.name for node in ast.walk(module) if isinstance(node, ast.ClassDef))
    for node in module.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        yield from (name for name in names if name[0].isupper() and not name.isupper())


def test_a_class_or_a_type_has_its_name_alone() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in modules():
        for name in types_of(path.read_text()):
            places[name].append(str(path.relative_to(ROOT)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_types_of_a_module_are_found() -> None:
    text = "LIMIT = 3\n_Own = int\nKey = tuple[str, str]\nPlace: TypeAlias = str\nclass Held:\n    class Within: ...\n"
    assert list(types_of(text)) == ["Held", "Within", "Key", "Place"]

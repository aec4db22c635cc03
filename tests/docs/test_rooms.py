"""Rooms: imports point down, without circles, as docs/architecture.md says."""

import ast
import graphlib
from pathlib import Path

import pytest
from checks import run_python
from documents import ROOT

# From the lowest up.
ROOMS = (
    "support", "imaging", "models", "inference", "evaluation",
    "training", "exporting", "cli",
)  # fmt: skip

# What stands outside of the rooms and may be imported everywhere.
PLAIN = {"_version"}

# Who may import the pipelines.
ABOVE_PIPELINES = {"pipelines", "evaluation", "training", "exporting", "cli"}
BELOW_PIPELINES = {"pipelines", "support", "imaging"}


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts if parts[0] == "sr_keras" else ("sr_keras", *parts))


def sources():
    """{module: its file}; `pipelines` is installed as `sr_keras.pipelines`."""
    folders = (ROOT / "sr_keras", ROOT / "pipelines")
    paths = [path for folder in folders for path in folder.rglob("*.py")]
    alias = ROOT / "sr_keras" / "pipelines.py"
    return {module_of(path): path for path in paths if path != alias}


def imports_of(path, modules):
    """Modules that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            while name and name not in modules:
                name = name.rpartition(".")[0]
            found |= {name} - {""}
    return found


@pytest.fixture(scope="module")
def graph():
    modules = sources()
    return {
        module: imports_of(path, modules) - {module}
        for module, path in modules.items()
    }


def room_of(module):
    """The room of a module; None for the package and its front door."""
    parts = module.split(".")[1:]
    return parts[0] if parts and parts[0] != "__main__" else None


def is_allowed(room, other):
    if other in PLAIN or room == other:
        return True
    if other == "pipelines":
        return room in ABOVE_PIPELINES
    if room == "pipelines":
        return other in BELOW_PIPELINES
    return ROOMS.index(other) < ROOMS.index(room)


def test_imports_point_down(graph):
    wrong = [
        f"{module} imports {other}"
        for module, others in graph.items()
        for other in others
        if room_of(module) not in (None, *PLAIN) and room_of(other)
        if not is_allowed(room_of(module), room_of(other))
    ]
    assert not wrong


def test_there_are_no_circles(graph):
    # A package may import its own modules, and they each other.
    own = {
        module: {o for o in others if not module.startswith(f"{o}.")}
        for module, others in graph.items()
    }
    assert list(graphlib.TopologicalSorter(own).static_order())


def test_enlarging_loads_no_library_that_only_some_need():
    code = (
        "import sys, numpy as np, sr_keras;"
        "sr_keras.upscale(np.zeros((8, 8, 3), 'f'), 'fast', 2);"
        "some = ('skimage', 'tensorflow_datasets');"
        "print([name for name in some if name in sys.modules])"
    )
    done = run_python(code)
    assert done.stdout == "[]\n"
    assert done.stderr == ""  # nor does TensorFlow chat


def test_the_rooms_are_all_there_is():
    folders = {p.name for p in (ROOT / "sr_keras").iterdir() if p.is_dir()}
    assert folders - {"__pycache__", "data", "pipelines"} <= set(ROOMS)


def test_tests_stand_where_their_source_does():
    """Each folder of tests is one of the source, or of the documentation."""
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    for folder in folders:
        place = folder.relative_to(ROOT / "tests")
        assert place != Path(), "a test stands outside of the rooms"
        there = (ROOT / "sr_keras" / place, ROOT / place)
        assert any(path.is_dir() for path in there), place

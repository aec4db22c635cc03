"""sr_keras beside a project's own `pipelines`, in a checkout and installed."""

import ast
import importlib
import os
import pkgutil
import subprocess
import sys

import pytest
from checks import ROOT
from cli_runs import save, scene

import pipelines
import sr_keras.pipelines
from sr_keras.support.console import describe


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that an installation would put on Python's path."""
    place = tmp_path_factory.mktemp("installed")
    base = tmp_path_factory.mktemp("base")
    build = ("build", "--build-base", base, "--build-lib", place)
    subprocess.run(
        [sys.executable, "setup.py", "-q", *map(str, build)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return place


@pytest.fixture
def project(tmp_path):
    """A project that has a package `pipelines` of its own, and photos."""
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/__init__.py").write_text("OWN = True\n")
    for i in range(2):
        save(tmp_path / f"photos/{i}.png", scene(24, 20, seed=i))
    return tmp_path


def python(project, library, *arguments):
    paths = {**os.environ, "PYTHONPATH": str(library)}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=project,
        env=paths,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("place", ["checkout", "installed"])
def test_beside_a_projects_own_pipelines(project, request, place):
    library = ROOT if place == "checkout" else request.getfixturevalue(place)
    job = ("photos", "--scale", 2, "--output", "lr", "--jobs", 2)
    told = python(project, library, "-m", "sr_keras", "prepare", *job)
    assert told.startswith("2 HR images of 2 photos")
    # As in a notebook: the folder one is in comes first.
    code = (
        "import pipelines; from sr_keras import pipelines as ours; "
        "from sr_keras.pipelines.sources import Source; "
        "print(pipelines.OWN, ours.__name__, Source.__module__)"
    )
    told = python(project, library, "-c", code)
    assert told == "True sr_keras.pipelines sr_keras.pipelines.sources.source\n"


def test_an_installation_has_all_modules_and_no_other_name(installed):
    there = {p.name for p in installed.iterdir()}
    assert there == {"sr_keras"}
    for folder, place in (
        ("sr_keras", "sr_keras"),
        ("pipelines", "sr_keras/pipelines"),
    ):
        wanted = {p.relative_to(ROOT / folder)
                  for p in (ROOT / folder).rglob("*.py")}  # fmt: skip
        made = {p.relative_to(installed / place)
                for p in (installed / place).rglob("*.py")}  # fmt: skip
        assert wanted <= made


def test_a_checkout_has_each_module_once():
    assert pipelines is sr_keras.pipelines
    for found in pkgutil.walk_packages(pipelines.__path__, "pipelines."):
        module = importlib.import_module(found.name)
        assert module is importlib.import_module(f"sr_keras.{found.name}")
        assert module.__name__ == module.__spec__.name
        assert module.__name__.startswith("sr_keras.")


def test_nothing_of_sr_keras_asks_for_the_name_alone():
    for path in (*(ROOT / "sr_keras").rglob("*.py"),
                 *(ROOT / "pipelines").rglob("*.py")):  # fmt: skip
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            tops = {name.partition(".")[0] for name in names}
            assert "pipelines" not in tops, f"{path}:{node.lineno}"


def test_no_message_advises_pip_for_a_module_of_our_own():
    own = ModuleNotFoundError(name="sr_keras.pipelines.degradation.chain")
    assert describe(own) == (
        "sr_keras.pipelines.degradation.chain is missing: install sr_keras "
        "again"
    )
    other = ModuleNotFoundError(name="torch")
    assert describe(other) == "torch is missing: install it with pip"

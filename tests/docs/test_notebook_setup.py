"""The notebooks' first cell: where it finds the project, and what it says."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from test_notebooks import ENGLISH, sources

from sr_keras import cli
from sr_keras.support import console

CELL = sources(ENGLISH[0])[0]
PACKAGE = Path(cli.__file__).parents[2]


class Session:
    """IPython without its magic: what the cell runs, prints and leaves."""

    def __init__(self, shell, monkeypatch):
        self.shell, self.commands = shell, []
        monkeypatch.setattr(shell, "system", self._run)
        shell.register_magic_function(self._pip, magic_name="pip")

    def run(self, cell):
        self.result = self.shell.run_cell(cell, store_history=False)
        return self.shell.user_ns

    def _run(self, command):
        self.commands.append(self.shell.var_expand(command))
        if self.clones:
            checkout(Path(command.split()[-1]))

    def _pip(self, line):
        self.commands.append(f"pip {line}")

    clones = True


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    pytest.importorskip("IPython")
    from IPython.core.history import HistoryManager
    from IPython.core.interactiveshell import InteractiveShell

    monkeypatch.setattr(HistoryManager, "enabled", False)
    monkeypatch.setattr(console, "load_keras", lambda: None)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.setenv("PYTHONPATH", "before")
    (tmp_path / "place").mkdir()
    monkeypatch.chdir(tmp_path / "place")
    return Session(InteractiveShell(), monkeypatch)


@pytest.fixture
def foreign(monkeypatch):
    """sr_keras cannot be imported, unless the cell sees to it."""
    find = importlib.util.find_spec

    def found(name, package=None):
        return None if name == "sr_keras" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", found)


def checkout(folder, examples=True):
    (folder / "sr_keras").mkdir(parents=True)
    (folder / "sr_keras" / "__init__.py").touch()
    if examples:
        (folder / "examples" / "photos").mkdir(parents=True)


def test_an_installed_package_with_its_checkout(session):
    names = session.run(CELL)
    session.result.raise_error()
    assert names["root"] == PACKAGE
    assert session.commands == []


def test_an_installed_package_alone(session, monkeypatch, tmp_path):
    spec = importlib.util.find_spec("sr_keras")
    spec.origin = str(tmp_path / "site-packages/sr_keras/__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    share = tmp_path / "prefix/share/sr_keras"
    (share / "examples/photos").mkdir(parents=True)
    assert session.run(CELL)["root"] == share
    assert session.commands == []


@pytest.mark.parametrize("place", [".", "..", "sr_keras", "project"])
@pytest.mark.usefixtures("foreign")
def test_a_checkout_beside_it(session, place):
    checkout(Path(place))
    names = session.run(CELL)
    session.result.raise_error()
    folder = Path(place).resolve()
    assert names["root"].resolve() == folder
    assert Path(sys.path[0]).resolve() == folder
    first, second = os.environ["PYTHONPATH"].split(os.pathsep)
    assert (Path(first).resolve(), second) == (folder, "before")
    assert session.commands == []


@pytest.mark.usefixtures("foreign")
def test_libraries_that_are_missing_are_installed(session, monkeypatch):
    checkout(Path("project"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    session.run(CELL)
    session.result.raise_error()
    assert session.commands == [
        f"pip install -q {Path.cwd()}/project tensorboard"
    ]


@pytest.mark.usefixtures("foreign")
def test_nowhere_is_one_line(session, capsys):
    session.run(CELL)
    out, err = capsys.readouterr()
    assert err == ""
    assert out == (
        "sr_keras is not installed: set REPOSITORY in this cell to the "
        "project's address, or open the notebook in a checkout\n"
    )
    assert session.commands == []
    assert not session.result.success  # what follows is not run


@pytest.mark.usefixtures("foreign")
def test_an_address_is_cloned_and_installed(session):
    cell = CELL.replace("OWNER/sr_keras", "somebody/sr_keras")
    names = session.run(cell)
    session.result.raise_error()
    address = "https://github.com/somebody/sr_keras"
    assert session.commands == [
        f"git clone -q --depth 1 {address} project",
        f"pip install -q {Path.cwd()}/project tensorboard",
    ]
    assert names["root"] == Path.cwd() / "project"


@pytest.mark.usefixtures("foreign")
def test_an_address_that_cannot_be_cloned_is_one_line(session, capsys):
    session.clones = False
    session.run(CELL.replace("OWNER/sr_keras", "nobody/sr_keras"))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("git cannot clone https://github.com/nobody/")


@pytest.mark.usefixtures("foreign")
def test_without_photos_is_one_line(session, capsys):
    checkout(Path("project"), examples=False)
    session.run(CELL)
    (line,) = capsys.readouterr().out.splitlines()
    assert "folder examples are missing" in line

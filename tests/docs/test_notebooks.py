"""The notebooks: what they have to have, and that they run to their end."""

import ast
import json
import os
import re
import signal

import documents
import pytest

from sr_keras import cli

FOLDER = documents.ROOT / "notebooks"
NOTEBOOKS = sorted(p.stem for p in FOLDER.glob("*.ipynb"))
# Twins have the code of these: see below.
ENGLISH = [n for n in NOTEBOOKS if not n.endswith(".zh-CN")]

# What a command or TensorBoard prints where it goes wrong; a notebook goes on.
_FAILED = re.compile(r"^(sr-keras [\w ]+: error|ERROR|fatal): .*", re.M)

# Variables that hold flags or nothing; others hold a value.
_FLAGS = re.compile(r"\{(few|part|truth|model_args)\}")


def cells(name, kind="code"):
    """The cells of one kind, each as dict."""
    content = json.loads((FOLDER / f"{name}.ipynb").read_text("utf-8"))
    return [c for c in content["cells"] if c["cell_type"] == kind]


def sources(name, kind="code"):
    return ["".join(cell["source"]) for cell in cells(name, kind)]


def python(source):
    """A cell without the lines that are IPython's."""
    return re.sub(r"^(\s*)[!%].*$", r"\1pass", source, flags=re.M)


def test_they_are_all_there():
    assert {*ENGLISH} == {
        "zero_shot", "train_on_div2k", "srgan", "adapt_to_your_camera",
        "mobile",
    }  # fmt: skip
    twins = {n.removesuffix(".zh-CN") for n in {*NOTEBOOKS} - {*ENGLISH}}
    assert twins == {"zero_shot", "train_on_div2k"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs_are_stripped(name):
    for cell in cells(name):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_address_is_in_one_variable_and_the_badge(name):
    code = sources(name)
    lines = code[0].splitlines()
    address = re.match(r'REPOSITORY = "https://github.com/([^"]+)"', lines[0])
    repository = address[1]
    rest = "\n".join([*lines[1:], *code[1:]])
    assert "github.com" not in rest
    badge = (
        "(https://colab.research.google.com/github/"
        f"{repository}/blob/main/notebooks/{name}.ipynb)"
    )
    prose = sources(name, "markdown")
    assert badge in prose[0]
    assert repository not in "\n".join(prose).replace(badge, "")


def test_all_begin_with_the_same_cell():
    assert len({sources(name)[0] for name in NOTEBOOKS}) == 1


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_nothing_is_defined_that_belongs_in_the_package(name):
    defining = ast.FunctionDef | ast.ClassDef | ast.Lambda
    imported = False
    for source in sources(name)[1:]:
        nodes = list(ast.walk(ast.parse(python(source))))
        assert not [n for n in nodes if isinstance(n, defining)], source
        modules = [n.module for n in nodes if isinstance(n, ast.ImportFrom)]
        imported |= any((m or "").startswith("sr_keras") for m in modules)
    assert imported


@pytest.mark.parametrize("name", [n for n in NOTEBOOKS if "zh" in n])
def test_a_twin_has_the_same_code(name):
    english = name.removesuffix(".zh-CN")
    assert sources(name) == sources(english)
    kinds = ("markdown", "code")
    one, other = ([len(cells(n, k)) for k in kinds] for n in (name, english))
    assert one == other
    for prose in sources(name, "markdown")[1:]:
        assert re.search("[\u4e00-\u9fff]", prose)


@pytest.mark.parametrize("name", ENGLISH)
def test_commands_parse(name, capsys):
    """Also those that the tests' own settings leave out."""
    for source in sources(name):
        for command in re.findall(r"^\s*!\{cli\} (.*)$", source, re.M):
            command = _FLAGS.sub("", command)
            argv = re.sub(r'"?\{[^}]*\}"?', "1", command).split()
            try:
                cli._parse(argv)
            except SystemExit:
                pytest.fail(f"{name}: {command}\n{capsys.readouterr().err}")


@pytest.mark.slow
@pytest.mark.parametrize("name", ENGLISH)
def test_runs_to_its_end(name, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    client = nbclient.NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    try:
        client.execute(env=environment(tmp_path))
    finally:
        end_tensorboard(tmp_path)
    printed = "\n".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
    )
    assert not _FAILED.search(printed), _FAILED.search(printed)[0]
    if name == "train_on_div2k":
        assert "NOT DIV2K" in printed
    if name == "srgan":
        assert "RANDOM features" in printed


def environment(folder):
    """Few steps, and no network: every download is refused at once."""
    nowhere = "http://127.0.0.1:9"
    return {
        **os.environ,
        "SR_KERAS_QUICK": "1",
        "PYTHONPATH": str(documents.ROOT),
        "TMPDIR": str(folder),
        "TFDS_DATA_DIR": str(folder / "tfds"),
        "KERAS_HOME": str(folder / "keras"),
        **{f"{kind}_proxy": nowhere for kind in ("http", "https")},
    }


def end_tensorboard(folder):
    """End what `%tensorboard` has started."""
    for path in folder.glob(".tensorboard-info/pid-*.info"):
        os.kill(int(path.stem.removeprefix("pid-")), signal.SIGTERM)

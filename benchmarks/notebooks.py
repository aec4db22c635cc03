"""Seconds that each notebook takes from its first cell to its last.

    python benchmarks/notebooks.py
    python benchmarks/notebooks.py mobile srgan --pictures pictures/

Runs them in full, each in an empty folder; needs the extra `test`. `--pictures`
keeps what they show, to be looked at.
"""

import base64
import os
import signal
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat
from common import ROOT, arguments, machine, table

FOLDER = ROOT / "notebooks"


def main():
    args, _ = arguments(
        __doc__,
        ("names", {"nargs": "*", "help": "all, where none is named"}),
        ("--pictures", {"type": Path, "help": "a folder"}),
    )
    print(machine(), end="\n\n")
    names = args.names or sorted(p.stem for p in FOLDER.glob("*.ipynb"))
    rows = []
    for name in names:
        notebook, seconds = run(name)
        rows.append([name, f"{seconds:.0f}"])
        if args.pictures:
            keep_pictures(notebook, args.pictures / name)
    table(["notebook", "s"], rows)


def run(name):
    """The notebook with what it has put out, and the seconds."""
    os.environ["PYTHONPATH"] = str(ROOT)
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TMPDIR"] = folder  # where TensorBoard says who it is
        client = nbclient.NotebookClient(
            notebook, resources={"metadata": {"path": folder}}
        )
        began = time.monotonic()
        try:
            client.execute()
        finally:
            for file in Path(folder).glob(".tensorboard-info/pid-*.info"):
                os.kill(int(file.stem.removeprefix("pid-")), signal.SIGTERM)
        return notebook, time.monotonic() - began


def keep_pictures(notebook, folder):
    """Write a notebook, and its PNGs by the number of their cell."""
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / "notebook.ipynb")
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            content = output.get("data", {}).get("image/png")
            if content:
                path = folder / f"{number}.png"
                path.write_bytes(base64.b64decode(content))


if __name__ == "__main__":
    main()

"""The continuous integration's script, and the files that tools read."""

import re
import subprocess

import pytest
from documents import ROOT

FILES = (".ci/run", "setup.cfg", "pyproject.toml", ".pre-commit-config.yaml")

_FAKE_PIP = """#!/usr/bin/env bash
[[ "$*" != *torch* ]] || exit 1
"""


@pytest.mark.parametrize("name", FILES)
def test_no_registry_stands_in_it(name):
    text = (ROOT / name).read_text("utf-8")
    assert not re.search(r"index-url|find-links|pypi\.org|pytorch\.org", text)
    assert name != ".ci/run" or "://" not in text


def test_it_goes_on_without_torch(tmp_path):
    script = (ROOT / ".ci/run").read_text("utf-8")
    step = re.search(
        r'^say "the other backends.*?(?=^say )', script, re.M | re.S
    )
    assert "'torch==" in step[0]
    pip = tmp_path / ".venv" / "bin" / "pip"
    pip.parent.mkdir(parents=True)
    pip.write_text(_FAKE_PIP)
    pip.chmod(0o755)
    lines = f"set -euo pipefail\nsay() {{ :; }}\n{step[0]}\necho on"
    ended = subprocess.run(
        ["bash", "-c", lines], cwd=tmp_path, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "torch is not to be had: its tests are skipped",
        "on",
    ]

"""The public API: fully annotated, and described by docs/api.md."""

import configparser
import inspect
import typing

import documents
import pytest
from documents import ROOT

import sr_keras
from sr_keras import metrics

PUBLIC = (
    "build", "evaluate", "export", "list_models", "load", "train", "upscale",
    "zero_shot",
)  # fmt: skip


def test_public_names():
    modules = {"images", "metrics"}
    assert {*sr_keras.__all__} == {*PUBLIC, *modules, "__version__"}
    assert dir(sr_keras) == sorted(sr_keras.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_argument_has_a_type(name):
    function = inspect.unwrap(getattr(sr_keras, name))
    arguments = {*inspect.signature(function).parameters, "return"}
    assert arguments == {*function.__annotations__}


@pytest.mark.parametrize("name", ["psnr", "ssim", "ms_ssim", "zncc", "score"])
def test_metrics_have_types(name):
    function = getattr(metrics, name)
    hints = typing.get_type_hints(function)
    assert {*inspect.signature(function).parameters, "return"} == {*hints}


def test_the_page_is_that_of_the_docstrings(monkeypatch):
    """`python tools/api.py` writes it anew."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    import api

    assert documents.text("docs/api.md") == api.page()


def test_mypy_reads_files_that_are_there():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    files = config["mypy"]["files"].replace("\n", " ").split(",")
    assert all((ROOT / name.strip()).is_file() for name in files)

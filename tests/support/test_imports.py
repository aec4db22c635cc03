"""Importing Keras and TensorFlow in less time."""

import gc
import importlib
import os
import signal
import sys

import pytest

from sr_keras.support import signals
from sr_keras.support.console import load_keras
from sr_keras.support.imports import quick_imports


@pytest.fixture
def before(monkeypatch):
    """As in a process that has not imported Keras."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    yield
    gc.unfreeze()
    gc.enable()


def test_no_garbage_is_looked_for(before):
    with pytest.raises(ImportError), quick_imports():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_a_switched_off_collector_stays_so(before):
    gc.disable()
    with quick_imports():
        pass
    assert not gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_nothing_happens_once_keras_is_there(before, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    with quick_imports():
        assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_ctrl_c_waits_until_all_is_imported(before, monkeypatch):
    """TensorFlow, left half imported, crashes or swallows the signal."""
    imported = []

    def slowly(name):
        os.kill(os.getpid(), signal.SIGINT)
        imported.append(name)

    monkeypatch.setattr(importlib, "import_module", slowly)
    # What runs in the background may have been told to ignore it.
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with signals.handled(), pytest.raises(KeyboardInterrupt):
            load_keras()
    finally:
        signal.signal(signal.SIGINT, former)
    assert imported == ["keras"]

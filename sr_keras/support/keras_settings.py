"""Keras's global settings while networks of this package are at work.

`~/.keras/keras.json` or a notebook may have set others. Networks are built and
run with these, and the others are there again afterwards.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator

from sr_keras.support.imports import quick_imports

# By their names in keras.config; it is those of Keras without a keras.json.
STANDARD = {
    "image_data_format": "channels_last",
    "floatx": "float32",
    "epsilon": 1e-7,
    "max_epochs": None,
    "max_steps_per_epoch": None,
}


@contextlib.contextmanager
def standard_settings() -> Iterator[None]:
    """Let Keras have the settings that networks here are written for.

    It may be entered several times and by several threads: the last one to
    leave restores the settings of before.
    """
    with quick_imports():
        import keras

    # Each thread has a policy of its own.
    policy = keras.config.dtype_policy()
    _SHARED.enter()
    keras.config.set_dtype_policy(STANDARD["floatx"])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        _SHARED.leave()


def with_standard_settings(function: Callable) -> Callable:
    """Make a function that runs another one with the standard settings."""

    @functools.wraps(function)
    def run(*args, **kwargs):
        with standard_settings():
            return function(*args, **kwargs)

    return run


def check_backend() -> None:
    """Refuse to compute images unless Keras runs on TensorFlow.

    Raises:
        ValueError: it runs on another backend.
    """
    import keras

    backend = keras.config.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"sr_keras computes images with TensorFlow, and Keras runs on "
            f"{backend}: set KERAS_BACKEND=tensorflow before Keras is "
            'imported, or "backend" in ~/.keras/keras.json'
        )


class _Shared:
    """The settings that all threads share, and who needs them."""

    def __init__(self):
        self._lock = threading.Lock()
        self._users = 0
        self._before = {}

    def enter(self):
        with self._lock:
            if not self._users:
                self._before = _settings()
                _set(STANDARD)
            self._users += 1

    def leave(self):
        with self._lock:
            self._users -= 1
            if not self._users:
                _set(self._before)


_SHARED = _Shared()


def _settings():
    from keras import config

    return {name: getattr(config, name)() for name in STANDARD}


def _set(values):
    from keras import config

    for name, value in values.items():
        getattr(config, f"set_{name}")(value)

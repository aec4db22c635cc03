"""Importing Keras and TensorFlow in less time."""

import contextlib
import gc
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Without a search for garbage among what is imported.

    The two make a million objects that stay. Python would go through all of
    them several times meanwhile, and once more afterwards, which is a quarter
    of the time. What was garbage before is collected first; what is there
    afterwards is not looked at again.
    """
    if "keras" in sys.modules or not gc.isenabled():
        yield
        return
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

"""Starting up: standard streams, and importing Keras in less time."""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator


def fill_streams() -> None:
    """Put something in the place of closed standard streams (`>&-`).

    Otherwise the next file that is opened gets their number, and with it all
    that libraries write to them.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


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


@contextlib.contextmanager
def silent_imports() -> Iterator[None]:
    """Import Keras and TensorFlow without their chatter, and quickly.

    TensorFlow's C++ writes to file descriptor 2 before any of its settings can
    tell it not to. Once Keras is there this does nothing.
    """
    if "keras" in sys.modules:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # it is closed
            kept = os.dup(2)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, 2)
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 2)
        stack.enter_context(quick_imports())
        yield

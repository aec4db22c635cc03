"""The console: lines, exit codes, and importing Keras in silence."""

import contextlib
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator

from sr_keras.support import signals
from sr_keras.support.imports import silent_imports
from sr_keras.support.keras_settings import check_backend, standard_settings

EXIT_DONE = 0
EXIT_SOME_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130  # 128 + SIGINT
EXIT_TERMINATED = 143  # 128 + SIGTERM

# Characters of an error message that are shown: some of TensorFlow's are
# pages long.
_MESSAGE_LENGTH = 500

# Lines on inputs that cannot be read, such as folders, in this command.
_missed = []


class _Own(threading.local):
    """Who hears a thread's lines in place of the console, the last first."""

    def __init__(self):
        self.hearers = []


_own = _Own()

# What a command leaves when it ends: see `load_keras`.
AT_END = contextlib.ExitStack()


def exit_code(interruption):
    """The exit code of a run that was cut short.

    Args:
        interruption: a KeyboardInterrupt, or None for a run that was not.

    Returns:
        int.
    """
    if interruption is None:
        return EXIT_DONE
    if isinstance(interruption, signals.Terminated):
        return EXIT_TERMINATED
    return EXIT_INTERRUPTED


def say(text, stream=None):
    """Print, and go on where nobody can read it any more: `train | head`.

    Args:
        text: str.
        stream: where to, sys.stdout when None.
    """
    if _own.hearers:
        hear, lines = _own.hearers[-1]
        lines.append(text)
        if hear:
            hear(text)
        return
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except OSError:
        mute(stream)


@contextlib.contextmanager
def heard_by(hear: Callable[[str], object] | None) -> Iterator[list[str]]:
    """Run what a command runs within a call from Python.

    Lines go to a function in place of the console, and no bars are drawn.
    Ctrl-C is noted as in a command. In the end Keras's settings and the
    signals' handlers are those of before. Each thread has its own listener.

    Args:
        hear: function of a line of text, or None.

    Yields:
        The lines so far.
    """
    lines = []
    _own.hearers.append((hear, lines))
    kept = AT_END.pop_all()  # `load_keras` of a notebook
    forget_missed()
    try:
        with AT_END, signals.handled():
            yield lines
    finally:
        AT_END.push(kept)
        _own.hearers.pop()


def is_heard() -> bool:
    """Whether lines go to a function."""
    return bool(_own.hearers)


def miss(lines):
    """Say what cannot be read; the command ends with `EXIT_SOME_FAILED`.

    Args:
        lines: iterable of str; one that was said already is passed over.
    """
    for line in lines:
        if line not in _missed:
            _missed.append(line)
            say(line, sys.stderr)


def missed():
    """Whether `miss` has said anything since `forget_missed`."""
    return bool(_missed)


def forget_missed():
    """Begin anew, for the next command."""
    _missed.clear()


def load_keras():
    """Import Keras and TensorFlow, which takes seconds, without their chatter.

    Keras has its standard settings from then on, whatever keras.json says; in
    a command, until its end.

    Raises:
        KeyboardInterrupt: there was a signal meanwhile.
        ValueError: Keras runs on another backend than TensorFlow.
    """
    signals.check()
    if "keras" not in sys.modules:
        _import_keras()
    check_backend()
    AT_END.enter_context(standard_settings())


def _import_keras():
    # Whatever ~/.keras/keras.json says: training here is TensorFlow's.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    sys.stderr.flush()
    with silent_imports():
        importlib.import_module("keras")
    signals.check()


def describe(error):
    """The error's message as one line, fit for a person.

    Args:
        error: an exception.

    Returns:
        str, without line breaks; an OSError's is "reason: file".
    """
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    if isinstance(error, ModuleNotFoundError):
        if error.name.partition(".")[0] == "sr_keras":
            return f"{error.name} is missing: install sr_keras again"
        return f"{error.name} is missing: install it with pip"
    text = " ".join(str(error).split())
    if len(text) > _MESSAGE_LENGTH:
        text = text[:_MESSAGE_LENGTH] + "..."
    if isinstance(error, ValueError | TypeError | OSError) and text:
        return text
    hint = "set SR_KERAS_TRACEBACK=1 to see where"
    return f"{type(error).__name__}: {text} ({hint})"


def mute(stream):
    """Send a stream that cannot be written to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

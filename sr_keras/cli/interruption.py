"""Ctrl-C and SIGTERM."""

import contextlib
import signal


class Terminated(KeyboardInterrupt):
    """SIGTERM, unwound like Ctrl-C so that both leave the best result."""


@contextlib.contextmanager
def terminable():
    """Let SIGTERM raise Terminated."""
    with _handled(_terminate, signal.SIGTERM):
        yield


@contextlib.contextmanager
def abruptly():
    """Let Ctrl-C and SIGTERM end the process at once.

    Where TensorFlow waits for other machines, Python's handlers do not run.
    """
    with _handled(signal.SIG_DFL, signal.SIGINT, signal.SIGTERM):
        yield


@contextlib.contextmanager
def patience():
    """Let files be written whole: an interruption waits until they are.

    Yields:
        List that gets the interruptions, to be looked at afterwards.
    """
    waiting = []

    def note(number, frame):
        kind = Terminated if number == signal.SIGTERM else KeyboardInterrupt
        waiting.append(kind())

    with _handled(note, signal.SIGINT, signal.SIGTERM):
        yield waiting


@contextlib.contextmanager
def _handled(handler, *numbers):
    """Handle signals, but those that the process was told to ignore."""
    kept = {}
    try:
        for number in numbers:
            if signal.getsignal(number) != signal.SIG_IGN:
                with contextlib.suppress(ValueError):  # not the main thread
                    kept[number] = signal.signal(number, handler)
        yield
    finally:
        for number, former in kept.items():
            signal.signal(number, former)


def _terminate(number, frame):
    raise Terminated

"""Ctrl-C and SIGTERM: a handler notes them, the loops look at them.

An exception raised by a signal handler can surface anywhere, and imports and
graph building have swallowed it. Here the handler only notes the signal, and
`check` raises at places where nothing can be lost.

A process that runs a command has a watchdog besides: a thread that sees the
signal even if the main thread is in C code. It ends the process if no loop has
done so `GRACE` seconds after the signal, and at once after a second signal.
Functions given to `undone` are called first, so that nothing half-written is
left.

Without `handled` or `watch`, as in a notebook, all of this does nothing, and
KeyboardInterrupt is Python's own.
"""

import contextlib
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

from sr_keras.support.imports import fill_streams

# Seconds after the first signal, or after the end of what may not be cut
# short, until the watchdog ends the process.
GRACE = 4.0

# Seconds between two looks of the watchdog after a signal.
_LOOK = 0.1

_HANDLED = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
    """SIGTERM; it unwinds like Ctrl-C, so that both leave the best result."""


class _State:
    """The signals of this process.

    Attributes:
        first: the number of the first signal, or None.
        raised: whether `check` has raised it.
        held: how many `hold` contexts are open.
        patient: notices of the open `patience` contexts.
        since: time.monotonic() of the signal, or of the end of the last
            `patience` after it.
        undos: functions that remove what is half-written.
        errors: the watchdog's stderr; None if there is no watchdog.
        ending: whether the watchdog is ending the process.
    """

    def __init__(self):
        self.undos, self.errors, self.ending = {}, None, False
        self.reset()

    def reset(self):
        """Forget the signals."""
        self.first, self.raised, self.since = None, False, 0.0
        self.held, self.patient = 0, []


_state = _State()


def noted() -> KeyboardInterrupt | None:
    """Return the exception that the first signal stands for, if any."""
    if _state.first is None:
        return None
    return (
        Terminated if _state.first == signal.SIGTERM else KeyboardInterrupt
    )()


def check() -> None:
    """Raise the signal that has been noted, once, in the main thread.

    Raises:
        KeyboardInterrupt: after Ctrl-C; Terminated after SIGTERM.
    """
    if _state.first is None or _state.raised or _state.held:
        return
    if threading.current_thread() is threading.main_thread():
        _state.raised = True
        raise noted()


@contextlib.contextmanager
def hold() -> Iterator[None]:
    """Let `check` raise nothing: the caller looks at `noted` itself."""
    _state.held += 1
    try:
        yield
    finally:
        _state.held -= 1


@contextlib.contextmanager
def patience(notice: str | None = None) -> Iterator[None]:
    """Take the time it takes after the first signal.

    Args:
        notice: one line that the watchdog prints if it takes longer than
            `GRACE`.
    """
    _state.patient.append(notice)
    try:
        yield
    finally:
        _state.patient.remove(notice)
        _state.since = time.monotonic()


@contextlib.contextmanager
def undone(undo: Callable[[], object]) -> Iterator[None]:
    """Have a function called if the watchdog ends the process meanwhile.

    Args:
        undo: it removes what is half-written; it may be called twice.
    """
    key = object()
    while _state.ending:  # begin nothing new
        time.sleep(_LOOK)
    _state.undos[key] = undo
    try:
        yield
    finally:
        _state.undos.pop(key, None)


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Note Ctrl-C and SIGTERM meanwhile; a second one raises at once.

    Signals that the process was told to ignore stay ignored. Under a watchdog
    this does nothing: the handlers are installed already.
    """
    if _state.errors is not None:
        yield
        return
    _state.reset()
    kept = {}
    try:
        install(kept)
        yield
    finally:
        for number, former in kept.items():
            signal.signal(number, former)
        _state.reset()


def install(kept: dict | None = None) -> None:
    """Install the handlers; again after TensorFlow has replaced them.

    Args:
        kept: gets the former handlers.
    """
    for number in _HANDLED:
        if signal.getsignal(number) == signal.SIG_IGN:
            continue
        with contextlib.suppress(ValueError):  # not the main thread
            former = signal.signal(number, _note)
            if kept is not None:
                kept[number] = former


def watch() -> None:
    """Note Ctrl-C and SIGTERM until the process ends, and start the watchdog.

    For a process that runs a command and nothing else.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if _state.errors is not None or not is_main:
        return
    fill_streams()
    _state.errors = os.dup(2)  # load_keras silences stderr
    here, there = socket.socketpair()
    here.setblocking(False)
    threading.Thread(target=_watch, args=(there,), daemon=True).start()
    signal.set_wakeup_fd(here.detach(), warn_on_full_buffer=False)
    install()


def serve() -> None:
    """Leave Ctrl-C to the parent, in a worker process; SIGTERM ends it.

    Ctrl-C in a terminal goes to all processes; the parent sees to the end.
    """

    def end(number, frame):
        _undo()
        os._exit(128 + number)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)


def leave(code: int) -> None:
    """End a process with a watchdog, if a signal has been noted.

    TensorFlow's own end may take long, and is needed for nothing.
    """
    if _state.errors is not None and _state.first is not None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        _end_children()
        os._exit(code)


def _note(number, frame=None):
    if _state.first is None:
        _state.first, _state.since = number, time.monotonic()
    elif _state.errors is None:
        _state.raised = True
        raise noted()


def _watch(signals):
    """Wait for signals, in a thread of its own."""
    count, said = 0, False
    while True:
        waits = _LOOK if count else None
        if select.select([signals], [], [], waits)[0]:
            for number in signals.recv(64):
                if number in _HANDLED:
                    count += 1
                    _note_once(number)
        if count > 1:
            _end()
        if not count or time.monotonic() - _state.since < GRACE:
            continue
        patient = list(_state.patient)
        if not patient:
            _end()
        if not said and patient[-1]:
            said = True
            _say(patient[-1])


def _note_once(number):
    # The handler may be late: it runs in the main thread.
    if _state.first is None:
        _note(number)


def _end() -> NoReturn:
    """End the process from the watchdog's thread."""
    _state.ending = True
    try:
        _undo()
        _end_children()
        _say("stopped")
        _undo()  # a file that was being opened meanwhile
    finally:
        os._exit(128 + _state.first)


def _undo():
    for undo in reversed(list(_state.undos.values())):
        with contextlib.suppress(Exception):
            undo()


def _end_children():
    # It may be half imported.
    module = sys.modules.get("multiprocessing.process")
    children = getattr(module, "active_children", tuple)()
    for child in children:
        child.terminate()
    for child in children:
        child.join(_LOOK)
        child.kill()
    # Those of libraries, too, where the system tells them.
    tasks = "/proc/self/task"
    with contextlib.suppress(OSError):
        for task in os.listdir(tasks):
            with open(f"{tasks}/{task}/children") as file:
                numbers = [int(number) for number in file.read().split()]
            for number in numbers:
                with contextlib.suppress(OSError):
                    os.kill(number, signal.SIGKILL)


def _say(text):
    # Not by way of sys.stderr, whose lock the main thread may hold.
    clear = "\r\033[K" if os.isatty(_state.errors) else ""
    with contextlib.suppress(OSError):
        os.write(_state.errors, f"{clear}{text}\n".encode())

"""Files that appear whole or not at all, and never in place of an input."""

import contextlib
import os
import queue
import shutil
import stat
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sr_keras.support import signals

# Strips that may wait for the encoder.
_WAITING = 1

# Seconds between two looks at whether the encoder still lives.
_LOOK = 0.2


@contextlib.contextmanager
def replaced(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A file that gets its name when it is complete.

    Args:
        path: its name; a link stays a link, to what is replaced behind it.

    Yields:
        The open file, to be written and read.

    Raises:
        OSError: the place cannot be written, or is full.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{os.urandom(8).hex()}.tmp")
    with telling(path), signals.undone(temporary.unlink):
        try:
            with open(temporary, "xb+") as file:
                yield file
                file.flush()
                # Some disks tell only now that they are full.
                os.fsync(file.fileno())
            if target.exists():
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


@contextlib.contextmanager
def telling(path: str | os.PathLike) -> Iterator[None]:
    """Says which file could not be written, and what to do.

    Args:
        path: its name.

    Raises:
        OSError: where one is raised within.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error).partition("\n")[0]
        raise OSError(
            f"{path} cannot be written ({reason}): give a folder that exists, "
            "that you may write to and that has room"
        ) from error


class Originals:
    """The files that a command reads, and so must not replace.

    Files are compared, not names: a link to an input is the input, and so is
    its name in capitals if the disk does not tell them apart.

    Args:
        paths: of the files, or an open file's number; None, folders and what
            is not there are passed over.
    """

    def __init__(self, paths: Iterable[str | os.PathLike | int | None]):
        self._known = {}
        for path in paths:
            if (identity := _identity(path)) is not None:
                self._known.setdefault(identity, path)

    def check(self, *outputs: str | os.PathLike | None) -> None:
        """Refuse to write to an input.

        Args:
            *outputs: files that will be written; None is passed over.

        Raises:
            ValueError: one is an input.
        """
        for output in outputs:
            original = self._known.get(_identity(output))
            if original is None:
                continue
            link = "" if _is_same(output, original) else f", {original},"
            raise ValueError(
                f"{output} is an input itself{link} and would be lost: give "
                "another name"
            )


def _identity(path):
    """Device and number of a file; None where there is none."""
    try:
        state = os.stat(path)
    except (OSError, TypeError, ValueError):
        return None
    return (state.st_dev, state.st_ino) if stat.S_ISREG(state.st_mode) else None


def _is_same(output, original):
    return os.path.abspath(output) == os.path.abspath(str(original))


class Pump:
    """Strips on their way to an encoder, which works in a thread of its own.

    A context manager: when it is left the encoder is done; where it is left
    by an exception, the encoder is stopped.

    Args:
        encode: function of an iterator of ndarrays (rows, width, C), called
            in the thread.
    """

    def __init__(self, encode):
        self._encode = encode
        self._strips = queue.Queue(_WAITING)
        self._error = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, error, trace):
        self._give(_Stop if kind else None)
        self._thread.join()
        if self._error and kind is None:
            raise self._error

    def put(self, strip: np.ndarray) -> None:
        """Hand over a strip; it must not be changed afterwards.

        Raises:
            What the encoder has raised.
        """
        self._give(strip)
        if self._error:
            raise self._error

    def _give(self, what):
        while self._thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._strips.put(what, timeout=_LOOK)
                return

    def _work(self):
        try:
            self._encode(self._all())
        except _Stop:
            pass
        except Exception as error:
            self._error = error

    def _all(self):
        while (strip := self._strips.get()) is not None:
            if strip is _Stop:
                raise _Stop
            yield strip


class _Stop(Exception):  # noqa: N818, nothing is wrong
    """The strips end early."""

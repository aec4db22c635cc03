"""The record of single results in a folder: what made each of them."""

import collections
import contextlib
import json
import os
import sys
import threading
from typing import NamedTuple

from sr_keras.support.console import describe, say
from sr_keras.support.folders import save_text
from sr_keras.support.progress import aside

# Its name, beside the results.
LEDGER = ".upscale.json"


class Entry(NamedTuple):
    """The origin of a result.

    Attributes:
        photo: absolute path of the photo; None for stdin.
        settings: JSON of the settings; "null" for a file that belongs to a
            result, such as a trust map.
    """

    photo: str | None
    settings: str


class Ledger:
    """The photo and the settings that each result in a folder comes from.

    The file has a line of JSON for each result. Lines are appended: the time
    for a photo does not grow with the number of photos, and processes that
    work in one folder keep each other's lines. The last line of a name holds.
    Earlier versions wrote one object, {name: entry}; it is read, and becomes
    lines when there is something to add. Threads share a ledger.

    Args:
        folder: Path of the results.
    """

    def __init__(self, folder):
        self._path = folder / LEDGER
        self._entries, self._names = {}, collections.defaultdict(set)
        self._read_to = (None, 0)  # the file's inode, and bytes of it
        self._is_old = self._warned = False
        self._lock = threading.RLock()

    def __contains__(self, name):
        with self._lock:
            self._refresh()
            return name in self._entries

    def made(self, photo, settings):
        """The names of the results that a photo has with some settings.

        Args:
            photo: Path, or None.
            settings: str, JSON as `dumped` gives it.

        Returns:
            Set of str.
        """
        with self._lock:
            self._refresh()
            return set(self._names[_entry(photo, settings)])

    @contextlib.contextmanager
    def making(self, photo, settings, paths):
        """Record results while they are being written.

        The line is there before the result is: if the process is killed, no
        result is of unknown origin. A result of another origin that is to be
        replaced is forgotten before that.

        Args:
            photo: Path, or None.
            settings: str, JSON as `dumped` gives it.
            paths: list of Path, the result and then what belongs to it.
        """
        entries = {
            path: _entry(photo, "null" if i else settings)
            for i, path in enumerate(paths)
        }
        with self._lock:
            self._refresh()
            former = {path: self._entries.get(path.name) for path in paths}
        for path, entry in entries.items():
            if former[path] != entry:
                self._note(path.name, None if path.exists() else entry)
        try:
            yield
        except BaseException:
            entries = former
            raise
        finally:
            for path, entry in entries.items():
                self._note(path.name, entry if path.exists() else None)

    def _note(self, name, entry):
        """Append a line if it says something new."""
        with self._lock:
            if self._entries.get(name) == entry:
                return
            self._set(name, entry)
            try:
                self._append(_line(name, entry))
            except OSError as error:
                self._warn(error)

    def _append(self, line):
        if self._is_old:
            lines = (_line(*pair) for pair in self._entries.items())
            save_text(self._path, "".join(lines))
            return
        with open(self._path, "ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read() != b"\n":  # the disk was full, or a kill
                    line = f"\n{line}"
            file.write(line.encode())

    def _refresh(self):
        """Read the lines that this or another process has appended."""
        try:
            state = os.stat(self._path)
            if (state.st_ino, state.st_size) == self._read_to:
                return
            inode, start = self._read_to
            start = start if state.st_ino == inode else 0
            with open(self._path, "rb") as file:
                file.seek(start)
                content = file.read()
        except OSError:
            return
        old = _parsed(content) if start == 0 else None
        self._is_old = bool(old) and "result" not in old
        if self._is_old:
            lines = [
                {"result": name, **entry}
                for name, entry in old.items()
                if isinstance(entry, dict)
            ]
        else:
            # A line that is being written has no end yet.
            content = content[: content.rfind(b"\n") + 1]
            lines = filter(None, map(_parsed, content.splitlines()))
        self._read_to = state.st_ino, start + len(content)
        for line in lines:
            entry = None
            if "settings" in line:
                entry = _entry(line.get("photo"), dumped(line["settings"]))
            self._set(str(line.get("result")), entry)

    def _set(self, name, entry):
        former = self._entries.pop(name, None)
        self._names[former].discard(name)
        if entry is not None:
            self._entries[name] = entry
            self._names[entry].add(name)

    def _warn(self, error):
        if not self._warned:
            self._warned = True
            reason = error.strerror or describe(error)
            with aside():
                say(
                    f"{self._path} cannot be written ({reason}): the results "
                    "are whole, but the next run will not know their settings",
                    sys.stderr,
                )


def dumped(settings):
    """Settings as JSON that is equal where they are.

    Args:
        settings: what json takes.

    Returns:
        str.
    """
    return json.dumps(settings, sort_keys=True)


def _entry(photo, settings):
    path = None if photo is None else os.path.abspath(str(photo))
    return Entry(path, settings)


def _line(name, entry):
    line = {"result": name}
    if entry is not None:
        settings = json.loads(entry.settings)
        line |= {"photo": entry.photo, "settings": settings}
    return json.dumps(line) + "\n"


def _parsed(content):
    """A dict from JSON; None if it is none."""
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

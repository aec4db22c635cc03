"""Searching folders for files: patterns, links, folders that cannot be read."""

import collections
import fnmatch
import functools
import os
from collections.abc import Iterator
from pathlib import Path

# In a pattern: any number of folders.
_ANY_FOLDERS = "**"


class Search:
    """The files of a folder and its subfolders, or those of a pattern.

    Linked folders are searched too, every folder once, so that a link to a
    folder above it ends there. Hidden files and folders are left out.

    Args:
        pattern: a folder, or a pattern with *, ?, [ ] and ** .

    Attributes:
        root: Path of the folder, or of the part of the pattern before its
            first special character.
        files: list of Path relative to it, sorted.
        unreadable: dict of the Path of a folder that cannot be read, or of a
            link to nothing -> why.
        matched: whether anything is there, be it a folder.

    Raises:
        OSError: `root` itself cannot be read.
    """

    def __init__(self, pattern: str | os.PathLike):
        path = Path(pattern)
        self.root, parts = path, (_ANY_FOLDERS, "*")
        if not path.is_dir():
            self.root, parts = _divide(path.parts)
        self.unreadable = {}
        self.matched = path.is_dir()
        self.files = self._once(set(self._matches(Path(), parts)))

    def _once(self, found: set[Path]) -> list[Path]:
        """Files without those of a folder that was found by a link as well."""
        root, ranked = self.root.resolve(), []
        real = functools.cache(lambda place: (root / place).resolve())
        places = {name.parent for name in found}
        if len({real(place) for place in places}) == len(places):
            return sorted(found)
        for name in found:
            is_linked = real(name.parent) != root / name.parent
            ranked.append((is_linked, len(name.parts), name))
        files = {}
        for *_, name in sorted(ranked):
            files.setdefault((real(name.parent), name.name), name)
        return sorted(files.values())

    def _matches(self, place: Path, parts: tuple) -> Iterator[Path]:
        """Files that match the parts of a pattern, below a place."""
        if not parts:
            return
        part, *rest = parts
        if part == _ANY_FOLDERS:
            for folder in self._folders(place):
                yield from self._matches(folder, tuple(rest) or ("*",))
            return
        for entry in self._entries(place):
            if entry.name != part and not fnmatch.fnmatch(entry.name, part):
                continue
            self.matched = True
            if rest and _is_folder(entry):
                yield from self._matches(place / entry.name, tuple(rest))
            elif not rest and self._is_file(entry):
                yield place / entry.name

    def _folders(self, top: Path) -> Iterator[Path]:
        """A folder and those below it, each once; linked ones last."""
        seen = set()
        places, links = collections.deque([top]), collections.deque()
        while places or links:
            place = places.popleft() if places else links.popleft()
            state = os.stat(self.root / place)
            if (state.st_dev, state.st_ino) in seen:
                continue
            seen.add((state.st_dev, state.st_ino))
            yield place
            for entry in self._entries(place):
                if _is_folder(entry):
                    queue = links if entry.is_symlink() else places
                    queue.append(place / entry.name)

    def _entries(self, place: Path) -> list[os.DirEntry]:
        """All in a folder that is not hidden."""
        folder = self.root / place
        try:
            with os.scandir(folder) as entries:
                found = [e for e in entries if not e.name.startswith(".")]
        except OSError as error:
            if place == Path():
                raise
            self.unreadable[folder] = error.strerror
            return []
        return sorted(found, key=lambda entry: entry.name)

    def _is_file(self, entry: os.DirEntry) -> bool:
        try:
            if entry.is_symlink():
                os.stat(entry.path)
            return entry.is_file()
        except OSError as error:
            self.unreadable[Path(entry.path)] = error.strerror
            return False


def _divide(parts: tuple) -> tuple[Path, tuple]:
    """The root of a pattern, and the parts that are to be matched.

    A folder whose name has brackets is taken as it is called.
    """
    root = Path()
    for i, part in enumerate(parts):
        special = any(sign in part for sign in "*?[")
        if special and not (root / part).is_dir():
            return root, parts[i:]
        root /= part
    return root.parent, parts[-1:]


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False

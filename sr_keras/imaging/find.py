"""Finding the image files that a path, a folder or a pattern means."""

import collections
import contextlib
import os
from pathlib import Path

from sr_keras.support.search import Search

# Suffix -> format. GIF and AVIF are read only.
SUFFIXES = {
    ".png": "png",
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".webp": "webp",
    ".bmp": "bmp",
    ".npy": "npy",
    ".gif": "gif",
    ".avif": "avif",
}

# Rarer suffixes of the same formats.
SUFFIXES |= dict.fromkeys((".jfif", ".jif", ".jpe", ".pjpeg", ".pjp"), "jpg")
SUFFIXES |= {".mpo": "jpg", ".apng": "png", ".dib": "bmp", ".avifs": "avif"}
SUFFIXES |= {".btf": "tiff", ".tf8": "tiff", ".cog": "tiff", ".gtiff": "tiff"}

# Suffixes of texts, tables and networks, which nobody takes for photos.
_NO_PHOTOS = {".txt", ".md", ".json", ".jsonl", ".csv", ".xml", ".html"}
_NO_PHOTOS |= {".log", ".xmp", ".ini", ".db", ".py", ".sh", ".yaml", ".keras"}

# The same of files without a suffix.
_NO_PHOTO_NAMES = {"license", "licence", "readme", "copying", "makefile"}

# Suffixes that a message lists; the others are counted together.
_LISTED = 6


class Found(list):
    """Pairs of the path of an image and its path relative to the folder.

    Attributes:
        unreadable: list of str, a line for each folder or link that cannot
            be read.
        left_out: str, a sentence as `left_out` gives it, or None.
    """

    def __init__(self, pairs=(), unreadable=(), left_out=None):
        super().__init__(pairs)
        self.unreadable, self.left_out = list(unreadable), left_out


def find(pattern: str | os.PathLike) -> Found:
    """Lists image files.

    Args:
        pattern: a file, which is taken whatever its suffix; a folder, which is
            searched with its subfolders, linked ones too; or a pattern with *,
            ? and ** .

    Returns:
        Sorted pairs of a path and that path relative to the folder, or to the
        part of the pattern before its first special character. Hidden files
        and folders, and files without a suffix of `SUFFIXES`, are left out.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: what there is has no images.
        OSError: the folder itself cannot be read.
    """
    search = _search(pattern)
    if search is None:
        path = Path(pattern)
        return Found([(path, Path(path.name))])
    unreadable = [
        f"{path} cannot be read ({why}): left out"
        for path, why in search.unreadable.items()
        # Nobody misses other files than images.
        if path.suffix.lower() in SUFFIXES or path.is_dir() or not path.suffix
    ]
    pairs = (
        (search.root / name, name)
        for name in search.files
        if name.suffix.lower() in SUFFIXES
    )
    others = _counts(search)
    images = Found(pairs, unreadable, _sentence(pattern, others))
    if not images:
        suffixes = " ".join(SUFFIXES)
        found = f", found {others}" if others else ""
        lines = "".join(f"; {line}" for line in unreadable)
        raise ValueError(
            f"{os.fspath(pattern)} has no images: looked for {suffixes}"
            f"{found}{lines}"
        )
    return images


def left_out(pattern: str | os.PathLike) -> str | None:
    """Counts the files that `find` leaves out because of their suffix.

    Args:
        pattern: as for `find`.

    Returns:
        A sentence with the number for each suffix; None where there are none.
        Texts and tables do not count.
    """
    return _sentence(pattern, _counts(_search(pattern)))


def _sentence(pattern: str | os.PathLike, counts: str) -> str | None:
    if not counts:
        return None
    return f"{os.fspath(pattern)}: {counts} left out: not a kind that is read"


def _counts(search: Search | None) -> str:
    """How many files of each other suffix there are: "2 .heic, 1 .psd"."""
    if search is None:
        return ""
    known = SUFFIXES.keys() | _NO_PHOTOS
    names = (n for n in search.files if n.name.lower() not in _NO_PHOTO_NAMES)
    suffixes = [name.suffix.lower() for name in names]
    counts = collections.Counter(s for s in suffixes if s not in known)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [f"{n} {s or 'without a suffix'}" for s, n in ranked[:_LISTED]]
    if rest := sum(n for _, n in ranked[_LISTED:]):
        parts.append(f"{rest} of other kinds")
    return ", ".join(parts)


def _search(pattern: str | os.PathLike) -> Search | None:
    """The search of a folder or pattern; None for a single file."""
    text = os.fspath(pattern)
    path = Path(text)
    if text and path.is_file():
        return None
    if text and path.exists() and not path.is_dir():
        raise ValueError(
            f"{text} is a pipe or a device, which upscale alone reads: give a "
            "file, a folder or a pattern"
        )
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        if text and (search := Search(text)).matched:
            return search
    raise FileNotFoundError(
        f"{text} does not exist: give a file, a folder or a pattern such as "
        "'photos/*.png'"
    )

"""Finding the image files that a path, a folder or a pattern means."""

import collections
import glob
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

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

# Suffixes that a message lists; the others are counted together.
_LISTED = 6


def find(pattern: str | os.PathLike) -> list[tuple[Path, Path]]:
    """Lists image files.

    Args:
        pattern: a file, which is taken whatever its suffix; a folder, which is
            searched with its subfolders; or a pattern with *, ? and ** .

    Returns:
        Sorted pairs of a path and that path relative to the folder, or to the
        part of the pattern before its first special character. Hidden files
        and folders, and files without a suffix of `SUFFIXES`, are left out.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: what there is has no images.
    """
    root, found = _search(pattern)
    if root is None:
        return [(path, Path(path.name)) for path in found]
    pairs = {
        (path, relative)  # ** finds a file twice
        for path, relative in _visible(found, root)
        if path.suffix.lower() in SUFFIXES
    }
    images = sorted(pairs, key=lambda pair: pair[1])
    if not images:
        suffixes = " ".join(SUFFIXES)
        others = _counts(pattern)
        found = f", found {others}" if others else ""
        raise ValueError(
            f"{os.fspath(pattern)} has no images: looked for {suffixes}{found}"
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
    counts = _counts(pattern)
    if not counts:
        return None
    return f"{os.fspath(pattern)}: {counts} left out: not a kind that is read"


def _counts(pattern: str | os.PathLike) -> str:
    """How many files of each other suffix there are: "2 .heic, 1 .psd"."""
    root, found = _search(pattern)
    if root is None:
        return ""
    paths = {path for path, _ in _visible(found, root)}
    known = SUFFIXES.keys() | _NO_PHOTOS
    suffixes = [path.suffix.lower() for path in paths]
    counts = collections.Counter(s for s in suffixes if s not in known)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    parts = [f"{n} {s or 'without a suffix'}" for s, n in ranked[:_LISTED]]
    if rest := sum(n for _, n in ranked[_LISTED:]):
        parts.append(f"{rest} of other kinds")
    return ", ".join(parts)


def _search(
    pattern: str | os.PathLike,
) -> tuple[Path | None, Iterable[Path]]:
    """The root of a search and all it finds; no root for a single file."""
    text = os.fspath(pattern)
    path = Path(text)
    if path.is_file():
        return None, [path]
    if text and path.is_dir():
        return path, _walk(path)
    fixed = itertools.takewhile(_is_plain, path.parts)
    found = glob.glob(text, recursive=True)
    if not found or _is_plain(text):
        raise FileNotFoundError(
            f"{text} does not exist: give a file, a folder or a pattern "
            "such as 'photos/*.png'"
        )
    return Path(*fixed), map(Path, found)


def _is_plain(text: str) -> bool:
    return glob.escape(text) == text


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder; says so when a folder cannot be read."""

    def stop(error: OSError) -> None:
        raise error

    for place, _, names in os.walk(folder, onerror=stop):
        yield from (Path(place, name) for name in names)


def _visible(paths: Iterable[Path], root: Path) -> Iterator[tuple[Path, Path]]:
    """Files that are not hidden, and their paths relative to the root."""
    for path in paths:
        relative = path.relative_to(root)
        hidden = any(part.startswith(".") for part in relative.parts)
        if not hidden and path.is_file():
            yield path, relative

"""Finding the image files that a path, a folder or a pattern means."""

import glob
import itertools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

# Suffix -> format. GIF is read only.
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
}


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
    text = os.fspath(pattern)
    path = Path(text)
    if path.is_file():
        return [(path, Path(path.name))]
    if text and path.is_dir():
        root, found = path, _walk(path)
    else:
        fixed = itertools.takewhile(_is_plain, path.parts)
        root, found = Path(*fixed), glob.glob(text, recursive=True)
        if not found or _is_plain(text):
            raise FileNotFoundError(
                f"{text} does not exist: give a file, a folder or a pattern "
                "such as 'photos/*.png'"
            )
    pairs = set(_images(map(Path, found), root))  # ** finds a file twice
    images = sorted(pairs, key=lambda pair: pair[1])
    if not images:
        suffixes = " ".join(SUFFIXES)
        raise ValueError(f"{text} has no images: looked for {suffixes}")
    return images


def _is_plain(text: str) -> bool:
    return glob.escape(text) == text


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder; says so when a folder cannot be read."""

    def stop(error: OSError) -> None:
        raise error

    for place, _, names in os.walk(folder, onerror=stop):
        yield from (Path(place, name) for name in names)


def _images(paths: Iterable[Path], root: Path) -> Iterator[tuple[Path, Path]]:
    for path in paths:
        relative = path.relative_to(root)
        hidden = any(part.startswith(".") for part in relative.parts)
        if not hidden and path.suffix.lower() in SUFFIXES and path.is_file():
            yield path, relative

"""Which files `upscale` reads, and where their results go."""

import collections
import os
import sys
from pathlib import Path
from typing import NamedTuple

from sr_keras.imaging import images
from sr_keras.imaging.listing import find_images
from sr_keras.inference.earlier import Earlier
from sr_keras.inference.target import label
from sr_keras.support.console import describe, say
from sr_keras.support.progress import counted

# What ends the name of a folder.
_SLASHES = tuple({"/", os.sep})


class Target(NamedTuple):
    """A photo and its result's place.

    Attributes:
        source: Path, or None for stdin and pipes.
        name: str, what it is called in tables: "stdin", or a pipe's path.
        folder: Path of the result's folder, or None for stdout.
        stem: str, the result's name without factor and suffix; None where
            `file` is given.
        file: Path of the result, where its name was given.
        root: Path of the folder that mirrors the photo's, if one does.
        problem: str, why this input has no photos, if it has none.
    """

    source: Path | None
    name: str
    folder: Path | None
    stem: str | None = None
    file: Path | None = None
    root: Path | None = None
    problem: str | None = None

    def path(self, scale, kind, ending=""):
        """Where a result goes; None for stdout.

        Args:
            scale: pair (y, x) of factors.
            kind: str, the format, which is its suffix.
            ending: str, what is added to the name: "_trust".

        Returns:
            Path.
        """
        if self.folder is None:
            return None
        if self.file and not ending:
            return self.file
        if self.file:
            return self.file.with_name(f"{self.file.stem}{ending}.{kind}")
        return self.folder / f"{self.stem}_{label(scale)}{ending}.{kind}"


def targets(args):
    """Find the photos.

    Args:
        args: argparse.Namespace of `upscale`.

    Returns:
        List of Target; an input that is none, beside others, is one with a
        `problem`.

    Raises:
        ValueError, OSError: the only input is none, or a place cannot be used.
    """
    output = args.output
    streams = [given for given in args.inputs if _is_stream(given)]
    if streams and len(args.inputs) > 1:
        raise ValueError(f"{streams[0]} is the only input where it is one")
    if streams:
        name = "stdin" if streams[0] == "-" else streams[0]
        return [_single(None, name, output or "-")]
    one = len(args.inputs) == 1 and Path(args.inputs[0]).is_file()
    if one and output and (output == "-" or _is_picture(output)):
        path = Path(args.inputs[0])
        return [_single(path, path.name, output)]
    if output == "-" or (output and Path(output).is_file()):
        raise ValueError(f"--output {output} takes one photo: give a folder")
    found, earlier = [], Earlier()
    inputs = args.inputs if one else _photos(args.inputs, earlier)
    for given in inputs:
        try:
            found += _of(given, args, earlier)
        except (OSError, ValueError) as e:
            if len(args.inputs) == 1:
                raise
            found.append(Target(None, given, Path(), problem=describe(e)))
    return _distinct(found)


def _single(source, name, output):
    if output == "-":
        return Target(source, name, None)
    path = Path(output)
    if path.is_dir() or output.endswith(_SLASHES):
        return Target(source, name, path, Path(name).stem)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}: make it")
    try:
        images.format_of(path)
    except ValueError as e:
        raise ValueError(f"{e}; end a new folder's name with {os.sep}") from e
    return Target(source, name, path.parent, file=path)


def _is_picture(output):
    path = Path(output)
    is_folder = path.is_dir() or output.endswith(_SLASHES)
    return bool(path.suffix) and not is_folder


def _is_stream(given):
    """Whether an input is stdin, a pipe or a device: -, /dev/stdin, <( )."""
    if given == "-":
        return True
    is_device = os.path.dirname(given) in ("/dev", "/dev/fd")
    if os.path.isfile(given) and not is_device:
        return False
    return os.path.exists(given) and not os.path.isdir(given)


def _photos(inputs, earlier):
    """The inputs, without files that are results: `upscale *` names them."""
    here = Path.cwd()
    photos, results = [], []
    for given in inputs:
        path = Path(given).absolute()
        root = here if here in path.parents else path.parent
        is_one = path.is_file() and _is_result(path, root, None, earlier)
        (results if is_one else photos).append(given)
    if not photos:
        raise ValueError(
            f"{inputs[0]} and all other inputs are results of earlier runs: "
            "give one alone to enlarge it again"
        )
    if results:
        say(
            f"{counted(len(results), 'result')} of earlier runs left out, "
            f"{results[0]} for one",
            sys.stderr,
        )
    return photos


def _of(given, args, earlier):
    """The targets of one input."""
    found = find_images(given)
    folder = Path(args.output) if args.output else None
    if os.path.isfile(given):
        path = found[0][0]
        return [Target(path, given, folder or path.parent, path.stem)]
    root = folder
    if root is None:
        asked = args.scale and f"x{args.scale}"
        asked = asked or (args.width and f"w{args.width}")
        asked = asked or (args.height and f"h{args.height}") or "larger"
        place = Path(os.path.abspath(given))
        place = place if place.is_dir() else Path.cwd() / "photos"
        root = place.with_name(f"{place.name}_{asked}")
    kept = []
    for path, relative in found:
        if _is_result(path, earlier.searched(path, relative), root, earlier):
            continue
        place = root / relative.parent
        kept.append(
            Target(path, str(relative), place, relative.stem, root=root)
        )
    if not kept:
        raise ValueError(f"{given} has results of earlier runs only, no photos")
    return kept


def _is_result(path, top, root, earlier):
    """Whether a photo is itself a result: its folder, or one above, says."""
    folder = earlier.absolute(path.parent)
    if root is not None and _is_within(folder, earlier.absolute(root)):
        return True
    return earlier.has_record(folder) or earlier.wrote(path, top)


def _is_within(folder, root):
    return folder == root or root in folder.parents


def _distinct(found):
    """Equal names of two formats get the format into the result's name."""
    places = [(t.folder, t.stem) for t in found]
    count = collections.Counter(places)
    kept, seen = [], set()
    for target, place in zip(found, places, strict=True):
        if target.problem:
            kept.append(target)
            continue
        if target.source in seen:
            continue
        seen.add(target.source)
        if count[place] > 1:
            suffix = target.source.suffix.lstrip(".")
            target = target._replace(stem=f"{target.stem}_{suffix}")
        kept.append(target)
    count = collections.Counter((t.folder, t.stem) for t in kept)
    for target in kept:
        if target.stem and count[target.folder, target.stem] > 1:
            raise ValueError(
                f"two photos would be written to {target.folder}/"
                f"{target.stem}: leave out --output, or rename one"
            )
    return kept


def tell(text, to_stdout):
    """Say something where it does not get into a picture on stdout."""
    say(text, sys.stderr if to_stdout else None)

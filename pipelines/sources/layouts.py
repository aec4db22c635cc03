"""Folders and zip files: which of them hold HR images, and which their LR.

Layouts are a table of names to look for. `{split}` is train or valid,
`{scale}` the factor, `{kind}` the kind of LR image, bicubic first.
"""

import dataclasses
import os
import re
from pathlib import Path

from sr_keras.imaging import images, match_files
from sr_keras.imaging.find import Found
from sr_keras.pipelines.sources.items import Archive, FileItem, ZipItem
from sr_keras.pipelines.sources.source import Source

# Kinds of LR images, as folders call them; the first that is there is taken.
KINDS = ("bicubic", "unknown", "mild", "difficult", "wild")

# Folders that hold LR images in some layout: not to be learned from as HR.
_LR_FOLDER = re.compile(r"(lr|lq)([_-]?.*)?|x\d+|.*_lr_.*", re.IGNORECASE)

_MOST_LISTED = 8


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where a data set keeps its images, below its root.

    Attributes:
        name: what it is called.
        hr: names of the place with the HR images, one of which is there.
        lr: names of the place with the LR images.
    """

    name: str
    hr: tuple
    lr: tuple

    def __str__(self):
        return f"{self.name} ({self.hr[0]} with {self.lr[0]})"


LAYOUTS = (
    Layout(
        "DIV2K",
        ("DIV2K_{split}_HR", "DIV2K_{split}_HR.zip"),
        (
            "DIV2K_{split}_LR_{kind}/X{scale}",
            "DIV2K_{split}_LR_x{scale}",
            "DIV2K_{split}_LR_{kind}",
            "DIV2K_{split}_LR_{kind}_X{scale}.zip",
            "DIV2K_{split}_LR_x{scale}.zip",
            "DIV2K_{split}_LR_{kind}.zip",
        ),
    ),
    Layout(
        "BasicSR",
        ("DIV2K_{split}_HR_sub",),
        ("DIV2K_{split}_LR_{kind}/X{scale}_sub",),
    ),
    Layout(
        "BasicSR's benchmark",
        ("GTmod12", "GTmod24", "GTmod{scale}", "GT", "gt"),
        ("LRbicx{scale}", "LR{kind}x{scale}", "LQ", "lq"),
    ),
    Layout(
        "EDSR's benchmark",
        ("HR",),
        ("LR_{kind}/X{scale}", "LR/X{scale}", "X{scale}", "LR_x{scale}", "LR"),
    ),
    Layout("plain pairs", ("hr",), ("lr/x{scale}", "lr_x{scale}", "lr")),
)


def open_folder(root, scale, stored, split="train", kinds=KINDS) -> Source:
    """Open a folder, a pattern, or a zip file.

    Args:
        root: path of a layout's root, of its HR folder, of any folder with
            images, of a zip file, or a pattern such as 'photos/*.png'.
        scale: int, the factor.
        stored: whether LR images have to be there.
        split: "train" or "validation".
        kinds: the kinds of LR images to look for.

    Returns:
        Source.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: there are no images, or no LR images that belong to them;
            it lists the layouts that were looked for.
    """
    root = Path(root)
    words = {"split": {"validation": "valid"}.get(split, split)}
    words["scale"] = scale
    found = find_layout(root, words, kinds)
    if found is None:
        return _open_mixed(root, words, stored)
    layout, hr, lr = found
    if stored and lr is None:
        raise ValueError(
            f"{root} has {layout.name}'s layout, but no LR images for "
            f"x{scale}: looked for {', '.join(_names(layout.lr, words, kinds))}"
            f"; found {_inside(root)}"
        )
    if stored:
        return _source_of_pairs(root, _items(hr), _items(lr), lr)
    items = _items(hr)
    source = Source(hr, [(item, None) for item, _ in items])
    source.unreadable += items.unreadable
    source.notes += _left_out(hr)
    if lr is not None:
        source.notes.append(
            f"{lr} has LR images, which are not used: --degradation dataset "
            "takes them"
        )
    return source


def _open_mixed(root, words, stored):
    """Open a place of no known layout: HR images, and LR images among them."""
    if _holds_lr(root) or (stored and not root.exists()):
        raise ValueError(_unknown(root, words))
    items = _items(root)
    hr, lr = match_files.split(items)
    if not stored:
        source = Source(root, [(item, None) for item, _ in hr])
        source.unreadable += items.unreadable
        source.notes += _unused(lr, root) + _left_out(root)
        return source
    if not lr:
        raise ValueError(_unknown(root, words))
    source = Source(root, _paired(hr, lr, root))
    source.unreadable += items.unreadable
    return source


def _unused(lr, place):
    if not lr:
        return []
    return [
        f"{place} has LR images beside its HR images, {lr[0][1]} for one, "
        "which are not used: --degradation dataset takes them"
    ]


def open_pairs(hr, lr) -> Source:
    """Open a place with HR images and one with the LR images.

    Args:
        hr: Path of a folder or zip file.
        lr: the same.

    Returns:
        Source.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: there are no images, or an HR image has no LR image.
    """
    return _source_of_pairs(lr, _items(hr), _items(lr), lr)


def find_layout(root, words, kinds=KINDS):
    """Recognise a layout, from its root or from its HR folder.

    Args:
        root: Path.
        words: dict of "split" and "scale".
        kinds: the kinds of LR images to look for.

    Returns:
        Tuple (Layout, path of HR, path of LR or None); None if there is none.
    """
    for layout in LAYOUTS:
        for name in _names(layout.hr, words, kinds):
            within, itself = root / name, root.name == Path(name).name
            hr = root if itself else within
            if not hr.exists() or not _is_exact(hr):
                continue
            base = root.parent if itself else root
            places = (base / n for n in _names(layout.lr, words, kinds))
            lr = next((p for p in places if p.exists()), None)
            if itself and lr is None and hr.is_dir():
                continue  # any folder may be called HR
            return layout, hr, lr
    return None


def _is_exact(path):
    """Whether it is spelt so: on some disks `HR` finds `hr`."""
    try:
        return path.name in os.listdir(path.parent)
    except OSError:
        return True


def _names(patterns, words, kinds):
    """The names that patterns stand for, without those that repeat."""
    names = {
        pattern.format(**words, kind=kind): None
        for kind in kinds
        for pattern in patterns
        if "{kind}" in pattern or kind == kinds[0]
    }
    return list(names)


def _items(place):
    """The `Found` of a folder or zip file: pairs of item and relative name."""
    if place.suffix.lower() == ".zip" and place.is_file():
        archive = Archive(place)
        return Found(
            (ZipItem(archive, member), Path(*Path(member).parts[-1:]))
            for member in archive.members()
        )
    found = images.find(place)
    items = ((FileItem(path), name) for path, name in found)
    return Found(items, found.unreadable)


def _source_of_pairs(name, hr, lr, place):
    """The source of HR and LR items; `place` is where the LR items are."""
    source = Source(name, _paired(hr, lr, place))
    source.unreadable += [*hr.unreadable, *lr.unreadable]
    return source


def _left_out(place):
    """Notes on files that are left out because of their suffix."""
    sentence = None if place.is_file() else images.left_out(place)
    return [sentence] if sentence else []


def _paired(hrs, lrs, place):
    """Give each LR item its HR item, by name; HR items without are errors."""
    by_name = {name: item for item, name in hrs}
    matched = match_files.match([name for _, name in lrs], list(by_name))
    partner = {other: found[-1] for other, found in matched.items()}
    pairs = [
        (by_name[partner[name]], item) for item, name in lrs if name in partner
    ]
    used = set(partner.values())
    lacking = [str(name) for name in by_name if name not in used]
    if lacking:
        raise ValueError(
            f"{len(lacking)} of {len(by_name)} HR images have no LR image in "
            f"{place}: {_listed(lacking)}; an LR image is called as its HR "
            "image, or with x2, x3 ... after that"
        )
    return pairs


def _holds_lr(root):
    """Whether a folder seems to hold LR images beside its HR images."""
    if not root.is_dir():
        return False
    inside = [p.name for p in root.iterdir() if p.is_dir()]
    return any(_LR_FOLDER.fullmatch(name) for name in inside)


def _unknown(root, words):
    """Why a folder is no pairs: what was looked for, and what there is."""
    known = "; ".join(
        str(layout).format(**words, kind="bicubic") for layout in LAYOUTS
    )
    return (
        f"{root} has no layout of HR and LR images for x{words['scale']} that "
        f"is known: looked for {known}; found {_inside(root)}"
    )


def _inside(root):
    """What there is, in words."""
    if root.is_dir():
        inside = sorted(
            p.name + "/" * p.is_dir()
            for p in root.iterdir()
            if not p.name.startswith(".")
        )
        return _listed(inside) if inside else "an empty folder"
    return "a file" if root.exists() else "nothing"


def _listed(names):
    text = ", ".join(names[:_MOST_LISTED])
    more = len(names) - _MOST_LISTED
    return f"{text} and {more} more" if more > 0 else text

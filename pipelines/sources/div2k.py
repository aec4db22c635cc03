"""DIV2K (Agustsson and Timofte, NTIRE 2017): from disk, else through TFDS.

What TFDS has prepared are TFRecord files with the PNG files as they were in
the archives, and those are read directly: in any order, and to the same bytes.
"""

import contextlib
import os
import sys
import threading
import urllib.request
from pathlib import Path

from sr_keras.pipelines.sources import layouts, records
from sr_keras.support.suggest import meant

URL = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"

# Kind of LR image -> its scales, and its configuration in TFDS.
KINDS = {
    "bicubic": ((2, 3, 4, 8), "bicubic_x{scale}"),
    "unknown": ((2, 3, 4), "unknown_x{scale}"),
    "mild": ((4,), "realistic_mild_x4"),
    "difficult": ((4,), "realistic_difficult_x4"),
    "wild": ((4,), "realistic_wild_x4"),
}

# Seconds to wait for the server: TFDS itself would try for three minutes.
_PATIENCE = 5


def open_div2k(text, scale, stored, split="train", data_dir=None):
    """Open DIV2K, wherever it is.

    Looked for in this order: prepared by TFDS; the archives or folders of
    DIV2K; and the network, through TFDS.

    Args:
        text: "div2k", "div2k/KIND" with a kind of KINDS, or with a
            configuration of TFDS, "div2k/bicubic_x2".
        scale: int, the factor.
        stored: whether LR images are taken from the data.
        split: "train" or "validation".
        data_dir: path; TFDS's own folder when None.

    Returns:
        Source.

    Raises:
        ValueError: there is no such kind, scale or split.
        FileNotFoundError: it is not on disk, and there is no network.
    """
    kind = _kind(text, scale, stored)
    if split not in ("train", "validation"):
        raise ValueError(f"DIV2K has train and validation, not {split!r}")
    folder = Path(data_dir or _default_folder())
    prepared = _prepared(folder, kind, scale, stored)
    if prepared is not None:
        return open_prepared(prepared, split, scale, stored)
    for root in (folder, folder / "DIV2K", folder / "div2k"):
        words = {"split": {"validation": "valid"}.get(split, split)}
        found = layouts.find_layout(root, {**words, "scale": scale}, (kind,))
        if found is not None and (found[2] or not stored):
            return layouts.open_folder(root, scale, stored, split, (kind,))
    if not reachable():
        raise FileNotFoundError(_where_to_put(folder, kind, scale, split))
    try:
        prepared = _download(folder, kind, scale)
    except Exception as e:  # of many kinds: the network, the disk, checksums
        advice = _where_to_put(folder, kind, scale, split)
        reason = str(e).strip().partition("\n")[0]
        raise FileNotFoundError(f"{advice} ({reason})") from e
    return open_prepared(prepared, split, scale, stored)


def _kind(text, scale, stored):
    """The kind that "div2k/..." names, and whether it has the scale."""
    name = text.lower().partition("/")[2].strip("/") or "bicubic"
    configurations = {
        pattern.format(scale=s): kind
        for kind, (scales, pattern) in KINDS.items()
        for s in scales
    }
    kind = configurations.get(name, name)
    if kind not in KINDS:
        raise ValueError(
            f"no {text}: {meant(kind, KINDS)}use div2k or div2k/KIND "
            f"with one of {', '.join(KINDS)}"
        )
    scales, pattern = KINDS[kind]
    if not stored:
        return kind
    asked = name if name in configurations else pattern.format(scale=scale)
    if scale not in scales or asked != pattern.format(scale=scale):
        raise ValueError(
            f"{text} has no LR images for x{scale}: TFDS has "
            f"{', '.join(configurations)}; --degradation bicubic makes them "
            "from the HR images"
        )
    return kind


def _default_folder():
    return (
        os.environ.get("TFDS_DATA_DIR")
        or Path("~/tensorflow_datasets").expanduser()
    )


def _prepared(folder, kind, scale, stored):
    """The folder of a configuration that TFDS has prepared, or None."""
    wanted = KINDS[kind][1].format(scale=scale)
    root = folder / "div2k"
    there = sorted(path.parent for path in root.glob("*/*/dataset_info.json"))
    there += sorted(path.parent for path in folder.glob("dataset_info.json"))
    exact = [path for path in there if path.parent.name == wanted]
    if stored or exact:
        return exact[-1] if exact else None
    # For HR images any will do, but each has four LR images in "wild".
    other = [path for path in there if "wild" not in path.parent.name]
    return other[-1] if other else None


def open_prepared(folder, split, scale, stored):
    """Open what TFDS has prepared.

    Args:
        folder: path of one version of one configuration.
        split: "train" or "validation".
        scale: int, the factor.
        stored: whether LR images have to be there.

    Returns:
        Source.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: there is no such split, or no images.
    """
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(str(folder))
    if split not in builder.info.splits:
        raise ValueError(
            f"{folder} has no split {split!r}: it has "
            f"{', '.join(builder.info.splits)}"
        )
    files = [str(path) for path in builder.info.splits[split].filepaths]
    lost = [path for path in files if not os.path.exists(path)]
    if lost:
        raise FileNotFoundError(
            f"{lost[0]} is missing: let TFDS prepare DIV2K again, or copy "
            "the whole folder"
        )
    return records.from_files(sorted(files), f"{folder} {split}", scale, stored)


def _download(folder, kind, scale):
    """Let TFDS download and prepare a configuration; its folder."""
    import tensorflow_datasets as tfds

    name = KINDS[kind][1].format(scale=scale)
    if scale not in KINDS[kind][0]:
        name = "bicubic_x2"  # for its HR images
    builder = tfds.builder(f"div2k/{name}", data_dir=str(folder))
    how = tfds.download.DownloadConfig(try_download_gcs=False)
    # Standard output is for results.
    with contextlib.redirect_stdout(sys.stderr):
        builder.download_and_prepare(download_config=how)
    return Path(builder.data_path)


def reachable(url=URL, seconds=_PATIENCE):
    """Whether a server answers, found out in little time.

    Args:
        url: str.
        seconds: float, how long to wait.

    Returns:
        bool.
    """
    answers = []

    def ask():
        request = urllib.request.Request(url, method="HEAD")
        with contextlib.suppress(OSError, ValueError):
            urllib.request.urlopen(request, timeout=seconds).close()
            answers.append(True)

    # Looking up a name has no time limit of its own.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return bool(answers)


def _where_to_put(folder, kind, scale, split):
    part = {"validation": "valid"}.get(split, split)
    lr = {"bicubic": f"bicubic_X{scale}", "unknown": f"unknown_X{scale}"}
    lr = lr.get(kind, kind)
    lr = "x8" if (kind, scale) == ("bicubic", 8) else lr
    return (
        f"DIV2K is not in {folder}, and cannot be downloaded: put "
        f"DIV2K_{part}_HR.zip (and DIV2K_{part}_LR_{lr}.zip for --degradation "
        f"dataset) from {URL} there, unpacked or not, or name the folder that "
        "has them with --data-dir"
    )

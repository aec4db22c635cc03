"""TFRecord files, read at random.

A TFRecord file is a row of records: 8 bytes of length, 4 of checksum, the
content, 4 of checksum. Jumping from length to length finds all of them without
reading them, so that images can be decoded in any order, as from a folder;
reading in sequence would only shuffle as far as a buffer goes.

A record is a tf.train.Example with an image file in `hr`, and maybe one in
`lr_x2` (`lr_x3` ...) or `lr`, the LR image. TFDS's DIV2K has the same.
"""

import dataclasses
import functools
import glob
import os
import struct
from pathlib import Path

from pipelines.sources.items import ContentItem
from pipelines.sources.source import Source

_SUFFIXES = (".tfrecord", ".tfrecords", ".tfrec")

# What the HR and the LR image are called in an Example, likeliest first.
_KEYS = {
    "hr": ("hr", "image", "image/encoded", "image_raw"),
    "lr": ("lr_x{scale}", "lr", "lr/encoded"),
}


@dataclasses.dataclass(frozen=True)
class RecordItem(ContentItem):
    """An image within a TFRecord file.

    Attributes:
        path: the file.
        start: where its record's content begins.
        length: of the content, in bytes.
        key: the feature that holds the image file.
        name: what it is called in messages.
    """

    path: str
    start: int
    length: int
    key: str
    name: str

    def content(self):
        """The image file."""
        with open(self.path, "rb") as file:
            file.seek(self.start)
            record = file.read(self.length)
        values = _features(record, self.name)[self.key].bytes_list.value
        if not values:
            raise ValueError(f"{self.name} has no {self.key}: make it again")
        return values[0]


def is_records(text):
    """Whether a path or pattern names TFRecord files.

    Args:
        text: str.

    Returns:
        bool.
    """
    return bool(_files(text))


def open_records(text, scale, stored) -> Source:
    """Open TFRecord files.

    Args:
        text: a file, a folder of them, or a pattern.
        scale: int, the factor.
        stored: whether LR images have to be there.

    Returns:
        Source.

    Raises:
        ValueError: a file is broken, or has no images of the names above.
    """
    files = _files(text)
    return from_files(files, text, scale, stored)


def from_files(files, name, scale, stored) -> Source:
    """The source of some TFRecord files.

    Args:
        files: list of str, sorted.
        name: str, what to call it.
        scale: int, the factor.
        stored: whether LR images have to be there.

    Returns:
        Source.

    Raises:
        ValueError: a file is broken, or has no images.
    """
    pairs = []
    for path in files:
        spans = _spans(path)
        if not spans:
            continue
        hr, lr = _keys(path, *spans[0], scale if stored else None)
        short = Path(path).name
        for i, (start, length) in enumerate(spans):
            title = f"{short}, image {i}"
            make = functools.partial(RecordItem, path, start, length)
            pairs.append((make(hr, title), make(lr, title) if stored else None))
    return Source(name, pairs)


def _files(text):
    """The TFRecord files that a path or pattern names, sorted."""
    if os.path.isdir(text):
        found = [str(path) for path in Path(text).iterdir()]
    elif os.path.isfile(text):
        found = [str(text)]
    else:
        found = glob.glob(str(text))
    return sorted(path for path in found if _is_record(Path(path).name))


def _is_record(name):
    # Also div2k-train.tfrecord-00000-of-00064, as TFDS calls them.
    lower = name.lower()
    return not name.startswith(".") and any(
        lower.endswith(s) or f"{s}-" in lower for s in _SUFFIXES
    )


def _spans(path):
    """Start and length of every record's content."""
    spans, at, total = [], 0, os.path.getsize(path)
    with open(path, "rb") as file:
        while at < total:
            file.seek(at)
            head = file.read(12)
            length = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else 0
            if len(head) < 12 or at + 16 + length > total:
                raise ValueError(
                    f"{path} is cut off after {len(spans)} records: make or "
                    "download it again"
                )
            spans.append((at + 12, length))
            at += 16 + length
    return spans


def _keys(path, start, length, scale):
    """The names of the HR and LR features, going by the first record."""
    stored = scale is not None
    with open(path, "rb") as file:
        file.seek(start)
        features = _features(file.read(length), path)
    keys = []
    for which, patterns in _KEYS.items():
        names = [pattern.format(scale=scale) for pattern in patterns]
        key = next((n for n in names if n in features), None)
        if key is None and (which == "hr" or stored):
            raise ValueError(
                f"{path} has no {which.upper()} images: looked for features "
                f"{', '.join(names)}; found {', '.join(sorted(features))}"
            )
        keys.append(key)
    return keys


def _features(record, name):
    import tensorflow as tf

    try:
        example = tf.train.Example.FromString(record)
    except Exception as error:  # protobuf's own kinds
        raise ValueError(f"{name} is no tf.train.Example ({error})") from error
    return example.features.feature

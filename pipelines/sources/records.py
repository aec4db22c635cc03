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
import itertools
import os
import struct
from pathlib import Path

from sr_keras.pipelines.sources.items import HEAD, ContentItem
from sr_keras.pipelines.sources.source import Source

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
        return self._bytes(None)

    def head(self):
        """The beginning of the image file."""
        return self._bytes(HEAD)

    def _bytes(self, most):
        with open(self.path, "rb") as file:
            spans = _features(file, self.start, self.length, self.name)
            if self.key not in spans:
                raise ValueError(f"{self.name} has no {self.key}: make it anew")
            low, high = spans[self.key]
            file.seek(low)
            return file.read(high - low if most is None else most)


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
        features = _features(file, start, length, path)
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


def _features(file, start, length, name):
    """Where in a file the features of a tf.train.Example are.

    Read from the protocol buffer's own lengths: an image, which is most of it,
    is jumped over. Returns {name of a feature: (first byte, last + 1)}.
    """
    try:
        return {
            _key(file, *entry): value
            for features in _fields(file, start, start + length, 1)
            for entry in _fields(file, *features, 1)
            for feature in _fields(file, *entry, 2)
            for values in _fields(file, *feature, 1)
            for value in itertools.islice(_fields(file, *values, 1), 1)
        }
    except (ValueError, IndexError) as error:
        raise ValueError(f"{name} is no tf.train.Example: {error}") from error


def _key(file, start, end):
    low, high = next(_fields(file, start, end, 1), (0, 0))
    file.seek(low)
    return file.read(high - low).decode()


def _fields(file, at, end, number):
    """Where the contents of the fields of one number are, in a message."""
    while at < end:
        tag, at = _varint(file, at)
        kind = tag & 7
        if kind == 2:
            length, at = _varint(file, at)
            if at + length > end:
                raise ValueError("it is cut off")
            if tag >> 3 == number:
                yield at, at + length
            at += length
        elif kind == 0:
            _, at = _varint(file, at)
        elif kind in (1, 5):
            at += {1: 8, 5: 4}[kind]
        else:
            raise ValueError(f"it has a field of type {kind}")


def _varint(file, at):
    """A number of variable length, and where it ends."""
    file.seek(at)
    value = 0
    for i, byte in enumerate(file.read(10)):
        value |= (byte & 127) << (7 * i)
        if byte < 128:
            return value, at + i + 1
    raise ValueError("a number does not end")

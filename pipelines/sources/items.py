"""One image of a source: in a file, in an archive, or among numbers."""

import dataclasses
import io
import threading
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from sr_keras.imaging import images

# Bytes in which an image file says its size.
HEAD = 1 << 16


class Item:
    """One image.

    Attributes:
        name: str, what it is called in messages.
    """

    name: str

    def read(self) -> np.ndarray:
        """Decode it: uint8 (H, W, 3), or ValueError or OSError."""
        raise NotImplementedError

    def size(self):
        """(height, width) from its header, or None where it has none."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class FileItem(Item):
    """An image file."""

    path: Path

    @property
    def name(self):
        """The path."""
        return str(self.path)

    def read(self):
        """Decode it."""
        return rgb(images.read(self.path), self.name)

    def size(self):
        """The size its header says."""
        if self.path.suffix.lower() == ".npy":
            return None
        return header_size(self.path)


class ContentItem(Item):
    """An image file within another file."""

    def content(self) -> bytes:
        """What the file holds."""
        raise NotImplementedError

    def head(self) -> bytes:
        """The beginning of it, `HEAD` bytes if there are so many."""
        raise NotImplementedError

    def read(self):
        """Decode it."""
        return rgb(images.decode(self.content(), self.name), self.name)

    def size(self):
        """The size its header says."""
        try:
            return header_size(io.BytesIO(self.head()))
        except (ValueError, OSError):  # decoding will say what it is
            return None


class Archive:
    """A zip file that threads share."""

    def __init__(self, path):
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise ValueError(
                f"{path} is no zip file ({error}): download it again"
            ) from error
        self.path = Path(path)
        self._lock = threading.Lock()

    def members(self):
        """Names of the images in it, sorted."""
        return sorted(
            name
            for name in self._zip.namelist()
            if Path(name).suffix.lower() in images.SUFFIXES
            and not Path(name).name.startswith(".")
            and not name.startswith("__MACOSX")
        )

    def read(self, member, most=-1):
        """The content of a member, or the beginning of it."""
        with self._lock, self._zip.open(member) as file:
            return file.read(most)


@dataclasses.dataclass(frozen=True)
class ZipItem(ContentItem):
    """A member of a zip file."""

    archive: Archive
    member: str

    @property
    def name(self):
        """Path of the zip file and name within it."""
        return f"{self.archive.path}/{self.member}"

    def content(self):
        """What the member holds."""
        return self._bytes(-1)

    def head(self):
        """The beginning of it."""
        return self._bytes(HEAD)

    def _bytes(self, most):
        try:
            return self.archive.read(self.member, most)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{self.name} is broken: {error}") from error


def rgb(image: images.Image, name) -> np.ndarray:
    """An image as training takes it.

    Args:
        image: what was read.
        name: str, for the message.

    Returns:
        uint8 (H, W, 3): alpha is put on white, grey becomes RGB.

    Raises:
        ValueError: it has other than 1 or 3 channels, or NaNs.
    """
    pixels = image.on_white()
    if pixels.shape[-1] not in (1, 3):
        raise ValueError(
            f"{name} has {pixels.shape[-1]} channels: give grey or RGB"
        )
    if image.bits == 8 and image.alpha is None:
        # They are whole levels, and need no care in rounding, which is slow.
        samples = (pixels * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    else:
        samples = images.quantize(pixels, 8)
    return np.repeat(samples, 3, -1) if samples.shape[-1] == 1 else samples


def header_size(file):
    """The size that the header of an image file says.

    Args:
        file: path, or an open file.

    Returns:
        Pair (height, width), or None where it cannot be told.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(file) as picture:
                turned = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                width, height = picture.size
    except Exception:  # Pillow raises many kinds; decoding will say what it is
        return None
    return (width, height) if turned else (height, width)

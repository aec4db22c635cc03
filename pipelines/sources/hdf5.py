"""HDF5 files: groups `hr` and `lr` of images, or two arrays of patches.

A group has a dataset (H, W, 3) uint8 for each image, of the same name in both;
an array is (N, H, W, 3) uint8. `sr-keras prepare --to hdf5` writes groups.
"""

import dataclasses

import h5py
import numpy as np

from sr_keras.pipelines.sources.items import Item
from sr_keras.pipelines.sources.source import Source

_HR_NAMES = ("hr", "HR")
_LR_NAMES = ("lr", "LR")


@dataclasses.dataclass(frozen=True)
class Hdf5Item(Item):
    """An image within an HDF5 file."""

    file: h5py.File
    path: str
    index: int | None = None

    @property
    def name(self):
        """The file's name and the image's path in it."""
        place = "" if self.index is None else f"[{self.index}]"
        return f"{self.file.filename}/{self.path}{place}"

    def read(self):
        """The pixels."""
        try:
            data = self.file[self.path]
            pixels = data[()] if self.index is None else data[self.index]
        except (OSError, KeyError) as error:
            raise ValueError(f"{self.name} is broken: {error}") from error
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        if pixels.dtype != np.uint8 or pixels.shape[-1] not in (1, 3):
            raise ValueError(
                f"{self.name} is {pixels.dtype} {pixels.shape}: images are "
                "uint8 (H, W, 3)"
            )
        return np.repeat(pixels, 3, -1) if pixels.shape[-1] == 1 else pixels

    def size(self):
        """The size that the file says."""
        shape = self.file[self.path].shape
        shape = shape if self.index is None else shape[1:]
        return tuple(shape[:2]) if len(shape) in (2, 3) else None


def open_hdf5(text, scale, stored) -> Source:
    """Open an HDF5 file.

    Args:
        text: path.
        scale: int, the factor.
        stored: whether LR images have to be there.

    Returns:
        Source.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no HDF5 file, or has no images of these names.
    """
    try:
        file = h5py.File(text, "r")
    except FileNotFoundError:
        raise FileNotFoundError(f"{text} does not exist") from None
    except OSError as error:
        raise ValueError(
            f"{text} is no HDF5 file, or is cut off ({error}): make it again"
        ) from error
    hr = _images(file, _HR_NAMES)
    lr = _images(file, [*(f"lr_x{scale}", f"lr/x{scale}"), *_LR_NAMES])
    if hr is None or (stored and lr is None):
        lacking = "HR" if hr is None else "LR"
        raise ValueError(
            f"{text} has no {lacking} images for x{scale}: looked for groups "
            f"or arrays hr, and lr_x{scale} or lr; found "
            f"{', '.join(file) or 'nothing'}"
        )
    if not stored:
        return Source(text, [(item, None) for item in hr.values()])
    lacking = [name for name in hr if name not in lr]
    if lacking:
        raise ValueError(
            f"{text}: {len(lacking)} HR images have no LR image, "
            f"{lacking[0]} for one"
        )
    return Source(text, [(item, lr[name]) for name, item in hr.items()])


def _images(file, names):
    """{name: item} of the first of some groups or arrays, or None."""
    place = next((name for name in names if name in file), None)
    if place is None:
        return None
    if isinstance(file[place], h5py.Dataset):
        count = len(file[place])
        return {i: Hdf5Item(file, place, i) for i in range(count)}
    found = {}

    def note(name, thing):
        if isinstance(thing, h5py.Dataset):
            found[name] = Hdf5Item(file, f"{place}/{name}")

    file[place].visititems(note)
    return dict(sorted(found.items()))

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
        if problem := self.problem():
            raise ValueError(problem)
        try:
            data = self.file[self.path]
            pixels = data[()] if self.index is None else data[self.index]
        except (OSError, KeyError) as error:
            raise ValueError(f"{self.name} is broken: {error}") from error
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        return np.repeat(pixels, 3, -1) if pixels.shape[-1] == 1 else pixels

    def size(self):
        """The size that the file says."""
        return None if self.problem() else self._form()[1][:2]

    def problem(self):
        """Why it is no image, by its type and shape.

        Returns:
            str; None where it is one.
        """
        dtype, shape = self._form()
        if dtype == np.uint8 and len(shape) == 3 and shape[2] in (1, 3):
            return None
        text = f"{self.name} is {dtype} {shape}"
        first = len(shape) == 3 and shape[0] in (1, 3)
        if first and shape[2] not in (1, 3):
            text += ", channels first"
        return f"{text}: images are uint8 (H, W, 3)"

    def _form(self):
        """Type and shape; of grey without an axis for it with one."""
        data = self.file[self.path]
        shape = data.shape or ()
        shape = shape if self.index is None else shape[1:]
        return data.dtype, (*shape, 1) if len(shape) == 2 else tuple(shape)


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
    _check(hr)
    if not stored:
        return Source(text, [(item, None) for item in hr.values()])
    _check(lr)
    lacking = [name for name in hr if name not in lr]
    if lacking:
        raise ValueError(
            f"{text}: {len(lacking)} HR images have no LR image, "
            f"{lacking[0]} for one"
        )
    return Source(text, [(item, lr[name]) for name, item in hr.items()])


def _check(items):
    """Refuse a file in which nothing is an image; say why of the first."""
    problems = [item.problem() for item in items.values()]
    if problems and all(problems):
        raise ValueError(problems[0])


def _images(file, names):
    """{name: item} of the first of some groups or arrays, or None."""
    place = next((name for name in names if name in file), None)
    if place is None:
        return None
    if isinstance(file[place], h5py.Dataset):
        shape = file[place].shape or ()
        if len(shape) < 3 or (len(shape) == 3 and shape[-1] in (1, 3)):
            return {0: Hdf5Item(file, place)}  # one image
        return {i: Hdf5Item(file, place, i) for i in range(shape[0])}
    found = {}

    def note(name, thing):
        if isinstance(thing, h5py.Dataset):
            found[name] = Hdf5Item(file, f"{place}/{name}")

    file[place].visititems(note)
    return dict(sorted(found.items()))

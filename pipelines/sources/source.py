"""A list of images to learn from, whatever holds them."""

import threading
from collections.abc import Sequence

import numpy as np

from sr_keras.pipelines.sources.items import Item


class Source:
    """HR images, and LR images where there are some.

    Attributes:
        name: str, what it is called in messages.
        names: list of str, a name for each image.
        has_lr: whether every image has an LR image of its own.
        notes: list of str, sentences that the user should see.
        unreadable: list of str, one line for each folder that could not be
            read.
        skipped: list of str, one line for each image that could not be read,
            sorted. Shared with the subsets of this source.
    """

    def __init__(self, name, pairs: Sequence[tuple[Item, Item | None]]):
        """Make a source.

        Args:
            name: str.
            pairs: HR item and LR item (None if there is none) of each image.

        Raises:
            ValueError: there are none.
        """
        if not pairs:
            raise ValueError(f"{name} has no images: give a folder of photos")
        self.name = str(name)
        self.notes, self.unreadable = [], []
        self.has_lr = all(lr is not None for _, lr in pairs)
        self._pairs = list(pairs)
        self._reasons = {}
        self._lock = threading.Lock()

    def __len__(self):
        return len(self._pairs)

    @property
    def names(self):
        """A name for each image."""
        return [hr.name for hr, _ in self._pairs]

    @property
    def skipped(self):
        """One line for each image that could not be read."""
        with self._lock:
            return sorted(self._reasons.values())

    def hr(self, i) -> np.ndarray:
        """Decode an HR image.

        Args:
            i: int, from 0 to len - 1.

        Returns:
            uint8 array (H, W, 3).

        Raises:
            ValueError: the file is not an image, or is broken.
            OSError: it cannot be opened.
        """
        return self._pairs[i][0].read()

    def lr(self, i) -> np.ndarray:
        """Decode the LR image that belongs to an HR image: see `hr`."""
        return self._pairs[i][1].read()

    def sizes(self, i):
        """What the files say of their sizes, without decoding them.

        Args:
            i: int, from 0 to len - 1.

        Returns:
            Pair of (height, width), of HR and LR; None where there is no LR
            image, or a file does not say.
        """
        return tuple(item and item.size() for item in self._pairs[i])

    def lr_name(self, i):
        """What the LR image is called."""
        return self._pairs[i][1].name

    def skip(self, i, reason):
        """Note that an image cannot be used.

        Args:
            i: int, from 0 to len - 1.
            reason: exception or str, which names the file.
        """
        name = self._pairs[i][0].name
        text = " ".join(str(reason).split())
        with self._lock:
            self._reasons[name] = text if name in text else f"{name}: {text}"

    def subset(self, indices):
        """The source of some of the images.

        Args:
            indices: sequence of int.

        Returns:
            Source.
        """
        part = Source(self.name, [self._pairs[i] for i in indices])
        part.notes, part.unreadable = self.notes, self.unreadable
        part._reasons, part._lock = self._reasons, self._lock
        return part

    @classmethod
    def joined(cls, sources):
        """The source of the images of several.

        Args:
            sources: list of Source.

        Returns:
            Source; `skipped` of its own.
        """
        if len(sources) == 1:
            return sources[0]
        name = ", ".join(source.name for source in sources)
        whole = cls(name, [pair for s in sources for pair in s._pairs])
        whole.notes = [note for s in sources for note in s.notes]
        whole.unreadable = [line for s in sources for line in s.unreadable]
        return whole

    def divided(self, fraction, seed=0):
        """Two sources, one to train on and one to validate on.

        Args:
            fraction: float in (0, 1), the share of the second one, which has
                one image at least.
            seed: int; equal seeds divide equal sources equally.

        Returns:
            Pair of Source.

        Raises:
            ValueError: there are not two images.
        """
        count = len(self)
        if count < 2:
            raise ValueError(
                f"{self.name} has 1 image, which cannot be divided into "
                "training and validation: give more, or a --validation folder"
            )
        order = np.random.default_rng((seed, count)).permutation(count)
        cut = min(max(round(count * fraction), 1), count - 1)
        return (
            self.subset(sorted(order[cut:].tolist())),
            self.subset(sorted(order[:cut].tolist())),
        )

"""Decoded images, kept while there is room, and what is made of them once."""

import collections
import threading
from concurrent.futures import Future

import numpy as np


class Store:
    """Decodes the images of a source, and keeps as many as fit.

    What is kept stays: images come round in turn, so that giving up the oldest
    for the newest would give up each just before it is needed.
    """

    def __init__(self, source, make, limit):
        """Make an empty store.

        Args:
            source: pipelines.sources.Source.
            make: function of an index, to the arrays of that image; raises
                ValueError or OSError where it cannot be read.
            limit: float, bytes.
        """
        self._source = source
        self._make = make
        self._room = limit
        self._kept = {}
        self._broken = set()
        self._lock = threading.Lock()

    def get(self, i):
        """The arrays of an image.

        Args:
            i: int, its index in the source.

        Returns:
            Tuple (arrays, kept): arrays as `make` gave them, None if the
            image cannot be read; and whether they stay in memory anyway.
        """
        if i in self._broken:
            return None, False
        if (arrays := self._kept.get(i)) is not None:
            return arrays, True
        try:
            arrays = self._make(i)
        except (ValueError, OSError) as error:
            self._source.skip(i, error)
            self._broken.add(i)
            return None, False
        size = sum(a.nbytes for a in arrays if isinstance(a, np.ndarray))
        with self._lock:
            keep = size <= self._room and i not in self._kept
            if keep:
                self._room -= size
                self._kept[i] = arrays
        return arrays, i in self._kept


class Once:
    """Results of a pure function, each computed by one thread only.

    The oldest are forgotten; asked for again, they are computed again.
    """

    def __init__(self, function, capacity):
        """Make an empty memory.

        Args:
            function: of one hashable argument.
            capacity: int, how many results are remembered.
        """
        self._function = function
        self._capacity = capacity
        self._results = collections.OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, key):
        """The function's result; what it raises is raised."""
        with self._lock:
            future = self._results.get(key)
            mine = future is None
            if mine:
                future = self._results[key] = Future()
            self._results.move_to_end(key)
            while len(self._results) > self._capacity:
                self._results.popitem(last=False)
        if mine:
            try:
                future.set_result(self._function(key))
            except BaseException as error:
                future.set_exception(error)
        return future.result()

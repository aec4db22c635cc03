"""NumPy functions within a tf.data graph, and the end of the process.

When Python ends, it takes its lock for good; a TensorFlow thread that then
wants to call a NumPy function waits for ever, and the dataset's destructor
waits for that thread. So before the end, calls that are on their way are let
finish, and further ones do nothing.
"""

import atexit
import re
import threading
import time

import numpy as np
import tensorflow as tf

# Seconds without a call after which none is expected, and the longest wait.
_QUIET = 0.05
_LONGEST = 10.0

# What a function has raised, in TensorFlow's words.
_RAISED = re.compile(r"(?:ValueError|TypeError|OSError|\w*Error): (.+)")


class _Calls:
    """The calls that are being made."""

    def __init__(self):
        self._lock = threading.Lock()
        self._count = 0
        self._last = 0.0
        self.ended = False

    def __enter__(self):
        with self._lock:
            self._count += 1

    def __exit__(self, *exception):
        with self._lock:
            self._count -= 1
            self._last = time.monotonic()

    def end(self):
        """Wait for the calls to end."""
        self.ended = True
        limit = time.monotonic() + _LONGEST
        while time.monotonic() < limit:
            time.sleep(_QUIET / 2)  # lets the other threads run
            with self._lock:
                quiet = time.monotonic() - self._last > _QUIET
                if quiet and not self._count:
                    return


_CALLS = _Calls()
atexit.register(_CALLS.end)


def in_graph(function, shapes):
    """A NumPy function as an operation of a graph.

    Args:
        function: of one NumPy value, to float32 arrays.
        shapes: list of tuples, the shapes of those arrays; None is any size.

    Returns:
        Function of one tensor to a tuple of tensors.
    """

    def run(value):
        with _CALLS:
            if _CALLS.ended:
                return tuple(
                    np.zeros([n or 0 for n in shape], "float32")
                    for shape in shapes
                )
            return function(value)

    def operation(value):
        kinds = [tf.float32] * len(shapes)
        arrays = tf.numpy_function(run, [value], kinds)
        return tuple(
            tf.ensure_shape(array, shape)
            for array, shape in zip(arrays, shapes, strict=True)
        )

    return operation


def reason_of(error):
    """What a function within a graph has raised, without TensorFlow's story.

    Args:
        error: tf.errors.OpError.

    Returns:
        str.
    """
    found = _RAISED.findall(str(error))
    return found[-1].strip() if found else str(error).splitlines()[0]

"""Is this installation computing scores right? Asked before the first one."""

import json
from pathlib import Path

import numpy as np

from sr_keras.evaluation import metrics
from sr_keras.imaging.resize import imresize

# A 32x32 piece of a CC0 photo; its LR image by exact rational arithmetic; and
# the scores of its bicubic enlargement by scikit-image.
VECTOR = Path(__file__).parent.parent / "data" / "selfcheck.json"

# The stored scores have eight digits after the point.
_TOLERANCE = 1e-6


def check():
    """Resize and score the stored image, and compare.

    Raises:
        RuntimeError: where a result is another than the stored one.
    """
    stored = json.loads(VECTOR.read_text("utf-8"))
    hr = np.array(stored["hr"], np.uint8)
    lr = imresize(hr, 1 / stored["scale"])
    if not np.array_equal(lr, stored["lr"]):
        raise RuntimeError(_message("imresize", "other pixels", "those stored"))
    sr = imresize(lr, stored["scale"])
    for protocol, values in stored["scores"].items():
        for metric, expected in values.items():
            got = metrics.score(sr, hr, stored["scale"], [protocol], [metric])
            got = got[protocol][metric]
            if not abs(got - expected) < _TOLERANCE:
                raise RuntimeError(
                    _message(f"{protocol} {metric}", got, expected)
                )


def _message(what, got, expected):
    return (
        f"the self-check failed: {what} gives {got}, not {expected}: numpy "
        "and scipy of this installation cannot be trusted; install them again"
    )

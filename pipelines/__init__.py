"""Data: tf.data pipelines that yield `(lr, hr)` batches.

- `open_source` finds images: a folder, DIV2K, TFRecord, HDF5.
- `paired`: batches of patches that belong together, to train on.
- `whole`: whole images, one by one, to validate on.
- `unpaired`: LR and HR patches of different images.
- `mixed`: pairs, and among them LR patches that have no HR.
- `single_image`: pairs made from one image, for zero-shot training.
- `steps_per_epoch`: batches in which every image is visited once.

The package is `sr_keras.pipelines`; in a checkout `pipelines` is the same.
TensorFlow is imported when a function that needs it is first used.
"""

import importlib

_HOMES = {
    "open_source": "sr_keras.pipelines.sources",
    "paired": "sr_keras.pipelines.datasets.paired",
    "whole": "sr_keras.pipelines.datasets.paired",
    "unpaired": "sr_keras.pipelines.datasets.mixed",
    "mixed": "sr_keras.pipelines.datasets.mixed",
    "steps_per_epoch": "sr_keras.pipelines.datasets.paired",
    "single_image": "sr_keras.pipelines.zero_shot.pairs",
}

__all__ = list(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"pipelines has no {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


if __name__ == "pipelines":
    from sr_keras.pipelines.checkout import alias

    alias()

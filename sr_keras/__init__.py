"""Single-image super-resolution in Keras 3.

The image convention, everywhere in this package: arrays are NHWC (or HWC for
one image), RGB, float32, in [0, 1]. Eight and sixteen bit integers exist in
files only; `sr_keras.images` is where they are read and written.

Importing this package imports neither TensorFlow nor Keras: each public name
is loaded when it is first used.
"""

import importlib

from sr_keras._version import __version__

# Public name -> the module that has it.
_PUBLIC = {
    "build": "sr_keras.models",
    "evaluate": "sr_keras.evaluation.evaluate",
    "export": "sr_keras.exporting.export",
    "list_models": "sr_keras.models",
    "load": "sr_keras.inference.load",
    "train": "sr_keras.training.train",
    "upscale": "sr_keras.inference.upscale",
    "zero_shot": "sr_keras.training.zero_shot.zero_shot",
}

# Those of them that need no Keras.
_PLAIN = {"list_models"}

# Public module -> its full name.
_MODULES = {
    "images": "sr_keras.imaging.images",
    "metrics": "sr_keras.evaluation.metrics",
}

__all__ = ["__version__", *_PUBLIC, *_MODULES]


def __getattr__(name):
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _PUBLIC:
        from sr_keras.support.imports import silent_imports
        from sr_keras.support.keras_settings import with_standard_settings

        with silent_imports():
            found = getattr(importlib.import_module(_PUBLIC[name]), name)
        return found if name in _PLAIN else with_standard_settings(found)
    raise AttributeError(f"module 'sr_keras' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)

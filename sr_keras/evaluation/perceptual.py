"""How different two images look to a network that has seen many.

The content loss of C. Ledig et al., "Photo-Realistic Single Image
Super-Resolution Using a Generative Adversarial Network", CVPR 2017, section
2.2.1: the mean squared difference of the features that VGG19 has of them.
"""

import os
import re
from pathlib import Path

import keras
from keras import ops

from sr_keras.support.keras_settings import standard_settings
from sr_keras.support.suggest import unknown

# "VGG54": the fourth convolution before the fifth pooling (section 2.2.1).
_SHORT = re.compile(r"VGG(\d)(\d)", re.IGNORECASE)
_LAYER = re.compile(r"block(\d)_conv\d")

# Convolutions in each of VGG19's blocks.
_BLOCKS = (2, 2, 4, 4, 4)
LAYERS = tuple(
    f"block{i + 1}_conv{j + 1}"
    for i, count in enumerate(_BLOCKS)
    for j in range(count)
)

# Where Keras looks for it and gets it from.
_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
_URL = f"https://storage.googleapis.com/tensorflow/keras-applications/vgg19/{_FILE}"


@keras.saving.register_keras_serializable("sr_keras")
class ContentLoss(keras.losses.Loss):
    """The mean squared difference of VGG19's features, layer by layer.

    Args:
        layers: dict of layer -> weight: "block5_conv4", or "VGG54" for short.
        weights: str, "imagenet", "random", or the path of a file.
        **kwargs: as for `keras.losses.Loss`.

    Raises:
        ValueError, FileNotFoundError: as `features` says.
    """

    def __init__(self, layers, weights="imagenet", name="content", **kwargs):
        super().__init__(name=name, **kwargs)
        self.layers = {layer_of(k): float(w) for k, w in layers.items()}
        self.weights = weights
        self.features = features(list(self.layers), weights)

    def call(self, y_true, y_pred):
        """Return the loss of each image, (N,), of images (N, H, W, 1 or 3).

        Raises:
            ValueError: they are smaller than a feature of the deepest layer.
        """
        check_size(self.layers, y_pred.shape[1:3])
        # Keras gives a list of one as what is in it.
        both = [self.features(x) for x in (y_true, y_pred)]
        both = [x if isinstance(x, list) else [x] for x in both]
        pairs = zip(*both, strict=True)
        losses = [
            weight * ops.mean(ops.square(a - b), axis=(1, 2, 3))
            for weight, (a, b) in zip(self.layers.values(), pairs, strict=True)
        ]
        return sum(losses)

    def get_config(self):
        """Return the constructor's arguments."""
        own = {"layers": self.layers, "weights": self.weights}
        return {**super().get_config(), **own}


def features(layers, weights="imagenet"):
    """The part of VGG19 that makes some of its features.

    K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for
    Large-Scale Image Recognition", ICLR 2015. Features are those behind the
    rectifier.

    Args:
        layers: list of str, of `LAYERS`.
        weights: str, "imagenet" for those that Keras downloads, "random", or
            the path of a file with the same (without the dense layers).

    Returns:
        keras.Model, frozen: images (N, H, W, 3), or 1 channel taken for all
        three, float in [0, 1], to features (N, h, w, C), a list of them in the
        order of `layers` where these are several.

    Raises:
        FileNotFoundError: there is no such file, or no network to get it from.
        ValueError: it is no file of VGG19's.
    """
    # Beside a network in mixed precision too: features reach far above 1.
    with standard_settings():
        vgg = _vgg19(weights)
        inputs = keras.Input((None, None, None), name="image")
        ends = [vgg.get_layer(name).output for name in layers]
        part = keras.Model(vgg.input, ends, name="vgg19")
        x = Preprocess(name="preprocess")(inputs)
        model = keras.Model(inputs, part(x), name="features")
    model.trainable = False
    return model


@keras.saving.register_keras_serializable("sr_keras")
class Preprocess(keras.layers.Layer):
    """From [0, 1] to what Keras's VGG19 takes: its own preprocessing."""

    def call(self, images):
        """Turn (N, H, W, 1 or 3) in [0, 1] into BGR about ImageNet's mean."""
        images = ops.cast(images, "float32")
        if images.shape[-1] == 1:
            images = ops.repeat(images, 3, axis=-1)
        return keras.applications.vgg19.preprocess_input(
            images * 255.0, "channels_last"
        )

    def compute_output_shape(self, input_shape):
        """Shape (N, H, W, 3)."""
        return (*input_shape[:3], 3)


def layer_of(name):
    """The layer that a short name stands for.

    Args:
        name: str, "VGG54" or "block5_conv4".

    Returns:
        str, of `LAYERS`.

    Raises:
        ValueError: VGG19 has no such layer.
    """
    short = _SHORT.fullmatch(name)
    layer = f"block{short[1]}_conv{short[2]}" if short else name
    if layer not in LAYERS:
        raise ValueError(unknown("VGG19 has no layer", name, LAYERS))
    return layer


def check_size(layers, size):
    """Refuse images without a feature in the deepest layer.

    Args:
        layers: names of layers, short or not.
        size: (height, width) of the images; None where it is not known.

    Raises:
        ValueError: they are too small.
    """
    deepest = max(map(layer_of, layers))
    least = 2 ** (int(_LAYER.fullmatch(deepest)[1]) - 1)
    known = [n for n in size if n is not None]
    if known and min(known) < least:
        raise ValueError(
            f"{deepest} of VGG19 sees nothing in {'x'.join(map(str, size))} "
            f"pixels: it needs {least} a side, or take another layer"
        )


def check_weights(weights):
    """Refuse a file that is not there.

    Args:
        weights: str, as for `features`.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if weights in ("imagenet", "random") or Path(weights).is_file():
        return
    raise FileNotFoundError(
        f"there is no file {weights} with VGG19's features: give imagenet, "
        f"random, or the path of {_FILE} ({_URL})"
    )


def _vgg19(weights):
    check_weights(weights)
    known = None if weights == "random" else weights
    try:
        return keras.applications.VGG19(include_top=False, weights=known)
    except Exception as e:  # of many kinds, from the network, h5py and Keras
        reason = str(e).strip().partition("\n")[0]
        if weights == "imagenet":
            home = os.environ.get("KERAS_HOME", "~/.keras")
            folder = Path(home).expanduser() / "models"
            raise FileNotFoundError(
                f"VGG19's features cannot be downloaded ({reason}): get {_URL} "
                f"elsewhere and put it into {folder}, or give its path, "
                "--vgg-weights PATH"
            ) from e
        raise ValueError(
            f"{weights} has not VGG19's features ({reason}): give {_FILE}"
        ) from e

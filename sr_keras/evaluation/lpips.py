"""LPIPS, a distance between images that was fitted to what people see.

R. Zhang, P. Isola, A. A. Efros, E. Shechtman, O. Wang, "The Unreasonable
Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018,
https://arxiv.org/abs/1801.03924

The features of AlexNet or VGG16, each made a unit vector, and how much every
channel of their squared differences counts (equation 1, "lin"). The numbers
are others': AlexNet's or VGG16's as torchvision has published them, the heads
as the authors of LPIPS have.
"""

import re

import keras
from keras import layers, ops

from sr_keras.models import convert, weight_maps
from sr_keras.support.keras_settings import with_standard_settings

# The authors' code, lpips/lpips.py (github.com/richzhang/PerceptualSimilarity):
# from [-1, 1] to what torchvision's networks were trained with.
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
# And lpips/__init__.py: what a vector's length is divided by at least.
_EPSILON = 1e-10

# Kind -> rows of (number in torchvision's `features`, filters, kernel,
# stride, border), a number for a pooling as (kernel, stride), and "tap" for
# the features that are compared. A. Krizhevsky 2014, "One weird trick for
# parallelizing convolutional neural networks"; Simonyan, Zisserman 2015, D.
_NETWORKS = {
    "alex": (
        (0, 64, 11, 4, 2), "tap", (3, 2),
        (3, 192, 5, 1, 2), "tap", (3, 2),
        (6, 384, 3, 1, 1), "tap",
        (8, 256, 3, 1, 1), "tap",
        (10, 256, 3, 1, 1), "tap",
    ),
    "vgg": (
        (0, 64, 3, 1, 1), (2, 64, 3, 1, 1), "tap", (2, 2),
        (5, 128, 3, 1, 1), (7, 128, 3, 1, 1), "tap", (2, 2),
        (10, 256, 3, 1, 1), (12, 256, 3, 1, 1), (14, 256, 3, 1, 1), "tap",
        (2, 2),
        (17, 512, 3, 1, 1), (19, 512, 3, 1, 1), (21, 512, 3, 1, 1), "tap",
        (2, 2),
        (24, 512, 3, 1, 1), (26, 512, 3, 1, 1), (28, 512, 3, 1, 1), "tap",
    ),
}  # fmt: skip

# The side that leaves a feature at every tap.
LEAST = {"alex": 31, "vgg": 16}

# What the files have besides: the dense layers of the classifiers, and in a
# whole LPIPS the constants above, and the heads once more.
_IGNORED = r"classifier\..*|scaling_layer\.\w+|lins\..*"


def load(*paths):
    """Make LPIPS of the files that have its numbers.

    Args:
        *paths: str or Path: torchvision's AlexNet or VGG16 (`alexnet-owt-
            7be5be79.pth`, `vgg16-397923af.pth`) and the authors' heads for it
            (`weights/v0.1/alex.pth`, `vgg.pth`); or one file with all of it,
            the `state_dict` of their `lpips.LPIPS`. Also .npz, with the same
            names.

    Returns:
        keras.Model: two images (N, H, W, 3), float in [0, 1], to distances
        (N,); its `kind` is "alex" or "vgg", and `least` the pixels that it
        needs a side.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a tensor is missing, left over or has another shape.
    """
    tensors = {}
    for path in paths:
        for name, tensor in convert.read_tensors(path).items():
            tensors[_plain(name)] = tensor
    names = " and ".join(map(str, paths))
    first = tensors.get("features.0.weight")
    if first is None or first.ndim != 4:
        raise ValueError(
            f"{names} has no features.0.weight: give torchvision's AlexNet or "
            "VGG16, and the heads of LPIPS for it"
        )
    model = build("alex" if first.shape[-1] == 11 else "vgg")
    convert.fill(model, tensors, _published(model.kind), names)
    return model


@with_standard_settings
def build(kind):
    """Build LPIPS with weights that mean nothing yet.

    Args:
        kind: str, "alex" or "vgg".

    Returns:
        keras.Model, as `load` says.
    """
    backbone = _backbone(kind)
    images = [
        keras.Input((None, None, 3), name=name) for name in ("image", "other")
    ]
    both = [backbone(Standardise(name=f"to_{x.name}")(x)) for x in images]
    terms = []
    for i, (a, b) in enumerate(zip(*both, strict=True)):
        x = Difference(name=f"difference{i}")([a, b])
        terms.append(layers.Conv2D(1, 1, use_bias=False, name=f"lin{i}")(x))
    means = [
        layers.GlobalAveragePooling2D(name=f"mean{i}")(x)
        for i, x in enumerate(terms)
    ]
    total = layers.Flatten(name="distance")(layers.Add(name="sum")(means))
    model = keras.Model(images, total[:, 0], name=f"lpips-{kind}")
    model.trainable = False
    model.kind, model.least = kind, LEAST[kind]
    return model


@keras.saving.register_keras_serializable("sr_keras")
class Standardise(layers.Layer):
    """From [0, 1] to the range that torchvision's networks see."""

    def call(self, images):
        """Shift and scale (N, H, W, 3)."""
        images = ops.cast(images, self.compute_dtype)
        shift, scale = (
            ops.convert_to_tensor(x, images.dtype) for x in (_SHIFT, _SCALE)
        )
        return (images * 2 - 1 - shift) / scale

    def compute_output_shape(self, input_shape):
        """The input's."""
        return input_shape


@keras.saving.register_keras_serializable("sr_keras")
class Difference(layers.Layer):
    """The squared difference of features, each a unit vector."""

    def call(self, pair):
        """Compare two of (N, h, w, C)."""
        units = []
        for x in pair:
            length = ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True))
            units.append(x / (length + _EPSILON))
        return ops.square(units[0] - units[1])

    def compute_output_shape(self, input_shape):
        """Either input's."""
        return input_shape[0]


def _backbone(kind):
    """Images to features at the five taps."""
    x = inputs = keras.Input((None, None, 3), name="standardised")
    taps = []
    for i, row in enumerate(_NETWORKS[kind]):
        if row == "tap":
            taps.append(x)
        elif len(row) == 2:
            x = layers.MaxPooling2D(*row, name=f"pool{i}")(x)
        else:
            number, filters, kernel, stride, border = row
            x = layers.ZeroPadding2D(border, name=f"border{number}")(x)
            x = layers.Conv2D(
                filters, kernel, stride, activation="relu",
                name=f"conv{number}",
            )(x)  # fmt: skip
    return keras.Model(inputs, taps, name=kind)


def _published(kind):
    """Where the tensors belong: see `models.weight_maps`."""
    found = {}
    for row in _NETWORKS[kind]:
        if len(row) == 5:
            found |= weight_maps.conv(f"conv{row[0]}", f"features.{row[0]}")
    for i in range(5):
        found |= weight_maps.conv(f"lin{i}", f"lin{i}.model.1", bias=False)
    return weight_maps.Published(found, ignored=_IGNORED)


def _plain(name):
    """A tensor's name as torchvision and the heads' files have it.

    Within LPIPS the features are in `net`, cut at the taps, and keep their
    numbers.
    """
    return re.sub(r"^net\.slice\d\.(\d+)\.", r"features.\1.", name)

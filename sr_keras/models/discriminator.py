"""SRGAN's discriminator, which tells photos from what a network made.

C. Ledig, L. Theis, F. Huszar, J. Caballero, A. Cunningham, A. Acosta,
A. Aitken, A. Tejani, J. Totz, Z. Wang, W. Shi, "Photo-Realistic Single Image
Super-Resolution Using a Generative Adversarial Network", CVPR 2017,
https://arxiv.org/abs/1609.04802
"""

import keras
from keras import layers

from sr_keras.models.layers import MeanShift

# Figure 4: channels, in units of the first's, and strides of the eight
# convolutions.
_CONVOLUTIONS = (
    (1, 1), (1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2),
)  # fmt: skip


@keras.saving.register_keras_serializable("sr_keras")
class Discriminator(keras.Model):
    """The network of figure 4: eight convolutions, and two dense layers.

    Section 2.1.1: 3x3 kernels, 64 to 512 channels, strides instead of pooling,
    batch normalisation behind all but the first, LeakyReLU of 0.2. It gives
    logits; the sigmoid belongs to the loss, which is stable so. With the
    defaults it learns 23,563,649 parameters.

    Args:
        hr_patch_size: int, or (height, width), of its images (the paper's 96).
        num_filters: int, channels of the first convolution (the paper's 64).
        num_units: int, of the dense layer (the paper's 1024).
        fully_convolutional: bool, whether the dense layers are 1x1
            convolutions: it takes images of any size then, and has a logit for
            every 16x16 pixels, of their surroundings.
        channels: int, the image's.
        name: str.

    Raises:
        ValueError: no patch, filters or units.
    """

    def __init__(
        self,
        hr_patch_size=96,
        num_filters=64,
        num_units=1024,
        fully_convolutional=False,
        channels=3,
        name="discriminator",
    ):
        size = hr_patch_size
        size = (size, size) if isinstance(size, int) else tuple(size)
        if min(*size, num_filters, num_units, channels) < 1:
            raise ValueError(
                "a discriminator needs patches of 1 pixel, 1 filter and 1 unit "
                f"or more, not {size}, {num_filters} and {num_units}"
            )
        shape = (None, None) if fully_convolutional else size
        inputs = keras.Input((*shape, channels), name="image")
        # Section 3.2: HR images are in [-1, 1].
        x = MeanShift((0.5,), 2.0, name="from_unit")(inputs)
        for i, (factor, stride) in enumerate(_CONVOLUTIONS):
            x = _convolution(x, factor * num_filters, stride, i + 1)
        if fully_convolutional:
            x = layers.Conv2D(num_units, 1, name="dense1")(x)
            x = _leaky("dense1")(x)
            outputs = layers.Conv2D(1, 1, name="logits")(x)
        else:
            x = layers.Flatten(name="flatten")(x)
            x = layers.Dense(num_units, name="dense1")(x)
            x = _leaky("dense1")(x)
            outputs = layers.Dense(1, name="logits")(x)
        super().__init__(inputs=inputs, outputs=outputs, name=name)
        self.arguments = {
            "hr_patch_size": hr_patch_size,
            "num_filters": num_filters,
            "num_units": num_units,
            "fully_convolutional": fully_convolutional,
            "channels": channels,
        }

    def get_config(self):
        """Return the constructor's arguments."""
        return {"name": self.name, **self.arguments}

    @classmethod
    def from_config(cls, config):
        """Build the discriminator that `get_config` described."""
        return cls(**config)


def _convolution(x, filters, stride, number):
    name = f"conv{number}"
    first = number == 1
    # Without a bias where the normalisation would undo it.
    x = layers.Conv2D(
        filters, 3, stride, padding="same", use_bias=first, name=name
    )(x)
    if not first:
        # The epsilon and the momentum of the generator.
        x = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, name=f"{name}_norm"
        )(x)
    return _leaky(name)(x)


def _leaky(name):
    return layers.LeakyReLU(negative_slope=0.2, name=f"{name}_leaky")

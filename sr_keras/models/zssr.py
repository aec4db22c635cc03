"""ZSSR: "Zero-Shot" Super-Resolution using Deep Internal Learning.

A. Shocher, N. Cohen, M. Irani, CVPR 2018, https://arxiv.org/abs/1712.06087

A small network is trained on one image alone: to restore the image's own
downscaled versions, and then to go one step further than the image itself.
"""

import keras
import numpy as np
from keras import layers

from sr_keras.models.network import Network


@keras.saving.register_keras_serializable("sr_keras")
class ZSSR(Network):
    """The network of section 3.1: plain convolutions and a global residual.

    A refiner: its input is the image interpolated to the final size already.
    With the defaults it has 225,091 parameters.

    Args:
        scale: the factor it was trained for: a number or a (y, x) pair.
        num_layers: int, convolutions, at least 2 (the paper's 8).
        num_filters: int, their channels (the paper's 64).
        first_filters: int, the first convolution's channels; num_filters
            when None. 3 gives the 188,247 parameters of the Keras port by
            the name of Zero-Shot Super-Resolution.
        kernel_size: int, odd.
        activation: str, a Keras activation; none follows the last layer.
        channels: int, the image's: 1 grey, 3 RGB, one more with alpha.
        passes: int, how many times in a row it is applied, each time after
            interpolation by the same factor, to reach `scale`.
        **kwargs: as for `Network`.

    Raises:
        ValueError: fewer than 2 layers, an even kernel size, no filters, no
            pass.
    """

    refiner = True
    zero_shot = True

    def __init__(
        self,
        scale=2,
        num_layers=8,
        num_filters=64,
        first_filters=None,
        kernel_size=3,
        activation="relu",
        channels=3,
        passes=1,
        **kwargs,
    ):
        _check(num_layers, num_filters, kernel_size, passes)
        inputs = keras.Input((None, None, channels), name="interpolated")
        x = inputs
        for i in range(num_layers - 1):
            filters = first_filters if i == 0 and first_filters else num_filters
            x = layers.Conv2D(
                filters,
                kernel_size,
                padding="same",
                activation=activation,
                kernel_initializer="he_normal",
                name=f"conv{i + 1}",
            )(x)
        # Nearly no residual at first: training starts from the interpolation.
        x = layers.Conv2D(
            channels,
            kernel_size,
            padding="same",
            name=f"conv{num_layers}",
            kernel_initializer=keras.initializers.RandomNormal(stddev=1e-3),
        )(x)
        outputs = layers.Add(name="residual")([x, inputs])
        super().__init__(inputs, outputs, scale, **kwargs)
        self.passes = passes
        self.arguments = {
            "num_layers": num_layers,
            "num_filters": num_filters,
            "first_filters": first_filters,
            "kernel_size": kernel_size,
            "activation": activation,
            "channels": channels,
            "passes": passes,
        }

    @property
    def reach(self):
        """How many pixels away an input pixel changes an output pixel."""
        arguments = self.arguments
        return arguments["num_layers"] * (arguments["kernel_size"] // 2)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), **self.arguments}


def _check(num_layers, num_filters, kernel_size, passes):
    if passes < 1:
        raise ValueError(f"zssr needs 1 pass or more, not {passes}")
    if num_layers < 2:
        raise ValueError(f"zssr needs 2 layers or more, not {num_layers}")
    if num_filters < 1:
        raise ValueError(f"zssr needs 1 filter or more, not {num_filters}")
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"kernel_size must be odd, not {kernel_size}")


def recoloured(network, channels):
    """A network of RGB as one of grey, of RGB and alpha, or of grey and alpha.

    Grey becomes the mean of what the network makes of grey in RGB; alpha stays
    as it is interpolated.

    Args:
        network: ZSSR of 3 channels.
        channels: int, 1 to 4.

    Returns:
        ZSSR.
    """
    arguments = {**network.arguments, "channels": channels}
    twin = ZSSR(network.scale, **arguments)
    last = f"conv{arguments['num_layers']}"
    for layer in network.layers:
        weights = layer.get_weights()
        if layer.name == "conv1":
            weights[0] = _channels(weights[0], 2, np.sum, channels)
        if layer.name == last:
            weights = [_channels(w, -1, np.mean, channels) for w in weights]
        if weights:
            twin.get_layer(layer.name).set_weights(weights)
    return twin


def _channels(weights, axis, grey, channels):
    """Weights of RGB for other channels: `grey` joins, alpha has none."""
    if channels < 3:
        weights = grey(weights, axis=axis, keepdims=True)
    if channels % 2 == 0:
        none = np.zeros_like(np.take(weights, [0], axis=axis))
        weights = np.concatenate([weights, none], axis=axis)
    return weights


# What `--recipe` stands for; the fields are those of
# training.settings.Settings, whose defaults hold where nothing is said.
# Set5 decided the numbers of "default" and "fast"; benchmarks/ has the table.
_DEFAULT = {
    "augmentation": {
        "father_scale": (0.8, 1.0), "as_is": 0.05, "no_interpolation": 0.45,
        "scale_difference": 0.0, "shear": 0.0, "crop_sizes": (24,),
        "swap_colours": 0.5, "blend": 0.5, "result_share": 0.8,
    },
    "learning": {
        "loss": "l1", "luma_weight": 0.8, "optimizer": "muon",
        "learning_rate": 6e-3, "schedule": "cosine", "max_steps": 1300,
        "batch_size": 14, "precision": "auto", "result_at": (0.5, 0.75),
    },
    "finish": {"fusion": "mean", "back_projection": 2, "keep_colours": True},
}  # fmt: skip

RECIPES = {
    "default": _DEFAULT,
    # After `--warm-start`: what was learned from others is not to be lost.
    "warm": {
        **_DEFAULT,
        "learning": {
            **_DEFAULT["learning"], "learning_rate": 1e-3, "max_steps": 150,
            "result_at": (),
        },
    },
    # The same in 20 seconds.
    "fast": {
        **_DEFAULT,
        # Too few steps to learn the photo by heart: no need of more views.
        "augmentation": {
            **_DEFAULT["augmentation"], "swap_colours": 0.0, "blend": 0.0,
        },
        "learning": {
            **_DEFAULT["learning"], "loss": "l2",
            "max_steps": 300, "batch_size": 4, "result_at": (),
        },
    },
    # On many photos, for `--warm-start`.
    "many": {
        "data": {
            "hr_patch_size": 40, "batch_size": 8, "degradation": "bicubic",
        },
        "learning": {
            "loss": "0.2*l1+0.8*luma", "optimizer": "muon",
            "learning_rate": 3e-3, "schedule": "cosine", "final_rate": 1e-5,
            "epochs": 12, "steps_per_epoch": 500,
        },
    },
    # github.com/assafshocher/ZSSR, configs.py: Config and X2_ONE_JUMP_IDEAL.
    "paper": {
        # Neither the paper nor the code says.
        "evaluation": {"protocol": None, "pipeline": "files"},
        "network": {"passes": 1},
        "augmentation": {
            "father_scale": (0.5, 1.0), "as_is": 0.05,
            "no_interpolation": 0.45, "scale_difference": 0.25, "shear": 0.1,
            "crop_sizes": (128,),
        },
        "learning": {
            # ZSSR.py, build_network: TensorFlow 1's Adam has 1e-8.
            "loss": "l1", "optimizer": "adam", "learning_rate": 1e-3,
            "epsilon": 1e-8, "schedule": "official", "max_steps": 3000,
            "batch_size": 1,
        },
        "finish": {"fusion": "median", "back_projection": 10,
                   "keep_colours": True},
    },
    # The Keras port, github.com/missinglinkai/ZSSR, main.py.
    "article": {
        "network": {"passes": 1, "first_filters": 3},
        "augmentation": {
            "father_scale": (0.4, 0.95), "as_is": 0.0,
            "no_interpolation": 0.0, "scale_difference": 0.0, "shear": 0.0,
            "crop_sizes": (96,),
        },
        "learning": {
            "loss": "l1", "optimizer": "adam", "learning_rate": 1e-3,
            "schedule": "step", "max_steps": 1500, "batch_size": 1,
        },
        "finish": {"fusion": "median", "back_projection": 1,
                   "keep_colours": True},
    },
}  # fmt: skip

"""ZSSR: "Zero-Shot" Super-Resolution using Deep Internal Learning.

A. Shocher, N. Cohen, M. Irani, CVPR 2018, https://arxiv.org/abs/1712.06087

A small network is trained on one image alone: to restore the image's own
downscaled versions, and then to go one step further than the image itself.
"""

import keras
import numpy as np
from keras import layers

from sr_keras.models.layers import EXACT
from sr_keras.models.network import Network
from sr_keras.support.suggest import unknown

# Name -> initializers of all layers, or of all but the last and the last.
# Each is a function, as no two layers may share one's random numbers.
_INITIALIZERS = {
    # Nearly no residual at first: training starts from the interpolation.
    "he": (
        lambda: keras.initializers.HeNormal(),
        lambda: keras.initializers.RandomNormal(stddev=1e-3),
    ),
    # github.com/assafshocher/ZSSR, configs.py, init_variance: over fan-in.
    "paper": (
        lambda: keras.initializers.VarianceScaling(
            0.1, "fan_in", "untruncated_normal"
        ),
    ),
    # Keras's own.
    "glorot": (lambda: keras.initializers.GlorotUniform(),),
}
INTERPOLATIONS = ("bicubic", "bicubic-opencv")


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
        use_bias: bool, whether the convolutions have biases; the authors'
            have none.
        initializer: str, of the weights: "he" (He's, and nearly 0 in the last
            layer), "paper" (normal, variance 0.1 over fan-in) or "glorot".
        value_range: number, what white is to the convolutions.
        interpolation: str, how its input has been enlarged: "bicubic"
            (MATLAB's) or "bicubic-opencv".
        channels: int, the image's: 1 grey, 3 RGB, one more with alpha.
        passes: int, how many times in a row it is applied, each time after
            interpolation by the same factor, to reach `scale`.
        **kwargs: as for `Network`.

    Raises:
        ValueError: fewer than 2 layers, an even kernel size, no filters, no
            pass, no range, an unknown initializer or interpolation.
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
        use_bias=True,
        initializer="he",
        value_range=1.0,
        interpolation="bicubic",
        channels=3,
        passes=1,
        **kwargs,
    ):
        arguments = {
            "num_layers": num_layers,
            "num_filters": num_filters,
            "first_filters": first_filters,
            "kernel_size": kernel_size,
            "activation": activation,
            "use_bias": use_bias,
            "initializer": initializer,
            "value_range": value_range,
            "interpolation": interpolation,
            "channels": channels,
            "passes": passes,
        }
        _check(arguments)
        inputs = keras.Input((None, None, channels), name="interpolated")
        x = _body(inputs, arguments)
        outputs = layers.Add(name="residual", **EXACT)([x, inputs])
        super().__init__(inputs, outputs, scale, **kwargs)
        self.passes = passes
        self.interpolation = interpolation
        self.arguments = arguments

    @property
    def reach(self):
        """How many pixels away an input pixel changes an output pixel."""
        arguments = self.arguments
        return arguments["num_layers"] * (arguments["kernel_size"] // 2)


def _body(x, arguments):
    """The convolutions; the residual in the range of the image."""
    value_range = arguments["value_range"]
    if value_range != 1:
        x = layers.Rescaling(value_range, name="to_range")(x)
    count = arguments["num_layers"]
    first, *_, last = _INITIALIZERS[arguments["initializer"]] * 2
    for i in range(count):
        is_last = i == count - 1
        filters = arguments["channels"] if is_last else arguments["num_filters"]
        if i == 0 and arguments["first_filters"]:
            filters = arguments["first_filters"]
        x = layers.Conv2D(
            filters,
            arguments["kernel_size"],
            padding="same",
            activation=None if is_last else arguments["activation"],
            use_bias=arguments["use_bias"],
            kernel_initializer=(last if is_last else first)(),
            name=f"conv{i + 1}",
        )(x)
    if value_range != 1:
        x = layers.Rescaling(1 / value_range, name="from_range")(x)
    return x


def _check(arguments):
    for name, what in (
        ("passes", "pass"), ("num_layers", "layers"), ("num_filters", "filter"),
    ):  # fmt: skip
        least = 2 if name == "num_layers" else 1
        if arguments[name] < least:
            raise ValueError(
                f"zssr needs {least} {what} or more, not {arguments[name]}"
            )
    kernel_size = arguments["kernel_size"]
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"kernel_size must be odd, not {kernel_size}")
    if not arguments["value_range"] > 0:
        raise ValueError(
            f"value_range must be positive, not {arguments['value_range']}"
        )
    for name, known in (
        ("initializer", _INITIALIZERS), ("interpolation", INTERPOLATIONS),
    ):  # fmt: skip
        if arguments[name] not in known:
            raise ValueError(
                unknown(f"zssr has no {name}", arguments[name], known)
            )


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
    # github.com/assafshocher/ZSSR: Config and X2_ONE_JUMP_IDEAL of configs.py,
    # and what ZSSR.py and utils.py do with them.
    "paper": {
        # Neither the paper nor the code says.
        "evaluation": {"protocol": None, "pipeline": "files"},
        "network": {"passes": 1, "use_bias": False, "initializer": "paper"},
        "augmentation": {
            "father_scale": (0.5, 1.0), "as_is": 0.05,
            "no_interpolation": 0.45, "scale_difference": 0.25, "shear": 0.1,
            "view": "warp", "crop_sizes": (128,), "clip_sons": True,
        },
        "learning": {
            # ZSSR.py, build_network: TensorFlow 1's Adam has 1e-8.
            "loss": "l1", "optimizer": "adam", "learning_rate": 1e-3,
            "epsilon": 1e-8, "ema": 0.0,
            "schedule": "official", "max_steps": 3000, "batch_size": 1,
        },
        "finish": {"fusion": "median", "back_projection": 10,
                   "clip_views": True, "keep_colours": False},
    },
    # The Keras port, github.com/missinglinkai/ZSSR, main.py.
    "article": {
        "network": {
            "passes": 1, "first_filters": 3, "initializer": "glorot",
            "value_range": 255.0, "interpolation": "bicubic-opencv",
        },
        "augmentation": {
            "father_scale": (0.4, 0.95), "order": "up", "scale_jitter": 0.03,
            "as_is": 0.0, "no_interpolation": 0.0, "scale_difference": 0.0,
            "shear": 0.0, "view": "resize", "crop_sizes": (96,),
            "degradation": "bicubic-opencv", "noise_on": "interpolated",
        },
        "learning": {
            "loss": "l1", "optimizer": "adam", "learning_rate": 1e-3,
            # Keras's 1e-7, where white is 255.
            "epsilon": 1e-7 / 255, "ema": 0.0,
            "schedule": "step", "max_steps": 1500, "batch_size": 1,
        },
        "finish": {"fusion": "median", "back_projection": 0,
                   "keep_colours": False},
    },
}  # fmt: skip

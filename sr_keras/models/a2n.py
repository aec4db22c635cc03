"""A2N: Attention in Attention Network for Image Super-Resolution.

H. Chen, J. Gu, Z. Zhang, 2021, https://arxiv.org/abs/2104.09497

Each block computes its features with and without pixel attention, and weighs
the two by what it sees in the whole image.
"""

import keras
from keras import layers, ops

from sr_keras.models import weight_maps
from sr_keras.models.classical import METHODS, Interpolation
from sr_keras.models.layers import EXACT
from sr_keras.models.network import Network
from sr_keras.models.recipes import EPSILON
from sr_keras.support.suggest import unknown

# The slope of every leaky ReLU, and the divisor of the attention dropout
# module's outputs before their softmax (github.com/haoyuc/A2N, aan.py).
_SLOPE = 0.2
_TEMPERATURE = 30.0


@keras.saving.register_keras_serializable("sr_keras")
class A2N(Network):
    """The network of section 3.2.

    With the defaults it has 1,036,443 parameters at x2 and x3, and 1,047,459
    at x4. Its convolutions see values in [0, value_range].

    Args:
        scale: int: 2, 3 or 4.
        num_blocks: int, attention-in-attention blocks, at least 1.
        num_filters: int, their channels.
        up_filters: int, the channels at the final size.
        reduction: int, num_filters over the channels in the attention dropout
            module.
        non_attention_size: int, odd, the kernel of the non-attention branch:
            3 for A2N, 1 for A2N-M.
        skip: str, how the input is enlarged that the result is added to:
            "bilinear" as the authors do, "nearest" or another of
            `classical.METHODS`.
        value_range: number, what white is inside; the authors' 255.
        channels: int, the image's.
        **kwargs: as for `Network`.

    Raises:
        ValueError: for counts less than 1, an even kernel or an unknown skip.
    """

    scales = (2, 3, 4)
    # Every block looks at the whole image.
    reach = None

    def __init__(
        self,
        scale=2,
        num_blocks=16,
        num_filters=40,
        up_filters=24,
        reduction=4,
        non_attention_size=3,
        skip="bilinear",
        value_range=255,
        channels=3,
        **kwargs,
    ):
        arguments = {
            "num_blocks": num_blocks,
            "num_filters": num_filters,
            "up_filters": up_filters,
            "reduction": reduction,
            "non_attention_size": non_attention_size,
            "skip": skip,
            "value_range": value_range,
            "channels": channels,
        }
        _check(arguments)
        inputs = keras.Input((None, None, channels), name="lr")
        x = layers.Rescaling(value_range, name="to_range")(inputs)
        x = first = _conv(num_filters, "conv_first")(x)
        for i in range(num_blocks):
            x = _block(x, f"block{i + 1}", arguments)
        x = layers.Add(name="trunk")(
            [_conv(num_filters, "trunk_conv")(x), first]
        )
        for i, factor in enumerate(stages(scale)):
            x = _enlarge(x, factor, up_filters, str(i + 1))
        x = _conv(channels, "conv_last")(x)
        x = layers.Rescaling(1 / value_range, name="from_range")(x)
        skipped = Interpolation(scale, skip, name="skip")(inputs)
        outputs = layers.Add(name="sr", **EXACT)([x, skipped])
        super().__init__(inputs, outputs, scale, **kwargs)
        self.arguments = arguments


@keras.saving.register_keras_serializable("sr_keras")
class Shared(keras.layers.Layer):
    """The mean of two branches, weighed by the softmax of two numbers."""

    def call(self, inputs):
        """Weigh.

        Args:
            inputs: two tensors (N, H, W, C), and one (N, 1, 1, 2).

        Returns:
            Tensor (N, H, W, C).
        """
        first, second, numbers = inputs
        shares = self.shares(numbers)
        return first * shares[..., :1] + second * shares[..., 1:]

    @staticmethod
    def shares(numbers):
        """What each branch counts, from the two numbers."""
        return ops.softmax(numbers / _TEMPERATURE, axis=-1)

    def compute_output_shape(self, input_shape):
        """The shape of one branch."""
        return input_shape[0]


def stages(scale):
    """The factors that the features are enlarged by, one after the other."""
    return (2, 2) if scale == 4 else (scale,)


def _block(x, name, arguments):
    """Section 3.2's attention-in-attention block."""
    filters = arguments["num_filters"]
    skip = x
    x = _conv(filters, f"{name}_conv_first", 1, bias=False)(x)
    x = layers.LeakyReLU(_SLOPE, name=f"{name}_act_first")(x)
    shares = _shares(x, name, filters // arguments["reduction"])
    with_attention = _attention(x, f"{name}_attention", filters)
    without = _conv(
        filters,
        f"{name}_non_attention",
        arguments["non_attention_size"],
        bias=False,
    )(x)
    x = Shared(name=f"{name}_shared")([with_attention, without, shares])
    x = layers.LeakyReLU(_SLOPE, name=f"{name}_act_last")(x)
    x = _conv(filters, f"{name}_conv_last", 1, bias=False)(x)
    return layers.Add(name=f"{name}_add")([x, skip])


def _shares(x, name, hidden):
    """The attention dropout module: two numbers an image."""
    x = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(x)
    for i, (units, activation) in enumerate(((hidden, "relu"), (2, None))):
        x = layers.Dense(
            units,
            activation=activation,
            use_bias=False,
            name=f"{name}_dropout{i + 1}",
        )(x)
    return x


def _attention(x, name, filters):
    """The attention branch: features times a mask of the same size."""
    mask = _conv(filters, f"{name}1", bias=False)(x)
    mask = layers.LeakyReLU(_SLOPE, name=f"{name}_act")(mask)
    mask = _conv(filters, f"{name}2", 1)(mask)
    mask = layers.Activation("sigmoid", name=f"{name}_mask")(mask)
    x = _conv(filters, f"{name}3", bias=False)(x)
    x = layers.Multiply(name=f"{name}_masked")([x, mask])
    return _conv(filters, f"{name}4", bias=False)(x)


def _enlarge(x, factor, filters, number):
    """Nearest neighbours, a convolution, pixel attention, a convolution."""
    # Bare repetition: any size, every backend.
    x = layers.UpSampling2D(factor, name=f"nearest{number}")(x)
    x = _conv(filters, f"up_conv{number}")(x)
    mask = _conv(filters, f"up_attention{number}", 1)(x)
    mask = layers.Activation("sigmoid", name=f"up_mask{number}")(mask)
    x = layers.Multiply(name=f"up_masked{number}")([x, mask])
    x = layers.LeakyReLU(_SLOPE, name=f"up_act{number}")(x)
    x = _conv(filters, f"hr_conv{number}")(x)
    return layers.LeakyReLU(_SLOPE, name=f"hr_act{number}")(x)


def _conv(filters, name, size=3, bias=True):
    return layers.Conv2D(
        filters, size, padding="same", use_bias=bias, name=name
    )


def _check(arguments):
    for name in ("num_blocks", "num_filters", "up_filters", "reduction"):
        if arguments[name] < 1:
            raise ValueError(f"a2n: {name} is 1 or more, not {arguments[name]}")
    if arguments["num_filters"] < arguments["reduction"]:
        raise ValueError(
            f"a2n: {arguments['num_filters']} filters cannot be reduced by "
            f"{arguments['reduction']}: give a smaller reduction"
        )
    if arguments["non_attention_size"] % 2 != 1:
        raise ValueError(
            "a2n: non_attention_size must be odd, not "
            f"{arguments['non_attention_size']}"
        )
    if arguments["skip"] not in METHODS:
        raise ValueError(
            unknown("a2n: there is no skip", arguments["skip"], METHODS)
        )
    if not arguments["value_range"] > 0:
        raise ValueError(
            f"a2n: value_range must be positive, not {arguments['value_range']}"
        )


def published(shapes, scale):
    """The names in github.com/haoyuc/A2N: see `models.weight_maps`."""
    blocks = weight_maps.count(shapes, r"AAB_trunk\.(\d+)\.")
    conv = weight_maps.conv
    found = conv("conv_first", "conv_first")
    for i in range(blocks):
        ours, theirs = f"block{i + 1}", f"AAB_trunk.{i}"
        for name in ("conv_first", "non_attention", "conv_last"):
            found |= conv(f"{ours}_{name}", f"{theirs}.{name}", bias=False)
        for k in (1, 2, 3, 4):
            found |= conv(
                f"{ours}_attention{k}", f"{theirs}.attention.k{k}", bias=k == 2
            )
        for k, index in ((1, 0), (2, 2)):
            found[f"{ours}_dropout{k}/kernel"] = (
                f"{theirs}.ADM.{index}.weight",
                weight_maps.DENSE,
            )
    found |= conv("trunk_conv", "trunk_conv")
    for k in range(1, len(stages(scale)) + 1):
        found |= conv(f"up_conv{k}", f"upconv{k}")
        found |= conv(f"up_attention{k}", f"att{k}.conv")
        found |= conv(f"hr_conv{k}", f"HRconv{k}")
    found |= conv("conv_last", "conv_last")
    return weight_maps.Published(found, {"num_blocks": max(blocks, 1)})


RECIPES = {
    # Muon is at 36.5 dB (x2, Set5) after 200 steps, Adam at 34.8 after 400.
    "default": {
        "data": {
            "hr_patch_size": 96, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": {
            "loss": "l1", "optimizer": "muon", "learning_rate": 2e-3,
            "schedule": "cosine", "final_rate": 1e-6, "epochs": 100,
            "steps_per_epoch": 1000,
        },
    },
    # github.com/haoyuc/A2N, the commands of README.md, and option.py for all
    # that they leave out; code/data/div2k.py makes epochs of 1,000 steps.
    "paper": {
        # code/utility.py, calc_psnr.
        "evaluation": {"protocol": "y", "pipeline": "files"},
        "data": {
            "hr_patch_size": 128, "batch_size": 32, "degradation": "bicubic",
        },
        "scales": {
            3: {"data": {"hr_patch_size": 192}},
            4: {"data": {"hr_patch_size": 256}},
        },
        "learning": {
            "loss": "l1", "optimizer": "adam", "learning_rate": 5e-4,
            "beta1": 0.9, "beta2": 0.999, "epsilon": EPSILON,
            "schedule": "step", "step_every": 200, "step_factor": 0.5,
            "epochs": 2000, "steps_per_epoch": 1000, "skip_factor": 1e6,
        },
    },
    # The TensorFlow port of A2N that this project grew from.
    "article": {
        "data": {
            "hr_patch_size": 128, "batch_size": 32, "degradation": "bicubic",
        },
        # x4 begins with the network for x2.
        "scales": {4: {"learning": {"epochs": 200}, "start": {"scale": 2}}},
        "learning": {
            "loss": "charbonnier", "optimizer": "adam",
            "learning_rate": 5e-4, "schedule": "step", "step_every": 200,
            "step_factor": 0.5, "epochs": 500, "steps_per_epoch": 1000,
        },
    },
}  # fmt: skip

"""A convolutional variational autoencoder whose decoder upsamples.

D. P. Kingma, M. Welling, "Auto-Encoding Variational Bayes", ICLR 2014,
https://arxiv.org/abs/1312.6114; the weight of the KL divergence is that of
I. Higgins et al., "beta-VAE", ICLR 2017.

The LR image is encoded as a normal distribution over maps of its own size.
What is drawn from it is decoded to the detail that the interpolated image
lacks. Its mean gives one image; many draws give many plausible ones.
"""

import math

import keras
import numpy as np
from keras import layers, ops

from sr_keras.models.layers import EXACT, FixedUpsample, PixelShuffle, pad_edge
from sr_keras.models.network import Network, reach_of

# The contrast at which a place is half open to the latent maps.
_HALF_OPEN = 0.03


@keras.saving.register_keras_serializable("sr_keras")
class VAE(Network):
    """Encoder, `Sampling`, decoder, and a bicubic skip about them.

    With the defaults it has 126,627 parameters at x2 and 163,619 at x4.
    Trained with any reconstruction loss; beta times the KL divergence is
    among its `losses`. Not in training it takes the mean.

    Args:
        scale: int, 2 or 4.
        num_blocks: int, residual blocks in the encoder, and in the decoder.
        num_filters: int, their channels.
        latent_channels: int, latent maps.
        beta: number from 0, the weight of the KL divergence, which is the
            mean over the pixels of its sum over the maps.
        channels: int, the image's: 1 grey, 3 RGB.
        seed: int, of the draws in training.
        **kwargs: as for `Network`.

    Raises:
        ValueError: counts less than 1, or a negative beta.
    """

    scales = (2, 4)

    def __init__(
        self,
        scale=2,
        num_blocks=2,
        num_filters=32,
        latent_channels=16,
        beta=1e-7,
        channels=3,
        seed=0,
        **kwargs,
    ):
        arguments = {
            "num_blocks": num_blocks,
            "num_filters": num_filters,
            "latent_channels": latent_channels,
            "beta": beta,
            "channels": channels,
            "seed": seed,
        }
        _check(arguments)
        inputs = keras.Input((None, None, channels), name="lr")
        x = _conv(num_filters, "encoder", "relu")(inputs)
        x = _refined(x, num_blocks, "encoder")
        mean = _conv(latent_channels, "mean")(x)
        # Little noise at first: there is no detail yet for it to spoil.
        log_variance = layers.Conv2D(
            latent_channels,
            3,
            padding="same",
            bias_initializer=keras.initializers.Constant(-6),
            name="log_variance",
        )(x)
        z = Sampling(beta, seed, name="sampling", **EXACT)([mean, log_variance])
        outputs = _decoded(z, inputs, scale, arguments)
        super().__init__(inputs, outputs, scale, **kwargs)
        self.arguments = arguments

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt."""
        body = 3 + 4 * self.arguments["num_blocks"]
        upsampling = [(1, 1), (2, 0)] * _doublings(self.scale)
        return reach_of((1, body), *upsampling, (1, 1))

    def samples(self, image, count, seed=0):
        """Draw plausible SR images.

        Args:
            image: float32 ndarray (H, W, C), in [0, 1].
            count: int, how many.
            seed: int; the same one gives the same images, and the first of
                many are those of few.

        Returns:
            float32 ndarray (count, scale*H, scale*W, C), clipped to [0, 1].
        """
        sampling = self.get_layer("sampling")
        encoder = keras.Model(self.input, sampling.input)
        decoder = keras.Model([self.input, sampling.output], self.output)
        image = np.asarray(image, np.float32)[None]
        mean, log_variance = map(ops.convert_to_numpy, encoder(image))
        deviation = np.exp(log_variance / 2)
        noise = np.random.default_rng(seed)
        drawn = []
        for _ in range(count):
            z = mean + deviation * noise.standard_normal(mean.shape)
            result = decoder([image, z.astype(np.float32)])
            drawn.append(ops.convert_to_numpy(result)[0])
        return np.clip(drawn, 0, 1)


@keras.saving.register_keras_serializable("sr_keras")
class Sampling(keras.layers.Layer):
    """The reparameterisation trick: mean + deviation * noise, in training.

    Args:
        beta: number, the weight of the KL divergence from the standard normal
            distribution, which it adds to the losses.
        seed: int, of the noise.
        **kwargs: as for `keras.layers.Layer`.
    """

    # Function that gives which part of a batch is at hand, of how many:
    # `distributed.replicas` sets it where devices train together.
    batch_share = staticmethod(lambda: (0, 1))

    def __init__(self, beta=1.0, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.beta = beta
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        """Draw.

        Args:
            inputs: mean and logarithm of the variance, both (N, H, W, C).
            training: bool; the mean is what is drawn when it is not.

        Returns:
            Tensor (N, H, W, C).
        """
        mean, log_variance = inputs
        if not training:
            return mean
        variance = ops.exp(log_variance)
        # Kingma and Welling 2014, appendix B.
        divergence = (ops.square(mean) + variance - log_variance - 1) / 2
        divergence = ops.mean(ops.sum(divergence, axis=-1))
        self.add_loss(self.beta * divergence)
        return mean + ops.sqrt(variance) * self._noise(mean)

    def _noise(self, like):
        """Noise for the images at hand: their part of the batch's."""
        index, count = self.batch_share()
        images, *shape = ops.shape(like)
        noise = keras.random.normal(
            (count * images, *shape), dtype=like.dtype, seed=self.seed_generator
        )
        if count == 1:
            return noise
        return noise[index * images : (index + 1) * images]

    def compute_output_shape(self, input_shape):
        """The mean's."""
        return input_shape[0]

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "beta": self.beta, "seed": self.seed}


@keras.saving.register_keras_serializable("sr_keras")
class ContrastGate(keras.layers.Layer):
    """Latent maps, let through where the image has contrast.

    Flat places have no detail to be uncertain about: there, whatever is
    drawn, the result is nearly the interpolation.
    """

    def call(self, inputs):
        """Multiply.

        Args:
            inputs: latent maps (N, H, W, C), and the image (N, H, W, any).

        Returns:
            Tensor (N, H, W, C).
        """
        z, image = inputs
        difference = ops.abs(image - _blurred(image))
        contrast = ops.mean(_blurred(difference), axis=-1, keepdims=True)
        contrast = ops.square(contrast)
        return z * (contrast / (contrast + _HALF_OPEN**2))

    def compute_output_shape(self, input_shape):
        """That of the latent maps."""
        return input_shape[0]


def _blurred(x):
    """Means of 3x3 pixels, from slices: the same under every backend."""
    x = pad_edge(x, 1)
    x = x[:, :-2] + x[:, 1:-1] + x[:, 2:]
    return (x[:, :, :-2] + x[:, :, 1:-1] + x[:, :, 2:]) / 9


def _decoded(z, inputs, scale, arguments):
    filters = arguments["num_filters"]
    x = ContrastGate(name="gate", **EXACT)([z, inputs])
    x = _conv(filters, "decoder", "relu")(x)
    x = _refined(x, arguments["num_blocks"], "decoder")
    for i in range(1, _doublings(scale) + 1):
        x = _conv(4 * filters, f"upsample{i}", "relu")(x)
        x = PixelShuffle(2, name=f"shuffle{i}")(x)
    # Little detail at first, near the interpolation; but with less of it, or
    # a larger beta, the divergence is all that the encoder learns from.
    detail = layers.Conv2D(
        arguments["channels"],
        3,
        padding="same",
        kernel_initializer=keras.initializers.RandomNormal(stddev=2e-3),
        name="detail",
    )(x)
    bicubic = FixedUpsample(scale, name="bicubic")(inputs)
    return layers.Add(name="sr", **EXACT)([bicubic, detail])


def _refined(x, num_blocks, part):
    for i in range(1, num_blocks + 1):
        name = f"{part}_block{i}"
        y = _conv(x.shape[-1], f"{name}_conv1", "relu")(x)
        y = _conv(x.shape[-1], f"{name}_conv2")(y)
        x = layers.Add(name=name)([x, y])
    return x


def _conv(filters, name, activation=None):
    return layers.Conv2D(
        filters,
        3,
        padding="same",
        activation=activation,
        kernel_initializer="he_normal" if activation else "glorot_uniform",
        name=name,
    )


def _doublings(scale):
    return round(math.log2(scale))


def _check(arguments):
    for name in ("num_blocks", "num_filters", "latent_channels"):
        if arguments[name] < 1:
            raise ValueError(f"vae: {name} is 1 or more, not {arguments[name]}")
    if not arguments["beta"] >= 0:
        raise ValueError(f"vae: beta is 0 or more, not {arguments['beta']}")


# There is no paper of this network: the settings are ours.
RECIPES = {
    "default": {
        "data": {
            "hr_patch_size": 64, "batch_size": 16, "degradation": "bicubic",
        },
        "learning": {
            # The likelihood is a normal distribution's.
            "loss": "l2", "optimizer": "adam", "learning_rate": 1e-3,
            "schedule": "cosine", "final_rate": 1e-5, "epochs": 100,
            "steps_per_epoch": 500,
        },
    },
}  # fmt: skip

"""Training losses, by the names that `--loss` takes.

The loss that VGG19 sees is `evaluation.perceptual.ContentLoss`.
"""

import math
import re

import keras
from keras import ops

from sr_keras.imaging.color import yiq_luma
from sr_keras.support.suggest import unknown

# A loss in a sum, "0.5*l1".
_PART = re.compile(r"(?:([^*]+)\*)?([^*]+)")


@keras.saving.register_keras_serializable("sr_keras")
class Charbonnier(keras.losses.Loss):
    """sqrt(d^2 + epsilon^2), a smooth L1 (Charbonnier et al. 1994).

    Args:
        epsilon: float; 1e-3 is LapSRN's (Lai et al. 2017, section 3.2).
        **kwargs: as for `keras.losses.Loss`.
    """

    def __init__(self, epsilon=1e-3, name="charbonnier", **kwargs):
        super().__init__(name=name, **kwargs)
        self.epsilon = epsilon

    def call(self, y_true, y_pred):
        """Return the loss of each pixel, (N, H, W)."""
        square = ops.square(y_pred - y_true)
        return ops.mean(ops.sqrt(square + self.epsilon**2), axis=-1)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("sr_keras")
class ImageSum(keras.losses.Loss):
    """A loss summed over the pixels and channels of an image.

    The batch has the mean of its images. Of a network with several levels a
    level counts as many times as it has pixels.

    Args:
        loss: keras.losses.Loss.
        **kwargs: as for `keras.losses.Loss`.
    """

    def __init__(self, loss, name="image_sum", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss = loss

    def call(self, y_true, y_pred):
        """Return the loss of each pixel, (N, H, W), as their mean is taken."""
        pixels = self.loss.call(y_true, y_pred)
        height, width, channels = ops.shape(y_pred)[1:]
        count = ops.cast(height * width * channels, pixels.dtype)
        return pixels * count

    def get_config(self):
        """Return the constructor's arguments."""
        loss = keras.losses.serialize(self.loss)
        return {**super().get_config(), "loss": loss}

    @classmethod
    def from_config(cls, config):
        """Build the loss that `get_config` described."""
        loss = keras.losses.deserialize(config["loss"])
        return cls(**{**config, "loss": loss})


@keras.saving.register_keras_serializable("sr_keras")
class LumaWeighted(keras.losses.Loss):
    """A loss of which a part looks at luma alone.

    The eye, and the protocols of the papers, see errors that the three
    colours have in common; those that cancel out in their sum they hardly do.

    Args:
        loss: keras.losses.Loss.
        weight: float in [0, 1], the part. Images that are not RGB or RGBA
            have no luma, and all of their loss is the plain one.
        **kwargs: as for `keras.losses.Loss`.
    """

    def __init__(self, loss, weight, name="luma_weighted", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss = loss
        self.weight = weight

    def call(self, y_true, y_pred):
        """Return the loss of each pixel, (N, H, W)."""
        whole = self.loss.call(y_true, y_pred)
        if y_true.shape[-1] not in (3, 4):
            return whole
        lumas = (yiq_luma(x[..., :3]) for x in (y_true, y_pred))
        part = self.loss.call(*lumas)
        return (1 - self.weight) * whole + self.weight * part

    def get_config(self):
        """Return the constructor's arguments."""
        loss = keras.losses.serialize(self.loss)
        return {**super().get_config(), "loss": loss, "weight": self.weight}

    @classmethod
    def from_config(cls, config):
        """Build the loss that `get_config` described."""
        loss = keras.losses.deserialize(config["loss"])
        return cls(**{**config, "loss": loss})


@keras.saving.register_keras_serializable("sr_keras")
class WeightedSum(keras.losses.Loss):
    """Several losses, each times its weight.

    Args:
        losses: list of keras.losses.Loss.
        weights: list of float, one for each.
        **kwargs: as for `keras.losses.Loss`.
    """

    def __init__(self, losses, weights, name="weighted_sum", **kwargs):
        super().__init__(name=name, **kwargs)
        self.losses = list(losses)
        self.weights = list(weights)

    def call(self, y_true, y_pred):
        """Return the loss of each pixel, (N, H, W)."""
        return sum(
            weight * loss.call(y_true, y_pred)
            for loss, weight in zip(self.losses, self.weights, strict=True)
        )

    def get_config(self):
        """Return the constructor's arguments."""
        losses = [keras.losses.serialize(loss) for loss in self.losses]
        config = super().get_config()
        return {**config, "losses": losses, "weights": self.weights}

    @classmethod
    def from_config(cls, config):
        """Build the loss that `get_config` described."""
        losses = [keras.losses.deserialize(loss) for loss in config["losses"]]
        return cls(**{**config, "losses": losses})


@keras.saving.register_keras_serializable("sr_keras")
class Grid(keras.losses.Loss):
    """The squared part of an error that repeats with the LR pixels.

    Where a network makes the pixels of an LR pixel side by side, it can add the
    same pattern to all of them. Against a discriminator, to which any detail is
    better than none, it does; photos have no such pattern.

    Args:
        scale: int, the side of an LR pixel.
        **kwargs: as for `keras.losses.Loss`.
    """

    def __init__(self, scale, name="grid", **kwargs):
        super().__init__(name=name, **kwargs)
        self.scale = scale

    def call(self, y_true, y_pred):
        """Return the loss of each image, (N,), of images (N, H, W, C)."""
        n = self.scale
        error = y_pred - y_true
        rows, columns = (side // n for side in error.shape[1:3])
        error = error[:, : rows * n, : columns * n]
        shape = (-1, rows, n, columns, n, error.shape[-1])
        pattern = ops.mean(ops.reshape(error, shape), axis=(1, 3))
        pattern -= ops.mean(pattern, axis=(1, 2), keepdims=True)
        return ops.mean(ops.square(pattern), axis=(1, 2, 3))

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "scale": self.scale}


class Adversary:
    """What a discriminator's logits are to be, for it and for a generator.

    The cross-entropy is that of the logits, which no number makes infinite.
    The generator's is -log D(SR), not log(1 - D(SR)) (Ledig et al. 2017,
    section 2.2.2).

    Args:
        label_smoothing: float in [0, 1), how much less than 1 the label of a
            real image is to the discriminator (Salimans et al. 2016, section
            3.4: of the real ones only).
        relativistic: bool, whether each image is compared with the mean of the
            other kind (Jolicoeur-Martineau 2018, section 4.3, "RaSGAN").
        mean: function, the mean of the whole batch.
    """

    def __init__(self, label_smoothing=0.0, relativistic=False, mean=ops.mean):
        self.label = 1.0 - label_smoothing
        self.relativistic = relativistic
        self.mean = mean
        self.entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def discriminator(self, real, fake):
        """The discriminator's loss.

        Args:
            real: tensor (N, ...), its logits of HR images.
            fake: tensor of the same shape, of SR images.

        Returns:
            Tensor, a number.
        """
        real, fake = self.compared(real, fake)
        loss = self._loss(self.label, real) + self._loss(0.0, fake)
        return loss / 2 if self.relativistic else loss

    def generator(self, real, fake):
        """The generator's loss.

        Args:
            real: tensor (N, ...), logits of HR images; used where it is
                relativistic.
            fake: tensor of the same shape, of SR images.

        Returns:
            Tensor, a number.
        """
        if not self.relativistic:
            return self._loss(1.0, fake)
        real, fake = self.compared(real, fake)
        return (self._loss(0.0, real) + self._loss(1.0, fake)) / 2

    def compared(self, real, fake):
        """The logits that count: as they are, or less the other kind's mean."""
        if not self.relativistic:
            return real, fake
        return real - self.mean(fake), fake - self.mean(real)

    def _loss(self, label, logits):
        return self.entropy(label * ops.ones_like(logits), logits)


LOSSES = {
    "l1": keras.losses.MeanAbsoluteError,
    "l2": keras.losses.MeanSquaredError,
    "charbonnier": Charbonnier,
    "charbonnier_sum": lambda: ImageSum(Charbonnier()),
    "luma": lambda: LumaWeighted(keras.losses.MeanAbsoluteError(), 1),
}


def get(text, luma_weight=0):
    """Make a loss.

    Args:
        text: str, "l1", "l2", "charbonnier", "charbonnier_sum" (over the
            pixels of an image) or "luma" (L1 of luma alone), or a weighted
            sum of them: "0.5*l1+0.5*l2".
        luma_weight: float in [0, 1], the part that looks at luma alone.

    Returns:
        keras.losses.Loss.

    Raises:
        ValueError: there is no such loss, or a weight is not positive.
    """
    parts = [_part(part.strip(), text) for part in str(text).split("+")]
    weights, losses = zip(*parts, strict=True)
    loss = losses[0]
    if weights != (1.0,):
        loss = WeightedSum(losses, weights)
    return LumaWeighted(loss, luma_weight) if luma_weight else loss


def _part(part, text):
    """The weight and the loss of "0.5*l1"."""
    match = _PART.fullmatch(part)
    name = match[2].strip() if match else part
    if name not in LOSSES:
        raise ValueError(
            unknown("no loss", name, LOSSES) + ", or a sum, 0.5*l1+0.5*l2"
        )
    try:
        weight = float(match[1] or 1)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise ValueError(
            f"loss {text!r} needs positive weights, as in 0.5*l1+0.5*l2"
        )
    return weight, LOSSES[name]()

"""Training against a discriminator: the SR image is to look like a photo.

C. Ledig, L. Theis, F. Huszar, J. Caballero, A. Cunningham, A. Acosta,
A. Aitken, A. Tejani, J. Totz, Z. Wang, W. Shi, "Photo-Realistic Single Image
Super-Resolution Using a Generative Adversarial Network", CVPR 2017,
https://arxiv.org/abs/1609.04802

Each step the discriminator learns first, then the network, against the
discriminator as it is then.
"""

import dataclasses
from pathlib import Path

import keras
import tensorflow as tf

from sr_keras.evaluation import gan_diagnostics, perceptual
from sr_keras.models import artifact
from sr_keras.models.discriminator import Discriminator
from sr_keras.support.progress import counted
from sr_keras.training import losses
from sr_keras.training.optim.optimizers import optimizer_of
from sr_keras.training.trainers import adversarial_settings
from sr_keras.training.trainers.base import Trainer
from sr_keras.training.trainers.pixel import at_level, pixel_loss

FILE = "discriminator.keras"

# What it takes for the discriminator to have won.
_SURE_OF_HR, _SURE_OF_SR = 0.99, 0.01

Settings = adversarial_settings.Settings

# What goes over the recipe of a network that was not made for this.
RECIPE = {
    # Section 3.2: Adam with beta1 = 0.9, from 1e-4 to 1e-5. The epsilon is
    # Kingma and Ba's (2015, algorithm 1).
    "learning": {
        "optimizer": "adam", "learning_rate": 1e-4, "schedule": "cosine",
        "final_rate": 1e-5, "epsilon": 1e-8, "weight_decay": 0.0,
        "layer_rates": {}, "epochs": 100,
    },
}  # fmt: skip


class AdversarialTrainer(Trainer):
    """Trains a network's `learner` and a discriminator on (lr, hr) batches.

    The pixel loss is that of `trainers.pixel`, at every level; what the
    discriminator and VGG19 see is the last image.

    Args:
        network: as for `Trainer`.
        discriminator: Discriminator, of images as the learner gives them.
        content: keras.losses.Loss of images, or None.
        settings: Settings.
        **kwargs: as for `Trainer`.

    Attributes:
        won: variable, steps in a row that the discriminator has won.
    """

    # D(HR) and D(SR) are probabilities, `d_sr` before the discriminator has
    # learned in that step and `d_sr_after` behind it.
    scalars = (
        "loss", "pixel", "content", "grid", "adversarial", "d_loss", "d_hr",
        "d_sr", "d_sr_after", "d_rate",
    )  # fmt: skip
    # By PSNR the first epoch would be the best.
    judged_by_psnr = False
    measures = {
        "detail": gan_diagnostics.detail,
        "checkerboard": gan_diagnostics.checkerboard,
        "colour_drift": gan_diagnostics.colour_drift,
    }

    def __init__(self, network, discriminator, content, settings, **kwargs):
        super().__init__(network, **kwargs)
        self.discriminator = discriminator
        self.content_loss = content
        self.grid_loss = losses.Grid(self.network.scale)
        self.settings = settings
        self.adversary = losses.Adversary(
            settings.label_smoothing, settings.relativistic, _global_mean
        )
        self.won = self.number("won", dtype="int64")

    def compile(self, optimizer, loss, discriminator_optimizer, **kwargs):
        """Configure, as `keras.Model.compile`, and build the optimizers.

        Args:
            optimizer: keras.optimizers.Optimizer of the network.
            loss: keras.losses.Loss of pixels.
            discriminator_optimizer: keras.optimizers.Optimizer.
            **kwargs: as for `keras.Model.compile`.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self.pixel_loss = loss
        if self.dtype_policy.name == "mixed_float16":  # as Keras has done
            discriminator_optimizer = keras.optimizers.LossScaleOptimizer(
                discriminator_optimizer
            )
        self.discriminator_optimizer = discriminator_optimizer
        self.optimizer.build(self.learner.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    @property
    def networks(self):
        """What is trained beside the network."""
        return {FILE: self.discriminator}

    @property
    def optimizers(self):
        """The network's and the discriminator's."""
        return [self.optimizer, self.discriminator_optimizer]

    def counters(self):
        """The variables that a skipped batch changes too."""
        return [*super().counters(), self.won]

    def learn(self, data):
        """Change the weights of both by a batch of (lr, hr)."""
        lr, hr = data[:2]
        with tf.GradientTape() as tape:
            fixed = self.settings.fixed_statistics
            outputs = self.learner(lr, training=not fixed)
            sr = outputs[-1] if isinstance(outputs, list) else outputs
            sr = tf.cast(sr, "float32")
            photo = at_level(hr, sr, sr)
            with tape.stop_recording():
                seen, own = self._discriminate(photo, tf.stop_gradient(sr))
            parts, after = self._judge(photo, sr)
            parts["pixel"] = pixel_loss(
                self.pixel_loss, self.learner, outputs, hr
            )
            loss = sum(self._weight(k) * part for k, part in parts.items())
            scaled = self.optimizer.scale_loss(loss)
        weights = self.learner.trainable_variables
        gradients = tape.gradient(scaled, weights)
        self._follow(gradients, weights)
        values = {k: self.whole(v) for k, v in {**parts, "loss": loss}.items()}
        return {**values, **seen, "d_sr_after": after}, [*gradients, *own]

    def watched(self, values):
        """The loss without the discriminator's part, which may well leap."""
        steady = [
            self._weight(k) * values[k] for k in ("pixel", "content", "grid")
        ]
        return sum(steady) + self.settings.adversarial_weight

    def troubles(self):
        """Whether the discriminator has won for good."""
        won = int(self.won.numpy())
        if won < self.settings.collapse_limit:
            return []
        return [
            f"the discriminator has won for {counted(won, 'step')} (D(HR) "
            f"above {_SURE_OF_HR}, D(SR) below {_SURE_OF_SR}), and the network "
            "learns nothing more from it: give a smaller --discriminator-rate, "
            "--label-smoothing 0.1 or --relativistic"
        ]

    def _follow(self, gradients, weights):
        """Change the weights, but not while the discriminator leads.

        The optimizer's moments know the gradients by the time they are free.
        """
        lead = self.settings.discriminator_lead
        before = [tf.identity(weight.value) for weight in weights if lead]
        self.optimizer.apply(gradients, weights)
        free = self.steps.value >= lead
        for weight, value in zip(weights, before, strict=False):
            weight.assign(tf.where(free, weight.value, value))

    def _weight(self, part):
        return getattr(self.settings, f"{part}_weight")

    def _discriminate(self, hr, sr):
        """Let the discriminator learn; what it has seen, and gradients."""
        discriminator, optimizer = (
            self.discriminator, self.discriminator_optimizer,
        )  # fmt: skip
        with tf.GradientTape() as tape:
            real, fake = (self._logits(image) for image in (hr, sr))
            loss = self.adversary.discriminator(real, fake)
            scaled = optimizer.scale_loss(loss)
        weights = discriminator.trainable_variables
        gradients = tape.gradient(scaled, weights)
        rate = tf.cast(optimizer.learning_rate, "float32")
        optimizer.apply(gradients, weights)
        real, fake = self.adversary.compared(real, fake)
        seen = {
            "d_loss": self.whole(loss),
            "d_hr": tf.reduce_mean(tf.sigmoid(real)),
            "d_sr": tf.reduce_mean(tf.sigmoid(fake)),
            "d_rate": rate,
        }
        return seen, gradients

    def _judge(self, hr, sr):
        """The parts of the loss but the pixels', and D(SR)."""
        fake = self._logits(sr)
        real = self._logits(hr) if self.settings.relativistic else fake
        content = 0.0
        if self.content_loss is not None:
            content = self.content_loss(hr, sr)
        adversarial = self.adversary.generator(real, fake)
        _, fake = self.adversary.compared(real, fake)
        parts = {
            "content": content, "adversarial": adversarial,
            "grid": self.grid_loss(hr, sr),
        }  # fmt: skip
        return parts, tf.reduce_mean(tf.sigmoid(tf.stop_gradient(fake)))

    def _logits(self, images):
        return tf.cast(self.discriminator(images, training=True), "float32")

    def note(self, values):
        """Count the steps that the discriminator has won."""
        sure = (values["d_hr"] > _SURE_OF_HR) & (values["d_sr"] < _SURE_OF_SR)
        self.won.assign((self.won.value + 1) * tf.cast(sure, "int64"))


def trainer_of(network, plan, steps, **kwargs):
    """Make a compiled trainer, with its discriminator and VGG19.

    Args:
        network: Network, in the precision that it trains in.
        plan: training.plan.Plan, its `own` being Settings.
        steps: int, of an epoch.
        **kwargs: as for `keras.Model.compile`.

    Returns:
        AdversarialTrainer.

    Raises:
        ValueError: a setting or file that does not fit.
        FileNotFoundError: there is no file with VGG19's features, or with the
            discriminator to begin with.
    """
    learning, own = plan.learning, plan.own
    policy = keras.dtype_policies.get(learning.mixed_precision)
    bare = network.core
    size = _size(bare, plan.data.hr_patch_size)
    content = None
    if own.content_weight:
        perceptual.check_size(own.content_layers, size)
        content = perceptual.ContentLoss(own.content_layers, own.vgg_weights)
    trainer = AdversarialTrainer(
        network,
        _discriminator(own, size, bare.output_shape[-1], policy),
        content,
        own,
        ema=learning.ema,
        skip_factor=learning.skip_factor,
        dtype=policy,
    )
    other = dataclasses.replace(
        learning,
        learning_rate=own.discriminator_rate or learning.learning_rate,
        schedule=own.discriminator_schedule or learning.schedule,
        layer_rates={},
    )
    trainer.compile(
        optimizer_of(learning, trainer.network, steps),
        losses.get(learning.loss),
        optimizer_of(other, None, steps),
        **kwargs,
    )
    return trainer


def _size(network, hr_patch_size):
    """(height, width) of what the learner gives for a patch."""
    side = hr_patch_size or 48 * network.scale
    lr = side if network.refiner else side // network.scale
    shape = (1, lr, lr, network.input_shape[-1])
    shapes = network.learner.compute_output_shape(shape)
    return tuple((shapes[-1] if isinstance(shapes, list) else shapes)[1:3])


def _discriminator(own, size, channels, policy):
    """A discriminator, new or with the weights of another."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        made = Discriminator(
            size,
            own.discriminator_filters,
            own.discriminator_units,
            own.discriminator == "convolutional",
            channels,
        )
    finally:
        keras.config.set_dtype_policy(before)
    if own.init_discriminator:
        _begin_with(made, Path(own.init_discriminator))
    return made


def _begin_with(discriminator, path):
    other = artifact.load_part(
        path / FILE if path.is_dir() else path, Discriminator
    )
    config = discriminator.get_config()
    for name, value in other.get_config().items():
        wanted = config[name]
        if name == "hr_patch_size" and config["fully_convolutional"]:
            continue  # it takes any
        if _plain(value) != _plain(wanted):
            raise ValueError(
                f"--init-discriminator {path} has {name} {_plain(value)}, and "
                f"this training {_plain(wanted)}: give the settings that it "
                "was made with"
            )
    discriminator.set_weights(other.get_weights())


def _plain(value):
    return list(value) if isinstance(value, list | tuple) else value


def _global_mean(logits):
    """The mean of the batch of all replicas; gradients go through it."""
    mean = tf.reduce_mean(logits)
    if tf.distribute.get_strategy().num_replicas_in_sync > 1:
        context = tf.distribute.get_replica_context()
        mean = context.all_reduce(tf.distribute.ReduceOp.MEAN, mean)
    return mean

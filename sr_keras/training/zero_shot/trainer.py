"""Zero-shot training: a network learns from one image, for that image.

Shocher et al. 2018, sections 3.1 to 3.3.
"""

import time

import keras
import numpy as np
import tensorflow as tf

from sr_keras.imaging.resize import output_size
from sr_keras.inference import precision
from sr_keras.inference.refine import refine
from sr_keras.pipelines.degradation.chain import (
    DEFAULT,
    PLAIN,
    downscale,
    interpolate,
)
from sr_keras.pipelines.zero_shot.crops import detailed_part
from sr_keras.pipelines.zero_shot.pairs import batch, single_image
from sr_keras.training import losses
from sr_keras.training.callbacks import (
    LearningRate,
    Pause,
    Reconstruction,
    Watch,
)
from sr_keras.training.optim import schedules
from sr_keras.training.optim.muon import ConvMuon
from sr_keras.training.zero_shot import passes
from sr_keras.training.zero_shot.settings import OPTIMIZERS

# Steps between two reconstructions, as in the authors' code.
_EVERY = 50

# Of a larger image the part with the most detail is judged, and is what a
# result is made of before the end.
PART_SIDE = 256


class ZeroShotTrainer(keras.Model):
    """Owns a refiner and trains it on (interpolated son, father) batches.

    Args:
        network: a refiner, `sr_keras.models.network.Network`.
        **kwargs: as for `keras.Model`.
    """

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        self.network = network

    def call(self, interpolated, training=False):
        """Refine images that have their final size: (N, H, W, C)."""
        return self.network(interpolated, training=training)

    def train_step(self, data):
        """Take one step, on a batch of (interpolated sons, fathers)."""
        sons, fathers = data
        with tf.GradientTape() as tape:
            refined = self(sons, training=True)
            loss = self.compute_loss(y=fathers, y_pred=refined)
        weights = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        # The step's own loss, not the epoch's mean: the curve is looked at.
        return {"loss": loss}


def optimizer_of(learning):
    """Make the optimizer.

    Args:
        learning: zero_shot.settings.Learning.

    Returns:
        keras.optimizers.Optimizer; with `ema` the weights are averages when
        training ends, however it ends: of 0.98 over about the last 50 steps.

    Raises:
        ValueError: there is no such optimizer.
    """
    rate, beta1 = learning.learning_rate, learning.beta1
    more = {}
    if learning.ema:
        more.update(use_ema=True, ema_momentum=learning.ema)
    if learning.epsilon is not None:
        more["epsilon"] = learning.epsilon
    if learning.optimizer == "muon":
        return ConvMuon(rate, momentum=beta1, **more)
    if learning.optimizer == "adam":
        return keras.optimizers.Adam(rate, beta_1=beta1, **more)
    raise ValueError(
        f"no optimizer {learning.optimizer!r}: use one of "
        f"{', '.join(OPTIMIZERS)}"
    )


class ZeroShot:
    """One image's training, and the picture that comes of it.

    Args:
        network: a refiner.
        image: ndarray (H, W, C), float32 in [0, 1].
        scale: pair (y, x) of factors.
        size: pair (height, width) of the result.
        augmentation: pipelines.zero_shot.pairs.Augmentation.
        learning: zero_shot.settings.Learning.
        finish: refine.Finish; its kernel is the sons' too.
        deadline: time.monotonic() by which training ends; None for never.
        watch: function (run) called after every step.

    Attributes:
        factor: pair (y, x), what is being learned.
        losses, rates: lists, one value for each step.
        history: list of (step, mean squared reconstruction error).
        interruption: the KeyboardInterrupt that ended the training, or None.
    """

    def __init__(
        self,
        network,
        image,
        scale,
        size,
        augmentation,
        learning,
        finish,
        deadline=None,
        watch=None,
    ):
        self.network = network
        self.image = image
        self.scale = scale
        self.size = size
        self.augmentation = augmentation
        self.learning = learning
        self.finish = finish
        self.deadline = deadline
        self.watch = watch
        self.sources = [(image, (1.0, 1.0))]
        self.factor = None
        self.losses, self.rates, self.history = [], [], []
        self.interruption = None
        self.trainer = ZeroShotTrainer(network)
        self.trainer.compile(
            optimizer=optimizer_of(learning),
            loss=losses.get(learning.loss, learning.luma_weight),
            jit_compile=False,
        )
        # Built before fit, as every strategy of tf.distribute needs it.
        self.trainer.optimizer.build(network.trainable_variables)

    @property
    def step(self):
        """How many steps have been taken."""
        return len(self.losses)

    def train(self):
        """Train through all the scales, or until it is interrupted.

        A KeyboardInterrupt is kept in `interruption`; the network then has
        the average of its latest weights.
        """
        try:
            for stage in self._stages():
                if stage.last > stage.first:
                    self._learn(stage)
                if stage.last == self.learning.max_steps or self._is_late():
                    break
                self._add_source(stage, self.image)
        except KeyboardInterrupt as e:
            self.interruption = e
            if self.step:
                self.trainer.optimizer.finalize_variable_values(
                    self.network.trainable_variables
                )

    def pairs(self, scale=None, start=0):
        """The training batches.

        Args:
            scale: pair (y, x); what is learned first when None.
            start: int, the number of the first.

        Returns:
            tf.data.Dataset, as `pipelines.single_image` says.
        """
        return single_image(
            self.sources,
            scale or next(iter(self._stages())).factor,
            self.augmentation,
            kernel=self.finish.kernel,
            interpolation=self.network.interpolation,
            batch_size=self.learning.batch_size,
            steps=self.learning.max_steps,
            seed=self.learning.seed,
            start=start,
        )

    def latest_pairs(self):
        """Return the pairs of the latest step: (interpolated sons, fathers)."""
        return batch(
            list(self.sources),
            self.factor,
            self.augmentation,
            self.finish.kernel,
            self.network.interpolation,
            self.learning.batch_size,
            self.learning.max_steps,
            self.learning.seed,
            self.step - 1,
        )

    def result(self, outputs=("fused",), finish=None, report=None):
        """Apply the network to the image: see `refine.refine`."""
        return refine(
            self.network,
            self.image,
            self.scale,
            self.size,
            finish or self.finish,
            outputs,
            report,
        )

    def _stages(self):
        count = self.learning.scaling_steps
        if count == 1:
            return passes.passes(
                self.scale, self.network.passes, self.learning.max_steps
            )
        if self.network.passes > 1:
            raise ValueError(
                f"{count} scaling steps need --passes 1, not "
                f"{self.network.passes}"
            )
        return passes.gradual(self.scale, count, self.learning.max_steps)

    def _is_late(self):
        return self.deadline and time.monotonic() >= self.deadline

    def _learn(self, stage):
        scale, first, last = stage.factor, stage.first, stage.last
        self.factor = scale
        rate = self.learning.learning_rate * stage.rate
        total = self.learning.max_steps
        rates = LearningRate(
            schedules.get(
                self.learning.schedule, rate, (first / total, last / total)
            ),
            rate,
            (first, last),
            self._share(first, last),
            self.history,
        )
        part = detailed_part(self.image, PART_SIDE)
        rebuild = Reconstruction(
            self._interpolated_son(part, scale),
            part,
            self.history,
            _EVERY,
            self.step,
        )
        callbacks = [rates, rebuild, Watch(self._note)]
        end = self.step + last - first
        for share in (*self.learning.result_at, 1.0):
            if share < 1 and rates.progress() >= share:
                continue  # the time is over, but a step there has to be
            self._fit(scale, end, [*callbacks, Pause(rates, share)])
            if rates.ended or rates.progress() >= 1:
                return
            self._add_source(stage, part)

    def _interpolated_son(self, image, scale):
        """What the network restores an image from, without noise."""
        shrinker = self.augmentation.degradation
        shrinker = shrinker if shrinker in PLAIN else DEFAULT
        son = downscale(image, scale, self.finish.kernel, shrinker)
        if self.augmentation.clip_sons:
            son = np.clip(son, 0, 1)
        how = self.network.interpolation
        return interpolate(son, scale, image.shape[:2], how)

    def _fit(self, scale, end, callbacks):
        with precision.computing(self.network, self.learning.precision):
            self.trainer.fit(
                self.pairs(scale, self.step),
                steps_per_epoch=end - self.step,
                epochs=1,
                verbose=0,
                shuffle=False,
                callbacks=callbacks,
            )

    def _share(self, first, last):
        """When these steps start and end, by their share of what is left."""
        if self.deadline is None:
            return None
        now = time.monotonic()
        share = (last - first) / (self.learning.max_steps - first)
        return now, now + (self.deadline - now) * share

    def _note(self, loss, rate):
        self.losses.append(float(loss))
        self.rates.append(rate)
        if self.watch:
            self.watch(self)

    def _add_source(self, stage, image):
        """Let a result join the sources, in the place of its forerunner.

        Args:
            stage: passes.Stage, what has been learned.
            image: ndarray, the image or a part of it.
        """
        size = output_size(image.shape, stage.reached)
        format_ = self.learning.precision
        with precision.computing(self.network, format_, to_use=True):
            larger = refine(
                self.network,
                image,
                stage.reached,
                size,
                self.finish,
                passes=stage.passes,
            )["fused"]
        if self.sources[-1][1] == stage.reached:
            self.sources.pop()
        self.sources.append((np.clip(larger, 0, 1), stage.reached))

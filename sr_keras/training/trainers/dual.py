"""Dual regression: what the SR image makes when shrunk is to be the LR image.

Guo et al. 2020, "Closed-loop Matters: Dual Regression Networks for Single
Image Super-Resolution", https://arxiv.org/abs/2003.07018. The primal loss is
that against HR at every level (equation 3); the dual one asks that small heads,
which learn along, bring each SR image back to the level before. LR images
without HR have the dual loss alone (section 3.3 and algorithm 1).
"""

import dataclasses
import functools
from pathlib import Path

import keras
import tensorflow as tf

from sr_keras import pipelines
from sr_keras.imaging.resize import resize
from sr_keras.models import artifact
from sr_keras.models.dual_heads import FILE, DualHeads, check_fit, heads_for
from sr_keras.models.recipes import EPSILON
from sr_keras.training import losses
from sr_keras.training.distributed.replicas import agreed, total
from sr_keras.training.optim.optimizers import optimizer_of
from sr_keras.training.trainers.base import Trainer
from sr_keras.training.trainers.pixel import at_level, pixel_loss

# Of a recipe that was made for another objective: the authors' code, option.py.
RECIPE = {
    "learning": {
        "loss": "l1", "optimizer": "adam", "learning_rate": 1e-4,
        "epsilon": EPSILON, "weight_decay": 0.0, "layer_rates": {},
        "schedule": "cosine", "final_rate": 1e-7,
    },
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Settings:
    """What dual regression has of its own.

    Attributes:
        dual_weight: float, of the dual loss: 0.1 (section 4.1).
        dual_filters: int, channels within a head; None to choose.
        dual_rate: float, the heads' first learning rate; None for the
            network's.
        train_dual: bool, whether the heads learn; else they stay as they are.
        init_dual: str, a dual.keras or a run that has one; None for new ones.
        unpaired: str, photos without HR, as --data; None for none.
        unpaired_ratio: float in [0, 1), their part of what is learned from.
        unpaired_holdout: float in [0, 1), the part of them that is left out.
    """

    dual_weight: float = 0.1
    dual_filters: int | None = None
    dual_rate: float | int | None = None
    train_dual: bool = True
    init_dual: str | None = None
    unpaired: str | None = None
    unpaired_ratio: float = 0.3
    unpaired_holdout: float = 0.0

    def __post_init__(self):
        for name in ("unpaired_ratio", "unpaired_holdout"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(
                    f"{name} must be from 0 to less than 1, not {value:g}"
                )
        if self.dual_weight < 0:
            raise ValueError(
                f"dual_weight must be 0 or more, not {self.dual_weight:g}"
            )


class DualTrainer(Trainer):
    """Trains a network's `learner`, and dual heads beside it.

    Batches are (lr, hr), or dict with "lr", "hr" and "paired", 1 where the two
    belong together, as `pipelines.mixed` has them. LR images come at LR size
    for a refiner too.

    Args:
        network: as for `Trainer`.
        heads: DualHeads, in float32.
        weight: float, of the dual loss.
        train_heads: bool, whether the heads learn.
        **kwargs: as for `Trainer`.
    """

    scalars = ("loss", "primal", "dual")

    def __init__(self, network, heads, weight=0.1, train_heads=True, **kwargs):
        super().__init__(network, **kwargs)
        if self.network.refiner:
            # One without padding would have another border at every level.
            self.learner = self.network
        self.heads = heads
        self.weight = weight
        self.train_heads = train_heads

    def compile(self, optimizer, loss, dual_optimizer=None, **kwargs):
        """Configure, and build the optimizers.

        Args:
            optimizer: keras.optimizers.Optimizer of the network.
            loss: keras.losses.Loss, of both parts.
            dual_optimizer: keras.optimizers.Optimizer of the heads, which is
                needed where they learn.
            **kwargs: as for `keras.Model.compile`.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self.pixel_loss = loss
        self.dual_optimizer = dual_optimizer
        self.optimizer.build(self.learner.trainable_variables)
        if self.train_heads:
            self.dual_optimizer.build(self.heads.trainable_variables)

    @property
    def networks(self):
        """The heads, by the name of their file."""
        return {FILE: self.heads}

    @property
    def optimizers(self):
        """The network's, and the heads' where they learn."""
        own = [self.dual_optimizer] if self.train_heads else []
        return [self.optimizer, *own]

    def learn(self, data):
        """Change the weights by a batch."""
        with tf.GradientTape(persistent=True) as tape:
            values = self._measured(data, training=True)
            scaled = self.optimizer.scale_loss(values["loss"])
        weights = self.learner.trainable_variables
        gradients = tape.gradient(scaled, weights)
        every = list(gradients)
        if self.train_heads:
            own = self.heads.trainable_variables
            # In float32 throughout: their gradient needs no scaling.
            every += tape.gradient(values["loss"], own)
            self.dual_optimizer.apply(every[len(gradients) :], own)
        del tape
        self.optimizer.apply(gradients, weights)
        return {k: self.whole(v) for k, v in values.items()}, every

    def test_step(self, data):
        """Measure the losses of a batch."""
        values = self._measured(data, training=False)
        values = {k: self.whole(v) for k, v in values.items()}
        values, _ = agreed(values, tf.constant(False))
        for tracker in self.trackers:
            tracker.update_state(values[tracker.name])
        return {tracker.name: tracker.result() for tracker in self.trackers}

    def _measured(self, data, training):
        """The losses of a batch, divided by the replicas."""
        batch = _as_dict(data)
        lr, hr = batch["lr"], batch["hr"]
        shares = _shares(batch.get("paired"))
        outputs = self.learner(self._input(lr, hr), training=training)
        if not isinstance(outputs, list | tuple):
            outputs = [outputs]
        outputs = [tf.cast(sr, "float32") for sr in outputs]
        primal = pixel_loss(
            self.pixel_loss, self.learner, outputs, hr, shares[0]
        )
        dual = self._dual(outputs, lr, hr, shares)
        return {
            "loss": primal + self.weight * dual,
            "primal": primal,
            "dual": dual,
        }

    def _input(self, lr, hr):
        """What the learner takes: of a refiner, the interpolated image."""
        if not self.network.refiner:
            return lr
        how = self.network.interpolation
        return resize(lr, size=tuple(hr.shape[1:3]), kernel=how)

    def _dual(self, outputs, lr, hr, shares):
        """The dual loss: of pairs level by level, of others at the LR image.

        A level that the network has no SR image of has what the head above
        makes of the next one.
        """
        of_pairs, of_others = shares
        images = {_doublings(sr, lr): sr for sr in outputs}
        loss, below = 0.0, None
        for level in range(self.heads.levels, 0, -1):
            below = self.heads.head(level, images.get(level, below))
            target = lr if level == 1 else at_level(hr, below, hr)
            loss += self.pixel_loss(target, below, sample_weight=of_pairs)
        if of_others is not None:
            for level in sorted(set(images) - {0}):
                again = self.heads.to_lr(level, images[level])
                loss += self.pixel_loss(lr, again, sample_weight=of_others)
        return loss


def _as_dict(data):
    """A batch as `pipelines.mixed` has it."""
    if isinstance(data, dict):
        return data
    # One that was cut for several devices comes in a tuple of its own.
    if isinstance(data[0], dict):
        return data[0]
    return {"lr": data[0], "hr": data[1]}


def _doublings(sr, lr):
    """The level of an SR image."""
    return (sr.shape[1] // lr.shape[1]).bit_length() - 1


def _shares(paired):
    """What each image counts, in its own kind's mean over all replicas.

    A keras.losses.Loss divides by all images; so each counts as many times as
    there are images for one of its kind.

    Args:
        paired: tensor (N,), or None where all are.

    Returns:
        Pair of tensors (N, 1, 1), of the pairs and of the others; None for
        ones and for none.
    """
    if paired is None:
        return None, None
    counts = total(tf.stack([tf.reduce_sum(paired), tf.reduce_sum(1 - paired)]))
    factors = tf.reduce_sum(counts) / tf.maximum(counts, 1)
    return (
        (paired * factors[0])[:, None, None],
        ((1 - paired) * factors[1])[:, None, None],
    )


def batches_of(plan):
    """What makes the batches: `pipelines.paired`, or `pipelines.mixed`.

    Args:
        plan: training.plan.Plan.

    Returns:
        Pair of a function that takes what `pipelines.paired` takes, and the
        Source of the photos without HR, or None.

    Raises:
        ValueError, FileNotFoundError: photos that cannot be used.
    """
    photos = photos_of(plan.own)[0] if plan.own.unpaired else None
    make = functools.partial(_batches, photos, plan.own.unpaired_ratio)
    return make, photos


def photos_of(own):
    """The photos without HR.

    Args:
        own: Settings.

    Returns:
        Pair of Source, to learn from and left out; None for none.

    Raises:
        ValueError, FileNotFoundError: there are none, or too few.
    """
    source = pipelines.open_source(own.unpaired, 1)
    if not own.unpaired_holdout:
        return source, None
    return source.divided(own.unpaired_holdout)


def _batches(photos, ratio, source, scale, *, interpolated, **options):
    """Batches with LR images at LR size, for refiners too."""
    for name in ("hr_patch_size", "stride") if interpolated else ():
        if options[name]:  # a refiner's need not fit the factor
            options[name] = max(options[name] // scale, 1) * scale
    if photos is None:
        return pipelines.paired(source, scale, **options)
    return pipelines.mixed(source, scale, photos, ratio, **options)


def trainer_of(network, plan, steps, **kwargs):
    """Make a compiled trainer.

    Args:
        network: Network, in the precision that it trains in.
        plan: training.plan.Plan.
        steps: int, of an epoch.
        **kwargs: as for `keras.Model.compile`.

    Returns:
        DualTrainer.

    Raises:
        ValueError: a setting that does not fit the network.
        FileNotFoundError: there are no heads where they should be.
    """
    learning, own = plan.learning, plan.own
    heads = heads_of(network, own)
    trainer = DualTrainer(
        network,
        heads,
        own.dual_weight,
        own.train_dual,
        ema=learning.ema,
        skip_factor=learning.skip_factor,
        dtype=keras.dtype_policies.get(learning.mixed_precision),
    )
    trainer.compile(
        optimizer_of(learning, trainer.network, steps),
        losses.get(learning.loss),
        _dual_optimizer(learning, own, trainer.network, steps),
        **kwargs,
    )
    return trainer


def heads_of(network, own):
    """The heads that a training begins with.

    Args:
        network: Network.
        own: Settings.

    Returns:
        DualHeads.

    Raises:
        ValueError: they do not fit the network.
        FileNotFoundError: there are none at `init_dual`.
    """
    if own.init_dual is None:
        return heads_for(network, own.dual_filters)
    path = Path(own.init_dual)
    path = path / FILE if path.is_dir() else path
    heads = artifact.load_part(path, DualHeads)
    check_fit(heads, network, path)
    return heads


def _dual_optimizer(learning, own, network, steps):
    """The heads' own: as the network's, in proportion to their rate."""
    rate = own.dual_rate or learning.learning_rate
    last = learning.final_rate
    if last is not None:
        last = last * rate / learning.learning_rate
    learning = dataclasses.replace(
        learning, learning_rate=rate, final_rate=last, layer_rates={}
    )
    return optimizer_of(learning, network, steps)

"""Learning rates over a training, by the names that `--schedule` takes.

A schedule is `rate(progress, history) -> factor`: `progress` in [0, 1] is how
much of the steps or of the time is used up, `history` the reconstruction
errors so far, and the factor multiplies the learning rate. None means stop.
"""

import math


def cosine(progress, history=None, warmup=0.05):
    """A linear rise, then half a cosine from 1 to 0.01.

    Loshchilov and Hutter 2017, equation 5; the rise of Goyal et al. 2017,
    section 2.2, keeps the first steps from undoing the initialisation.
    """
    if progress < warmup:
        return 0.05 + 0.95 * progress / warmup
    place = min((progress - warmup) / (1 - warmup), 1.0)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * place))


def cyclic(progress, history=None):
    """Halved after every fifth of a scale's steps, and anew at the next.

    The Keras port's (github.com/missinglinkai/ZSSR, main.py, step_decay) with
    LEARNING_RATE_CYCLES; `step` is the same over all the scales.
    """
    # What is a fifth is not to be missed by a rounding.
    return 0.5 ** min(int(progress * 5 + 1e-9), 5)


def triangular(progress, history=None, cycles=4):
    """Triangles between 0.1 and 1 (Smith 2017, section 3), halved in turn."""
    place = min(progress, 1 - 1e-9) * cycles
    cycle, phase = int(place), place % 1
    return (0.1 + 0.9 * (1 - abs(2 * phase - 1))) * 0.5**cycle


class Official:
    """The rule of the authors' code (github.com/assafshocher/ZSSR).

    A line is fitted to the latest reconstruction errors. Where its slope is
    lost in its own standard error the rate is divided by 10, and training
    ends below 9e-6. An error measured after the very step that a look follows
    is for the next look.

    Args:
        learning_rate: float, the rate at the start.
        settling: int, steps between two drops at least (their 256).
        patience: int, steps between two looks (their 60).
        points: int, errors that the line is fitted to (their 256 // 50).
        ratio: float, what the slope is multiplied by first (their 1.5).
        floor: float, the rate below which training ends (their 9e-6).
    """

    def __init__(
        self,
        learning_rate,
        settling=256,
        patience=60,
        points=5,
        ratio=1.5,
        floor=9e-6,
    ):
        self.learning_rate = learning_rate
        self.settling = settling
        self.patience = patience
        self.points = points
        self.ratio = ratio
        self.floor = floor
        self.factor = 1.0
        self._steps = self._dropped = self._known = 0

    def __call__(self, progress, history):
        """Return the factor of the next step, or None to stop.

        Args:
            progress: unused; the errors decide.
            history: list of (step, mean squared reconstruction error).
        """
        settled = self._steps - self._dropped > self.settling
        looks = settled and self._steps % self.patience == 0
        known = history[: self._known][-self.points :]
        if looks and _is_flat(known, self.ratio):
            self.factor /= 10
            self._dropped = self._steps
        self._steps += 1
        self._known = len(history)
        if self.learning_rate * self.factor < self.floor:
            return None
        return self.factor


# Errors are float32: a relative fall smaller than this is rounding, and so is
# the standard error beside it.
_ROUNDING = 4 * 2.0**-23
# The authors' code is of 2018, when numpy.polyfit divided the residuals' sum
# by n - 4; since NumPy 1.16 (2019) it divides by n - 2
# (github.com/numpy/numpy/pull/11197).
_TAKEN = 4


def _is_flat(points: list[tuple[float, float]], ratio: float) -> bool:
    """Tell if the slope of a line through points is lost in its own error.

    Sums are exact (`math.fsum`), so that no processor's order of summation
    decides.

    Args:
        points: pairs (step, error). Two or fewer are never flat: a line fits
            them perfectly.
        ratio: what the slope is multiplied by first.
    """
    if len(points) < 3:
        return False
    steps, errors = (_centered(values) for values in zip(*points, strict=True))
    spread = math.fsum(x * x for x in steps)
    slope = math.fsum(x * y for x, y in zip(steps, errors, strict=True))
    slope /= spread
    fall = -slope * (points[-1][0] - points[0][0])
    if fall <= _ROUNDING * max(abs(error) for _, error in points):
        return True
    left = (y - slope * x for x, y in zip(steps, errors, strict=True))
    variance = math.fsum(r * r for r in left) / max(len(points) - _TAKEN, 1)
    return -ratio * slope < math.sqrt(variance / spread)


def _centered(values: tuple[float, ...]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


def get(name, learning_rate, part=(0.0, 1.0)):
    """Make a schedule.

    Args:
        name: str, a key of SCHEDULES.
        learning_rate: float, the rate it starts from.
        part: pair (start, end) of shares, which of the training's steps its
            progress of 0 to 1 stands for.

    Returns:
        A function (progress, history) -> factor or None.

    Raises:
        ValueError: there is no such schedule.
    """
    if name == "official":
        return Official(learning_rate)
    if name not in SCHEDULES:
        raise ValueError(
            f"no schedule {name!r}: use one of {', '.join(SCHEDULES)}"
        )
    if name == "step":
        start, end = part
        return lambda progress, history=None: cyclic(
            start + min(progress, 1) * (end - start)
        )
    return SCHEDULES[name]


SCHEDULES = {
    "official": Official,
    "step": cyclic,
    "cosine": cosine,
    "cyclic": cyclic,
    "triangular": triangular,
}


def of_epochs(learning, steps):
    """The learning rate of a training that is counted in epochs.

    Args:
        learning: training.plan.Learning.
        steps: int, steps of an epoch.

    Returns:
        float, or a keras.optimizers.schedules.LearningRateSchedule, a
        function of the step alone.
    """
    from keras.optimizers import schedules

    first = learning.learning_rate
    last = min(learning.final_rate or 0.0, first)
    if learning.schedule == "constant":
        return first
    if learning.schedule == "cosine":
        total = (learning.schedule_epochs or learning.epochs) * steps
        return schedules.CosineDecay(first, total, alpha=last / first)
    every = learning.step_every
    # One at least: a training that is made longer has the same variables.
    drops = range(every, max(learning.epochs, every + 1), every)
    factors = [learning.step_factor ** (i + 1) for i in range(len(drops))]
    rates = [max(first * factor, last) for factor in factors]
    # Step k is the first with the next rate; Keras counts one further.
    return schedules.PiecewiseConstantDecay(
        [epoch * steps - 1 for epoch in drops], [first, *rates]
    )


def spread(optimizer, steps):
    """Spread an optimizer's cosine over other steps; the others stay.

    Args:
        optimizer: keras.optimizers.Optimizer, before the first step.
        steps: int.

    Returns:
        float, the rate that it ends at; None for another schedule.
    """
    from keras.optimizers.schedules import CosineDecay

    # Within one that scales the loss there is another.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = optimizer._learning_rate
    if not isinstance(rate, CosineDecay):
        return None
    first = rate.initial_learning_rate
    optimizer.learning_rate = CosineDecay(first, steps, alpha=rate.alpha)
    return first * rate.alpha


OF_EPOCHS = ("constant", "step", "cosine")

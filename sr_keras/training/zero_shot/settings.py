"""Everything that the training of a zero-shot network is told."""

import dataclasses
import itertools
import math

from sr_keras.inference import precision
from sr_keras.training import losses
from sr_keras.training.optim import schedules

OPTIMIZERS = ("adam", "muon")


@dataclasses.dataclass(frozen=True)
class Learning:
    """How a zero-shot network is trained.

    Attributes:
        loss: str, of `sr_keras.training.losses`.
        luma_weight: float, the part of it that looks at luma alone.
        optimizer: "adam" or "muon" (`optim.muon.ConvMuon`).
        learning_rate: float.
        beta1: float, Adam's first decay; Muon's momentum.
        epsilon: float, added to the root of Adam's second moment; None for the
            optimizer's own, 1e-7 of Adam and 1e-8 of Muon.
        ema: float, the momentum with which the weights are averaged; 0 for
            the last ones as they are.
        schedule: str, of `optim.schedules`.
        max_steps: int, for all the scales together.
        batch_size: int.
        precision: str, of `inference.precision`, for the training alone.
        scaling_steps: int, the scales on the way to the last one; the result
            of each joins the sources (section 3.3 of the paper has 6).
        result_at: floats in (0, 1), rising: the shares of each scale's steps
            after which its result so far joins the sources, in the place of
            an earlier one.
        seed: int.
    """

    loss: str = "l1"
    luma_weight: float = 0.0
    optimizer: str = "muon"
    learning_rate: float = 4e-3
    beta1: float = 0.9
    epsilon: float | int | None = None
    ema: float = 0.98
    schedule: str = "cosine"
    max_steps: int = 1000
    batch_size: int = 4
    precision: str = "float32"
    scaling_steps: int = 1
    result_at: tuple = ()
    seed: int = 0

    def __post_init__(self):
        for name, known in (
            ("loss", losses.LOSSES),
            ("optimizer", OPTIMIZERS),
            ("schedule", schedules.SCHEDULES),
            ("precision", precision.PRECISIONS),
        ):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"no {name} {getattr(self, name)!r}: use one of "
                    f"{', '.join(known)}"
                )
        if not 0 <= self.luma_weight <= 1:
            raise ValueError(
                f"luma_weight must be from 0 to 1, not {self.luma_weight}"
            )
        if not 0 <= self.seed < 2**32:
            raise ValueError(
                f"the seed must be from 0 to {2**32 - 1}, not {self.seed}"
            )
        for name in ("max_steps", "batch_size", "scaling_steps"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be 1 or more, not {getattr(self, name)}"
                )
        if not 0 < self.learning_rate < 1:
            raise ValueError(
                f"the learning rate must be between 0 and 1, not "
                f"{self.learning_rate}"
            )
        if self.epsilon is not None and not 0 < self.epsilon < math.inf:
            raise ValueError(f"epsilon must be more than 0, not {self.epsilon}")
        for name in ("beta1", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(
                    f"{name} must be in [0, 1), not {getattr(self, name)}"
                )
        if not _is_rising((0, *self.result_at, 1)):
            raise ValueError(
                "result_at takes rising shares between 0 and 1, not "
                f"{self.result_at}"
            )
        if self.scaling_steps > self.max_steps:
            raise ValueError(
                f"{self.scaling_steps} scaling steps need as many training "
                f"steps, not {self.max_steps}"
            )


def _is_rising(shares):
    return all(low < high for low, high in itertools.pairwise(shares))

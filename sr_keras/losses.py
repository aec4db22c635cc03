"""Training losses, by the names that `--loss` takes."""

import keras
from keras import ops


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


LOSSES = {
    "l1": keras.losses.MeanAbsoluteError,
    "l2": keras.losses.MeanSquaredError,
    "charbonnier": Charbonnier,
}


def get(name):
    """Make a loss.

    Args:
        name: str, "l1", "l2" or "charbonnier".

    Returns:
        keras.losses.Loss.

    Raises:
        ValueError: there is no such loss.
    """
    if name not in LOSSES:
        raise ValueError(f"no loss {name!r}: use one of {', '.join(LOSSES)}")
    return LOSSES[name]()

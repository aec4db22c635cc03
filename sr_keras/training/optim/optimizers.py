"""Optimizers of trainings on many images."""

import keras
from keras import ops

from sr_keras.support.suggest import unknown
from sr_keras.training.optim import schedules
from sr_keras.training.optim.muon import ConvMuon

OPTIMIZERS = ("adam", "adamw", "muon", "sgd")


@keras.saving.register_keras_serializable("sr_keras")
class L2SGD(keras.optimizers.SGD):
    """SGD with weight decay as Caffe and MatConvNet have it.

    The decay is the gradient of an L2 penalty: it is added to each gradient
    and goes through the momentum. Keras's own is apart from both, as AdamW's.

    Args:
        learning_rate: float or schedule.
        l2: float, a weight's own part in its gradient.
        **kwargs: as for `keras.optimizers.SGD`.
    """

    def __init__(self, learning_rate=0.01, l2=0.0, name="l2_sgd", **kwargs):
        super().__init__(learning_rate, name=name, **kwargs)
        self.l2 = l2

    def update_step(self, gradient, variable, learning_rate):
        """Change one variable."""
        if self.l2:
            gradient = ops.cast(gradient, variable.dtype) + self.l2 * variable
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        """Return the constructor's arguments."""
        return {**super().get_config(), "l2": self.l2}


def optimizer_of(learning, network, steps):
    """Make an optimizer.

    Args:
        learning: plan.Learning.
        network: Network, which has the layers with rates of their own.
        steps: int, steps of an epoch.

    Returns:
        keras.optimizers.Optimizer.

    Raises:
        ValueError: the network has no layer of a name in `layer_rates`.
    """
    rate = schedules.of_epochs(learning, steps)
    common = {"global_clipnorm": learning.clip_norm}
    adam = {"beta_1": learning.beta1, "beta_2": learning.beta2}
    if learning.epsilon is not None:
        adam["epsilon"] = learning.epsilon
    if learning.optimizer == "sgd":
        cls, own = L2SGD, {"momentum": learning.momentum}
        own["l2"] = learning.weight_decay
    elif learning.optimizer == "muon":
        cls, own = ConvMuon, {**adam, "momentum": learning.beta1}
        own["weight_decay"] = learning.weight_decay or None
    elif learning.optimizer == "adamw":
        cls = keras.optimizers.AdamW
        own = {**adam, "weight_decay": learning.weight_decay}
    else:
        cls, own = keras.optimizers.Adam, adam
    if not learning.layer_rates:
        return cls(rate, **common, **own)
    factors = _factors(learning, network)
    return _with_factors(cls)(factors, rate, **common, **own)


def _factors(learning, network):
    """How many times the common rate each trainable variable has."""
    paths = [v.path for v in network.learner.trainable_variables]
    # Layers, and what they have: kernel, bias.
    parts = {part for path in paths for part in path.split("/")}
    for name in learning.layer_rates:
        if name not in parts:
            raise ValueError(
                unknown(f"{network.name} has no layer", name, sorted(parts))
            )
    own = {
        n: r / learning.learning_rate for n, r in learning.layer_rates.items()
    }
    return [
        next((own[part] for part in path.split("/") if part in own), 1.0)
        for path in paths
    ]


def _with_factors(cls):
    """A kind of optimizer whose variables have rates of their own."""

    class LayerRates(cls):
        def __init__(self, factors, *args, **kwargs):
            super().__init__(*args, name=cls.__name__.lower(), **kwargs)
            self.factors = factors

        def update_step(self, gradient, variable, learning_rate):
            rate = (
                learning_rate * self.factors[self._get_variable_index(variable)]
            )
            if self.weight_decay:
                decay = ops.cast(rate * self.weight_decay, variable.dtype)
                self.assign_sub(variable, variable * decay)
            super().update_step(gradient, variable, rate)

        def _apply_weight_decay(self, variables):
            """Done in `update_step`: Keras's has one rate for all."""

    return LayerRates

"""Optimizers of trainings on many images."""

import keras

from sr_keras.names import unknown
from sr_keras.training import schedules
from sr_keras.training.muon import ConvMuon

OPTIMIZERS = ("adam", "adamw", "muon", "sgd")


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
        cls, own = keras.optimizers.SGD, {"momentum": learning.momentum}
        own["weight_decay"] = learning.weight_decay or None
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
    layers = {part for path in paths for part in path.split("/")[:-1]}
    for name in learning.layer_rates:
        if name not in layers:
            raise ValueError(
                unknown(f"{network.name} has no layer", name, sorted(layers))
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
            factor = self.factors[self._get_variable_index(variable)]
            super().update_step(gradient, variable, learning_rate * factor)

    return LayerRates

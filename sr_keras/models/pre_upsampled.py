"""A refiner with the interpolation it needs in front of it."""

import keras
from keras import ops

from sr_keras.models.layers import FixedUpsample
from sr_keras.models.network import Network, reach_of

# A refiner's `interpolation` -> whose bicubic `FixedUpsample` is like; that of
# OpenCV is PyTorch's.
_LIKE = {"bicubic": "matlab", "bicubic-opencv": "pytorch"}


@keras.saving.register_keras_serializable("sr_keras")
class Interpolated(Network):
    """The refiner's interpolation by a whole factor and it, in each pass.

    Args:
        refiner: Network whose `refiner` is True.
        scale: int, the factor of all the passes together.
        **kwargs: as for `Network`.

    Raises:
        ValueError: the refiner's passes are not of a whole factor each.
    """

    def __init__(self, refiner, scale, **kwargs):
        channels = refiner.input_shape[-1]
        inputs = keras.Input((None, None, channels), name="lr")
        upsample = FixedUpsample(
            _whole_root(scale, refiner.passes),
            _LIKE[refiner.interpolation],
            name="upsample",
        )
        outputs = refiner(upsample(inputs))
        for _ in range(refiner.passes - 1):
            outputs = refiner(upsample(ops.clip(outputs, 0, 1)))
        super().__init__(inputs, outputs, scale, **kwargs)
        self.network = refiner

    @property
    def core(self):
        """The refiner."""
        return self.network

    @property
    def reach(self):
        """How many LR pixels away an LR pixel is felt."""
        refiner = self.network
        factor = _whole_root(self.scale, refiner.passes)
        # Keys' kernel is two pixels wide to each side, its ends left out.
        interpolation = 3 * factor // 2 if factor > 1 else 0
        return reach_of(
            *[(factor, interpolation + refiner.reach)] * refiner.passes
        )

    def get_config(self):
        """Return the constructor's arguments."""
        refiner = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "refiner": refiner}

    @classmethod
    def from_config(cls, config):
        """Build the network that `get_config` described."""
        refiner = keras.saving.deserialize_keras_object(config["refiner"])
        return cls(**{**config, "refiner": refiner})


def _whole_root(scale, passes):
    factor = round(scale ** (1 / passes))
    if factor**passes != scale:
        raise ValueError(
            f"{passes} passes to {scale} are not of a whole factor each: use "
            "sr_keras.upscale, or another number of passes"
        )
    return factor

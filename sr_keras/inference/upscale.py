"""From LR to SR, in one call."""

import os

import numpy as np

from sr_keras.imaging import images, resize
from sr_keras.imaging.arrays import check_axes, check_image
from sr_keras.inference import channels
from sr_keras.inference.exported import Exported
from sr_keras.inference.load import network_of
from sr_keras.inference.refine import Finish
from sr_keras.inference.route import enlargement, needed_factor
from sr_keras.inference.tiled import Pixels
from sr_keras.models.network import Network
from sr_keras.support import memory


def upscale(
    image: np.ndarray,
    model: Network | Exported | str | os.PathLike,
    scale: float | tuple[float, float] | None = None,
    size: tuple[int, int] | None = None,
    self_ensemble: bool | None = None,
    back_projection: int = 0,
    **options: object,
) -> np.ndarray:
    """Enlarge one image.

    Args:
        image: ndarray (H, W, C), float32 in [0, 1]; grey, RGB, or either with
            alpha. `channels.enlarged` says what of it the network sees.
        model: `Network`, or what `sr_keras.load` takes.
        scale: number or (y, x) pair; the network's own when None. What a
            network does not enlarge to itself is resized from what it does.
        size: pair (height, width) of the result; from the scale when None.
        self_ensemble: bool, whether the result is the mean of what the
            network makes of the image in all its turns. When None, for a
            network that has learned from this image alone.
        back_projection: int, rounds of it.
        **options: keep_colours, for a refiner, color_guard, tile and memory,
            as in `Finish`.

    Returns:
        float32 ndarray (h, w, C), clipped to [0, 1].

    Raises:
        ValueError: an image, factor or size that cannot be used.
        TypeError: an image of integers, no network, or an unknown option.
    """
    image = check_image(image)
    factor = needed_factor(image.shape[:2], scale, size)
    network = network_of(model, factor)
    check_axes(image, network.input_shape[-1])
    finish = finish_for(network, self_ensemble, back_projection, **options)
    work = enlargement(network, Pixels(image), scale, size, finish)
    return work.array()


def samples(network, image, count, seed=0):
    """Draw plausible results, of a network that can (`models.vae`).

    Args:
        network: `Network` with `samples`.
        image: images.Image.
        count: int.
        seed: int.

    Returns:
        List of images.Image.

    Raises:
        ValueError: the network takes no such image.
    """
    working = images.to_working(image)
    channels.check(working.shape[-1], network)
    drawn = []
    for i in range(count):

        def one(x, i=i):
            return network.samples(x, i + 1, seed)[-1]

        result = channels.enlarged(
            working,
            network,
            one,
            lambda x: resize.imresize(x, network.scale),
        )
        drawn.append(images.from_working(result, image))
    return drawn


def memory_for(jobs):
    """What each of several images may take of the memory there is.

    Args:
        jobs: int, how many are enlarged at once.

    Returns:
        int, bytes.
    """
    return int(memory.available() / (2 * jobs))


def finish_for(network, self_ensemble=None, back_projection=0, **options):
    """How a network's result is finished where nothing else is asked for.

    Args:
        network: `Network`.
        self_ensemble: as in `upscale`.
        back_projection: as in `upscale`.
        **options: as in `upscale`.

    Returns:
        Finish.

    Raises:
        TypeError: an unknown option.
        ValueError: a value that cannot be used.
    """
    alone = network.core.zero_shot
    unknown = set(options) - {"keep_colours", "color_guard", "tile", "memory"}
    if unknown:
        raise TypeError(f"upscale takes no argument {min(unknown)!r}")
    given = {k: v for k, v in options.items() if v is not None}
    fused = alone if self_ensemble is None else self_ensemble
    return Finish(
        "mean" if fused else "none",
        back_projection,
        **{"keep_colours": alone, **given},
    )

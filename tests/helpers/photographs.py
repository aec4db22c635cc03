"""Pictures with the statistics of photographs."""

import numpy as np
from checks import smooth

from pipelines.degradation.chain import parse


def scenery(seed, side=640):
    """A picture whose power falls with the square of the frequency.

    It has a sky, as photos have: a part without detail.
    """
    rng = np.random.default_rng(seed)
    f = np.fft.fftfreq(side)
    radius = np.maximum(np.hypot(f[:, None], f[None]), 1 / side)
    phases = np.fft.fft2(rng.standard_normal((side, side))) / radius
    phases[0, 0] = 0
    plane = np.fft.ifft2(phases).real
    sky = np.clip(np.linspace(4, -1.2, side), 0, 1)
    plane = np.clip(0.5 + 0.18 * sky * plane / plane.std(), 0, 1)
    return np.repeat(plane[..., None], 3, -1).astype(np.float32)


def photographed(spec, seeds, scale=2, side=640):
    chain = parse(spec)
    return [
        chain.apply(
            (scenery(s, side) * 255 + 0.5).astype(np.uint8), scale,
            np.random.default_rng(s),
        )
        for s in seeds
    ]  # fmt: skip


def photo(height, width, seed):
    """A picture none of whose patches are alike."""
    rng = np.random.default_rng(seed)
    return 0.7 * smooth(height, width) + 0.3 * rng.random(
        (height, width, 3), "float32"
    )

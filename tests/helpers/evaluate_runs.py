"""Pictures and runs for the tests of `evaluate`."""

import numpy as np
from PIL import Image

from sr_keras import cli
from sr_keras.imaging.resize import imresize


def picture(height=36, width=48, seed=0):
    coarse = np.random.default_rng(seed).random((height // 6, width // 6, 3))
    smooth = imresize(coarse, size=(height, width))
    return np.clip(smooth * 255, 0, 255).astype(np.uint8)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def hr_folder(root, count=3, **size):
    for i in range(count):
        save(root / f"im{i}.png", picture(seed=i, **size))
    return root


def run(*arguments):
    return cli.main(["evaluate", *map(str, arguments)])


def bicubic(hr, factor=2):
    return imresize(imresize(hr, 1 / factor), factor)

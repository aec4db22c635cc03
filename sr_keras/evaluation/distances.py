"""`evaluate --perceptual`: distances between features of networks."""

import functools

import numpy as np

from sr_keras.evaluation import lpips, perceptual
from sr_keras.imaging import images


def of(args):
    """The distances that are asked for.

    Args:
        args: the parsed arguments of `evaluate`.

    Returns:
        dict of name -> function (sr, hr) -> float of ndarrays (H, W, C),
        integers or floating in [0, 1].

    Raises:
        ValueError, FileNotFoundError: weights that are not there or do not
            fit.
    """
    found = {}
    for name in dict.fromkeys(args.perceptual):
        if name == "vgg19":
            layers = args.content_layers or {"VGG54": 1.0}
            loss = perceptual.ContentLoss(
                layers, args.vgg_weights or "imagenet"
            )
            found[name] = functools.partial(_content, loss)
        else:
            model = lpips.load(*args.lpips_weights)
            found[name] = functools.partial(_lpips, model)
    return found


def _content(loss, sr, hr):
    sr, hr = _pair(sr, hr)
    return float(loss(hr, sr))


def _lpips(model, sr, hr):
    sr, hr = _pair(sr, hr)
    if min(sr.shape[1:3]) < model.least:
        raise ValueError(
            f"the image, {sr.shape[2]}x{sr.shape[1]}, is too small for LPIPS: "
            f"it needs {model.least} pixels a side"
        )
    return float(model([sr, hr])[0])


def _pair(sr, hr):
    """Both as the files they would be, (1, H, W, 3) float32 in [0, 1]."""
    return [_rgb(image)[None] for image in (sr, hr)]


def _rgb(image):
    if image.dtype.kind == "f":
        image = images.quantize(image, 8)
    image = image / np.float32(np.iinfo(image.dtype).max)
    if image.shape[-1] < 3:
        return image[..., :1].repeat(3, -1)
    return image[..., :3]

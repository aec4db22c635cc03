"""Colours as a screen shows them, for pages and plots without a profile."""

import contextlib
import io

import numpy as np
from PIL import Image, ImageCms

from sr_keras.imaging import images
from sr_keras.imaging.codecs import metadata


def to_srgb(pixels: np.ndarray, like: images.Image | None) -> np.ndarray:
    """Converts the colours of an image to sRGB.

    Args:
        pixels: (H, W, 3) uint8, grey being thrice the same.
        like: the image they are of; None where they are sRGB.

    Returns:
        (H, W, 3) uint8; the same where the image's profile cannot be used.
    """
    icc = like and metadata.color_profile(
        metadata.Metadata(like.icc, extra=like.extra), like.pixels.shape[-1]
    )
    if not icc:
        return pixels
    grey = icc[16:20] == b"GRAY"
    picture = Image.fromarray(
        np.ascontiguousarray(pixels[..., 0] if grey else pixels)
    )
    with contextlib.suppress(ImageCms.PyCMSError):
        shown = ImageCms.profileToProfile(
            picture,
            io.BytesIO(icc),
            ImageCms.createProfile("sRGB"),
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            "RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return np.asarray(shown)
    return pixels

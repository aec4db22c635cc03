"""What a network sees of an image, and what becomes of the rest.

A network for luma sees Y of BT.601, and the colour differences are
interpolated. A network for RGB sees grey three times. Alpha is interpolated.
"""

import numpy as np

from sr_keras import color


def enlarged(image, network, forward, interpolate):
    """Enlarge an image whose channels are others than the network's.

    Args:
        image: float32 ndarray (H, W, C), in [0, 1]; with alpha where C is 2
            or 4.
        network: `Network`.
        forward: function that enlarges (H, W, c), c being the network's.
        interpolate: function that enlarges (H, W, any).

    Returns:
        float32 ndarray (h, w, C).

    Raises:
        ValueError: the network takes no such image.
    """
    count, own = image.shape[-1], network.input_shape[-1]
    # Grey photos are what zssr alone learns from; the pipelines give Y.
    on_luma = own == 1 and not network.zero_shot
    if count == own and not on_luma:
        return forward(image)
    if network.zero_shot or own not in (1, 3) or count > 4:
        _refuse(network, image)
    if count in (2, 4):
        colours = enlarged(image[..., :-1], network, forward, interpolate)
        alpha = interpolate(image[..., -1:])
        return np.concatenate([colours, alpha], axis=-1)
    if on_luma:
        return _with_luma(image, forward, interpolate)
    grey = np.repeat(image, 3, axis=-1)
    return forward(grey).mean(axis=-1, keepdims=True)


def _with_luma(image, forward, interpolate):
    # Grey is the colour whose three channels are equal: it goes through the
    # same scale from 16 to 235 that the network has learned.
    ycbcr = color.rgb_to_ycbcr(image).astype(np.float32)
    luma = forward(np.ascontiguousarray(ycbcr[..., :1]))
    chroma = interpolate(ycbcr[..., 1:])
    rgb = color.ycbcr_to_rgb(np.concatenate([luma, chroma], axis=-1))
    return rgb[..., : image.shape[-1]].astype(np.float32)


def _refuse(network, image):
    raise ValueError(
        f"{network.name} takes {network.input_shape[-1]} channels, the image "
        f"has {image.shape[-1]}"
    )

"""What a network sees of an image, and what becomes of the rest.

A network for luma sees Y of BT.601, and the colour differences are
interpolated. A network for RGB sees grey three times. Alpha is interpolated.
"""

import numpy as np

from sr_keras.imaging import color

# What Cb and Cr are for grey.
_GREY = np.float32(128 / 255) * np.ones(2, "float32")


def enlarged(image, network, forward, interpolate):
    """Enlarge an image whose channels are others than the network's.

    Args:
        image: float32 ndarray or tensor (..., H, W, C), in [0, 1]; with alpha
            where C is 2 or 4.
        network: `Network`.
        forward: function that enlarges (..., H, W, c), c being the network's.
        interpolate: function that enlarges (..., H, W, any).

    Returns:
        float32 ndarray or tensor (..., h, w, C).

    Raises:
        ValueError: the network takes no such image.
    """
    count, own = image.shape[-1], network.input_shape[-1]
    check(count, network)
    on_luma = is_for_luma(network)
    if count == own and not on_luma:
        return forward(image)
    if count in (2, 4):
        colours = enlarged(image[..., :-1], network, forward, interpolate)
        alpha = interpolate(image[..., -1:])
        return _joined([colours, alpha])
    if on_luma:
        return _with_luma(image, forward, interpolate)
    colours = forward(_joined([image] * 3))
    parts = [colours[..., i : i + 1] for i in range(3)]
    return (parts[0] + parts[1] + parts[2]) / 3


def is_for_luma(network):
    """Whether a network sees Y alone.

    Args:
        network: `Network`.

    Returns:
        bool.
    """
    # Grey photos are what zssr alone learns from; the pipelines give Y.
    return network.input_shape[-1] == 1 and not network.zero_shot


def check(count, network):
    """Refuse an image that a network cannot be given.

    Args:
        count: int, the image's channels.
        network: `Network`.

    Raises:
        ValueError: it takes other numbers of channels.
    """
    if hasattr(network, "interpolate"):
        return
    own = network.input_shape[-1]
    alone = network.core.zero_shot
    if count != own and (alone or own not in (1, 3) or count > 4):
        kind = {1: "grey", 3: "RGB"}.get(own, f"{own} bands")
        kind = "grey or RGB" if is_for_luma(network) and not alone else kind
        bands = "1 band" if count == 1 else f"{count} bands"
        raise ValueError(
            f"{network.name} is a network for {kind}, the image has {bands}: "
            f"give it {kind}, or take an interpolation such as bicubic"
        )


def _with_luma(image, forward, interpolate):
    # Grey is the colour whose three channels are equal: it goes through the
    # same scale from 16 to 235 that the network has learned.
    ycbcr = _float32(color.rgb_to_ycbcr(image))
    luma = forward(ycbcr[..., :1])
    if image.shape[-1] == 1:
        # Its colour differences are those of grey, at any size.
        rgb = color.ycbcr_to_rgb(_joined([luma, luma * 0 + _GREY]))
        return _float32(rgb[..., :1])
    chroma = interpolate(ycbcr[..., 1:])
    return _float32(color.ycbcr_to_rgb(_joined([luma, chroma])))


def _joined(parts):
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis=-1)
    from keras import ops

    return ops.concatenate(parts, axis=-1)


def _float32(x):
    # Tensors keep their type.
    return x.astype(np.float32) if isinstance(x, np.ndarray) else x

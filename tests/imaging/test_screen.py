"""Pages and plots show the colours of a photo, whatever its profile."""

import base64
import io
import re

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from sr_keras.imaging import images
from sr_keras.imaging.codecs import Extra
from sr_keras.training import plots

WHITE = [0.3127, 0.329, 1.0]
# Wide primaries, and red and green swapped.
WIDE = [0.7, 0.29, 1.0, 0.17, 0.8, 1.0, 0.13, 0.05, 1.0]
SWAPPED = [0.3, 0.6, 1.0, 0.64, 0.33, 1.0, 0.15, 0.06, 1.0]


def rgb_profile(primaries):
    return imagecodecs.cms_profile(
        "rgb", whitepoint=WHITE, primaries=primaries, gamma=2.2
    )


def grey_profile():
    return imagecodecs.cms_profile("gray", whitepoint=WHITE, gamma=1.0)


LINEAR = Extra(color=((b"gAMA", (100_000).to_bytes(4, "big")),))

CASES = [
    ((0.2, 0.6, 0.3), {"icc": rgb_profile(SWAPPED)}),
    ((0.2, 0.6, 0.3), {"icc": rgb_profile(WIDE)}),
    ((0.3,), {"icc": grey_profile()}),
    ((0.3, 0.2, 0.1), {"extra": LINEAR}),
    ((0.2, 0.6, 0.3), {}),
    ((0.2, 0.6, 0.3), {"icc": bytes(16) + b"RGB " + bytes(100)}),
]


def flat(color, **options):
    pixels = np.broadcast_to(np.float32(color), (24, 32, len(color)))
    return images.Image(np.ascontiguousarray(pixels), **options)


def seen(color, options):
    """What littleCMS says, or the numbers themselves."""
    codes = np.uint8(np.round(np.multiply(color, 255)))
    if options.get("extra"):
        srgb = imagecodecs.cms_profile(
            "rgb",
            whitepoint=WHITE,
            primaries=[0.64, 0.33, 1.0, 0.3, 0.6, 1.0, 0.15, 0.06, 1.0],
            gamma=1.0,
        )
        options = {"icc": srgb}
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(options["icc"]))
    except (KeyError, OSError):  # none, or none that can be used
        return np.broadcast_to(codes, 3)
    mode = "RGB" if len(color) == 3 else "L"
    picture = Image.new(mode, (1, 1), tuple(codes.tolist()))
    return np.array(
        ImageCms.profileToProfile(
            picture, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        ).getpixel((0, 0))
    )


@pytest.mark.parametrize(("color", "options"), CASES)
def test_the_page_shows_what_is_seen(upscale, place, color, options):
    images.write(place / "a.png", flat(color, **options))
    ended = upscale("a.png", "--compare", "c.html", model="bicubic")
    assert ended.code == 0
    text = (place / "c.html").read_text()
    pictures = re.findall("base64,([A-Za-z0-9+/=]+)", text)
    assert len(pictures) == 2
    for coded in pictures:
        picture = Image.open(io.BytesIO(base64.b64decode(coded)))
        assert "icc_profile" not in picture.info
        got = picture.getpixel((20, 20))
        np.testing.assert_allclose(got, seen(color, options), atol=3)


@pytest.mark.parametrize(("color", "options"), CASES)
def test_the_plot_shows_what_is_seen(tmp_path, color, options):
    image = flat(color, **options)
    large = image.pixels.repeat(2, 0).repeat(2, 1)
    path = tmp_path / "c.png"
    plots.comparison(path, image.pixels, large, large, like=image)
    pixels = images.quantize(images.read(path).pixels, 8)
    near = np.abs(pixels.astype(int) - seen(color, options)).max(-1) <= 3
    assert near.mean() > 0.2  # three panels of that colour


def test_zero_shot_runs_hand_the_profile_over(train, place, monkeypatch):
    icc, given = rgb_profile(SWAPPED), []
    images.write(place / "a.png", flat((0.2, 0.6, 0.3), icc=icc))
    monkeypatch.setattr(plots, "training", lambda *_: None)
    monkeypatch.setattr(plots, "comparison", lambda *a: given.append(a[-1]))
    ended = train("--image", "a.png", "--scale", 2, "--output", "out")
    assert ended.code == 0, ended.err
    assert [like.icc for like in given] == [icc]

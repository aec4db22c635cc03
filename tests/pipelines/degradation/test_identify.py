import numpy as np
import pytest
from checks import blocks, smooth
from scipy import ndimage

from pipelines.degradation import corruption, identify
from pipelines.degradation.chain import parse
from sr_keras.imaging import images

RECIPES = ("bicubic", "bicubic-opencv", "bicubic-pillow", "area", "nearest")


def picture(kind):
    """Two photos' worth: edges with grain, and smooth shapes."""
    if kind == "edges":
        grain = np.random.default_rng(0).normal(0, 0.02, (192, 240, 3))
        return images.quantize(blocks(192, 240) + grain, 8)
    slow = ndimage.gaussian_filter(blocks(192, 240, 1), (1.5, 1.5, 0))
    return images.quantize(0.7 * slow + 0.3 * smooth(192, 240), 8)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kind", ["edges", "smooth"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes(recipe, kind, scale):
    hr = picture(kind)
    found = identify.examine(hr, parse(recipe).apply(hr, scale), scale)
    assert found.recipe == recipe
    assert found.shift == (0, 0)
    assert not found.lr_jpeg
    assert found.error == 0
    assert not found.alike


@pytest.mark.parametrize("shift", [(0.5, 0), (0, -0.25), (1.5, 0.5)])
def test_shifts(shift):
    hr = picture("smooth").astype(float)
    moved = ndimage.shift(hr, (2 * shift[0], 2 * shift[1], 0), mode="nearest")
    moved = images.quantize(moved / 255, 8)
    found = identify.examine(
        images.quantize(hr / 255, 8), parse("bicubic").apply(moved, 2), 2
    )
    np.testing.assert_allclose(found.shift, shift, atol=0.06)


@pytest.mark.parametrize("recipe", ["bicubic", "nearest"])
def test_jpeg(recipe):
    hr = picture("edges")
    lr = parse(f"{recipe},jpeg=60").apply(hr, 2)
    found = identify.examine(hr, lr, 2)
    assert found.lr_jpeg
    assert not found.hr_jpeg
    assert recipe in (found.recipe, *found.alike)
    compressed = images.quantize(
        corruption.jpeg(hr / np.float32(255), 0, 50), 8
    )
    found = identify.examine(
        compressed, parse("bicubic").apply(compressed, 2), 2
    )
    assert found.hr_jpeg
    assert not found.lr_jpeg


def test_noise_is_no_jpeg():
    hr = picture("smooth")
    found = identify.examine(hr, parse("bicubic,noise=5").apply(hr, 2), 2)
    assert not found.lr_jpeg
    assert "bicubic" in (found.recipe, *found.alike)


def test_something_else():
    hr = picture("edges")
    found = identify.examine(hr, picture("smooth")[:96, :120], 2)
    assert found.recipe is None
    tiny = identify.examine(hr[:6, :8], parse("area").apply(hr[:6, :8], 2), 2)
    assert tiny.recipe == "area"


def test_report():
    hr = picture("edges")
    pairs = [
        ("a.png", "ax2.png", hr, parse("area").apply(hr, 2)),
        ("b.png", "bx2.png", hr, parse("area").apply(hr, 2)),
        ("c.png", "cx2.png", hr, parse("bicubic,jpeg=50").apply(hr, 2)),
    ]
    recipe, shift, lr, hr = identify.report(pairs, 2)
    assert recipe.startswith("recipe: area (cv2.resize with INTER_AREA")
    assert "in 2 of 3" in recipe
    assert shift == "shift: none"
    assert lr == "JPEG: traces in 1 of 3 LR images, cx2.png for one"
    assert hr == "JPEG: no traces in the HR images"
    assert identify.report([], 2) == []

import numpy as np
import pytest
from checks import blocks, picture, smooth

from sr_keras.evaluation import gan_diagnostics
from sr_keras.imaging.resize import imresize

HR = (0.7 * blocks(96, 112) + 0.3 * smooth(96, 112)).clip(0, 1)


@pytest.mark.parametrize(
    "measure", [gan_diagnostics.checkerboard, gan_diagnostics.detail]
)
def test_an_image_is_like_itself(measure):
    for scale in (2, 3, 4):
        assert measure(HR, HR, scale) == pytest.approx(1)
    assert measure(HR[..., :1], HR[..., :1], 2) == pytest.approx(1)
    # What no whole LR pixel covers does not count.
    assert measure(HR[:-1, :-3], HR, 4) == pytest.approx(1, rel=0.3)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_pattern_of_the_grid_is_found(scale):
    marked = HR.copy()
    marked[::scale, ::scale] += 8 / 255
    assert gan_diagnostics.checkerboard(marked, HR, scale) > 5
    partly = HR.copy()
    partly[:48:scale, :48:scale] += 8 / 255
    assert gan_diagnostics.checkerboard(partly, HR, scale) > 2
    noisy = HR + 0.03 * (picture(*HR.shape[:2]) - 0.5)
    assert 0.5 < gan_diagnostics.checkerboard(noisy, HR, scale) < 2
    blurred = imresize(imresize(HR, 0.5), 2.0)
    assert gan_diagnostics.checkerboard(blurred, HR, scale) < 1.5


def test_a_pattern_nobody_sees_is_none():
    flat = np.full((64, 64, 3), 0.5)
    marked = flat.copy()
    marked[::2, ::2] += 0.01 / 255
    assert gan_diagnostics.checkerboard(marked, flat, 2) < 1.1


def test_tiny_images():
    for side in (1, 5, 9):
        image = picture(side, side)
        assert gan_diagnostics.checkerboard(image, image, 4) == 1
        assert gan_diagnostics.colour_drift(image, image, 4) == 0
        assert np.isfinite(gan_diagnostics.detail(image, image, 4))


def test_detail():
    blurred = imresize(imresize(HR, 0.25), 4.0)
    assert gan_diagnostics.detail(blurred, HR, 4) < 0.3
    mean = blurred + 0.5 * (HR - blurred)
    sharper = gan_diagnostics.detail(mean, HR, 4)
    assert gan_diagnostics.detail(blurred, HR, 4) < sharper < 1
    noisy = HR + 0.5 * (picture(*HR.shape[:2]) - 0.5)
    assert gan_diagnostics.detail(noisy, HR, 4) > 1
    # A wave that LR can have is none, one that it cannot is.
    for cycles, seen in ((0.1, False), (0.2, True)):
        wave = np.sin(2 * np.pi * cycles * np.arange(96))[:, None, None]
        image = np.full((96, 96, 1), 0.5) + 0.2 * wave
        energy = gan_diagnostics.detail(image, picture(96, 96, 1), 4)
        assert (energy > 0.01) == seen


def test_colour_drift():
    shifted = HR + np.array([4, 0, 0]) / 255
    expected = 4 / np.sqrt(3)
    assert gan_diagnostics.colour_drift(shifted, HR, 2) == pytest.approx(
        expected
    )
    # Here one way and there another.
    torn = HR.copy()
    torn[:48] += 4 / 255
    torn[48:] -= 4 / 255
    assert gan_diagnostics.colour_drift(torn, HR, 2) == pytest.approx(4)
    # Details alone are none.
    noisy = HR + (4 / 255) * np.resize([1, -1], (112, 1))
    assert gan_diagnostics.colour_drift(noisy, HR, 2) < 0.01

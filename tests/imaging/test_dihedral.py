import numpy as np
import pytest
from checks import picture

from sr_keras.imaging.dihedral import (
    IDENTITY,
    TURNS,
    restored,
    symmetries,
    turned,
)

IMAGE = picture(4, 7)


def kernel(*, sigma_y=1.5, sigma_x=1.5, shift=0.0, lean=0.0, size=9):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    x = x - shift
    values = np.exp(
        -((y / sigma_y) ** 2 + (x / sigma_x) ** 2 + 2 * lean * x * y) / 2
    )
    return values / values.sum()


def test_there_are_eight_and_they_differ():
    assert len(set(TURNS)) == 8
    assert TURNS[0] == IDENTITY
    square = picture(3, 3)
    views = [turned(square, t).tobytes() for t in TURNS]
    assert len(set(views)) == 8
    np.testing.assert_array_equal(turned(IMAGE, IDENTITY), IMAGE)


@pytest.mark.parametrize("turn", TURNS)
def test_restored_undoes_turned(turn):
    view = turned(IMAGE, turn)
    swapped = turn[0] % 2
    assert view.shape == ((7, 4, 3) if swapped else (4, 7, 3))
    assert np.shares_memory(view, IMAGE)
    np.testing.assert_array_equal(restored(view, turn), IMAGE)
    np.testing.assert_array_equal(turned(restored(IMAGE, turn), turn), IMAGE)


def test_they_form_a_group():
    square = picture(3, 3)
    known = {turned(square, t).tobytes() for t in TURNS}
    for a in TURNS:
        for b in TURNS:
            assert turned(turned(square, a), b).tobytes() in known


@pytest.mark.parametrize(
    ("scale", "count"), [((2, 2), 8), ((2.37, 2.37), 8), ((1.5, 2), 4)]
)
def test_unequal_factors_forbid_swapping_the_axes(scale, count):
    turns = symmetries(scale)
    assert len(turns) == count
    assert IDENTITY in turns
    if count == 4:
        for turn in turns:
            assert turned(IMAGE, turn).shape == IMAGE.shape


@pytest.mark.parametrize(
    ("blur", "count"),
    [
        (kernel(), 8),
        (np.ones((1, 1)), 8),
        (np.full((3, 3), 1 / 9), 8),
        (kernel(sigma_x=2.5), 4),
        (kernel()[:, 2:-2], 4),
        (kernel(lean=0.3), 4),
        (kernel(sigma_x=2.5, lean=0.2), 2),
        (kernel(shift=1.0), 2),
        (np.random.default_rng(0).random((5, 5)), 1),
    ],
    ids=[
        "gaussian",
        "delta",
        "box",
        "wide",
        "not square",
        "diagonal",
        "tilted",
        "shifted",
        "random",
    ],
)
def test_turns_that_keep_a_kernel(blur, count):
    turns = symmetries((2, 2), blur)
    assert len(turns) == count
    assert turns[0] == IDENTITY
    for turn in turns:
        np.testing.assert_allclose(
            turned(blur, turn), blur, rtol=0, atol=0.01 * blur.max()
        )


def test_a_kernel_and_unequal_factors():
    assert len(symmetries((1.5, 2), kernel())) == 4
    assert len(symmetries((1.5, 2), kernel(lean=0.3))) == 2


def test_rounding_of_an_estimate_is_no_asymmetry():
    blur = np.round(kernel(), 4)
    blur[0, 3] += 1e-4
    assert len(symmetries((2, 2), blur)) == 8
    blur[3, 4] *= 1.05
    assert len(symmetries((2, 2), blur)) < 8

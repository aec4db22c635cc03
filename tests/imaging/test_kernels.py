import numpy as np
import pytest
from flower import FLOWER, gaussian, skewed
from scipy import io, ndimage

from sr_keras.imaging.resize import (
    downscale_with_kernel,
    imresize,
    load_kernel,
    parse_scale,
)

# Blur kernels


def test_a_kernel_of_one_pixel_is_imresize_without_antialiasing():
    image = np.random.default_rng(6).random((12, 15, 3))
    for scale in (0.5, 1 / 3, 0.4):
        expected = imresize(image, scale, antialias=False)
        got = downscale_with_kernel(image, np.ones((1, 1)), scale)
        np.testing.assert_allclose(got, expected, atol=1e-13)


def test_a_centred_kernel_and_an_odd_factor_are_plain_correlation():
    image = np.random.default_rng(7).random((21, 15))
    kernel = gaussian(9, 1.5)
    blurred = ndimage.correlate(image, kernel, mode="reflect")
    got = imresize(image, 1 / 3, kernel=kernel)
    np.testing.assert_allclose(got, blurred[1::3, 1::3], atol=1e-12)


def test_a_kernel_of_full_rank_is_correlated_not_convolved():
    rng = np.random.default_rng(8)
    image = rng.random((21, 15))
    kernel = skewed(rng)
    kernel[:, :] = (kernel + kernel[::-1, ::-1]) / 2  # centred, rank > 1
    kernel[0, 0] += 0.2
    kernel[0, -1] += 0.2
    kernel[-1, kernel.shape[1] // 2] += 0.4  # centred, not symmetric
    kernel /= kernel.sum()
    blurred = ndimage.correlate(image, kernel, mode="reflect")
    got = downscale_with_kernel(image, kernel, 1 / 3)
    np.testing.assert_allclose(got, blurred[1::3, 1::3], atol=1e-12)


@pytest.mark.parametrize("scale", [0.5, 1 / 3, 0.42])
def test_no_kernel_moves_the_image(scale):
    # On a ramp, blurring about the centre of mass changes nothing.
    y, x = np.mgrid[:60.0, :50.0]
    kernel = skewed(np.random.default_rng(9))
    size = (int(60 * scale), int(50 * scale))
    got = downscale_with_kernel(y + 2 * x, kernel, scale, size)
    v, u = ((np.arange(n) + 0.5) / scale - 0.5 for n in size)
    expected = v[:, None] + 2 * u
    inside = slice(4, -4)
    np.testing.assert_allclose(
        got[inside, inside], expected[inside, inside], atol=1e-10
    )


def test_a_gaussian_between_pixels_is_itself_shifted():
    image = np.random.default_rng(10).random((30, 30))
    got = downscale_with_kernel(image, gaussian(19, 2.0), 0.5)
    x = np.arange(-10, 10) + 0.5
    line = np.exp(-(x**2) / 8)
    line /= line.sum()
    blurred = ndimage.correlate1d(image, line, 0, mode="reflect", origin=-1)
    blurred = ndimage.correlate1d(blurred, line, 1, mode="reflect", origin=-1)
    assert np.abs(got - blurred[::2, ::2]).max() < 2e-3


def test_an_integer_image_is_rounded_once():
    kernel = gaussian(5, 1.0)
    exact = imresize(FLOWER.astype(float), 0.5, kernel=kernel)
    expected = np.floor(exact + 0.5).astype(np.uint8)
    got = imresize(FLOWER, 0.5, kernel=kernel)
    np.testing.assert_array_equal(got, expected)


def test_a_blur_kernel_does_not_enlarge():
    with pytest.raises(ValueError, match="scale at most 1; got .2.0, 2.0."):
        imresize(FLOWER, 2, kernel=gaussian(5, 1.0))


# Reading factors and kernels


@pytest.mark.parametrize(
    "value, expected",
    [
        ("2", (2.0, 2.0)),
        (" 2.37 ", (2.37, 2.37)),
        ("1.5x2", (2.0, 1.5)),  # width by height -> (sy, sx)
        (3, (3.0, 3.0)),
        (np.float32(2.5), (2.5, 2.5)),
        ((2, 1.5), (2.0, 1.5)),
        ("16", (16.0, 16.0)),
    ],
)
def test_parses_a_scale(value, expected):
    assert parse_scale(value) == expected


@pytest.mark.parametrize(
    "value",
    ["0", "-2", "nan", "inf", "0.99", "16.1", "", "x", "2x", "2x3x4", "two"]
    + [None, (), (1, 2, 3), (2, "b"), {}],
)
def test_refuses_a_scale(value):
    with pytest.raises(ValueError, match="from 1 to 16") as e:
        parse_scale(value)
    assert repr(value) in str(e.value)


def test_the_limit_of_a_scale_can_be_set():
    assert parse_scale("20", limit=32) == (20.0, 20.0)
    with pytest.raises(ValueError, match="from 1 to 4"):
        parse_scale("5", limit=4)


def test_loads_kernels(tmp_path):
    kernel = gaussian(5, 1.0)
    np.save(tmp_path / "a.npy", kernel * 1.0005)
    io.savemat(tmp_path / "b.mat", {"k": kernel, "note": "hello", "n": 3})
    io.savemat(tmp_path / "c.mat", {"Kernel": kernel, "other": np.eye(3)})
    for name in ("a.npy", "b.mat", "c.mat"):
        got = load_kernel(tmp_path / name)
        np.testing.assert_allclose(got, kernel, atol=1e-15)
        assert got.dtype == np.float64


@pytest.mark.parametrize(
    "kernel, message",
    [
        (np.ones(5) / 5, r"2-D array.*\(5,\)"),
        (np.ones((4, 5)) / 20, r"odd.*\(4, 5\)"),
        (np.full((3, 3), np.nan), r"finite.*nan at \[0, 0\]"),
        (np.ones((3, 3)), "sums to 9.*divide"),
        (np.ones((3, 3), complex) / 9, "complex128"),
        (np.array([[None]]), "not a .npy file of numbers"),
    ],
)
def test_refuses_kernels(tmp_path, kernel, message):
    path = tmp_path / "kernel.npy"
    np.save(path, kernel)
    with pytest.raises(ValueError, match=message) as e:
        load_kernel(path)
    assert "kernel.npy" in str(e.value)


def test_refuses_kernel_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_kernel(tmp_path / "nowhere.npy")
    (tmp_path / "kernel.txt").write_text("1")
    with pytest.raises(ValueError, match=r"\.npy or \.mat, not kernel\.txt"):
        load_kernel(tmp_path / "kernel.txt")
    for name in ("bad.npy", "bad.mat"):
        for content in (b"", b"rubbish" * 40):
            (tmp_path / name).write_bytes(content)
            with pytest.raises(ValueError, match=name):
                load_kernel(tmp_path / name)
    io.savemat(tmp_path / "two.mat", {"a": np.eye(3), "b": np.eye(3)})
    with pytest.raises(ValueError, match="2 2-D arrays .a, b."):
        load_kernel(tmp_path / "two.mat")

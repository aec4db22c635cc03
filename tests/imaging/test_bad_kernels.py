import numpy as np
import pytest

BOX = np.ones((5, 5)) / 25


def with_nan():
    kernel = BOX.copy()
    kernel[1, 2] = np.nan
    return kernel


@pytest.mark.parametrize(
    "kernel, says",
    [
        (BOX * 2, "sums to 2"),
        (np.ones((4, 4)) / 16, "(4, 4)"),
        (np.ones((5, 4)) / 20, "(5, 4)"),
        (with_nan(), "nan at [1, 2]"),
        (BOX[0], "2-D"),
        (BOX.astype(complex), "real"),
    ],
)
def test_kernels(photo, refused, tmp_path, kernel, says):
    path = tmp_path / "kernel.npy"
    np.save(path, kernel)
    line = refused("--image", photo, "--scale", 2, "--kernel", path)
    assert str(path) in line
    assert says in line


@pytest.mark.parametrize("name", ["none.npy", "text.npy", "text.mat", "k.txt"])
def test_files_that_are_no_kernels(photo, put, refused, tmp_path, name):
    path = tmp_path / name
    if name != "none.npy":
        put(b"text", name)
    line = refused("--image", photo, "--scale", 2, "--kernel", path)
    assert name in line

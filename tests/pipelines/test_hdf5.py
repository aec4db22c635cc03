"""HDF5 files that are not what training takes."""

import h5py
import numpy as np
import pytest

import pipelines


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.zeros((2, 24, 20), "float32"), "hr[0] is float32 (24, 20, 1)"),
        (np.zeros((2, 24, 20, 3), "float64"), "[0] is float64 (24, 20, 3)"),
        (np.zeros((2, 3, 24, 20), "uint8"), "(3, 24, 20), channels first"),
        (np.zeros((2, 1, 24, 20), "f4"), "(1, 24, 20), channels first"),
        (np.zeros((2, 24, 20, 4), "uint8"), "uint8 (24, 20, 4)"),
        (np.zeros((24, 20, 3), "uint16"), "hr is uint16 (24, 20, 3)"),
        (np.zeros(7, "uint8"), "hr is uint8 (7,)"),
        (np.uint8(1), "hr is uint8 ()"),
        (np.zeros((2, 2, 24, 20, 3), "uint8"), "uint8 (2, 24, 20, 3)"),
    ],
)
def test_hdf5_of_no_images(tmp_path, array, text):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["hr"] = array
    with pytest.raises(ValueError, match="images are uint8") as caught:
        pipelines.open_source(tmp_path / "a.h5", 2)
    assert text in str(caught.value)
    assert "--validation" not in str(caught.value)


def test_hdf5_with_some_images(tmp_path):
    """What is none is left out, as a broken file is."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["hr/a"] = np.zeros((24, 20, 3), "uint8")
        file["hr/b"] = np.zeros((3, 24, 20), "uint8")
    source = pipelines.open_source(tmp_path / "a.h5", 2)
    assert source.sizes(0)[0] == (24, 20)
    assert source.sizes(1)[0] is None
    with pytest.raises(ValueError, match="channels first"):
        source.hr(1)
    with h5py.File(tmp_path / "one.h5", "w") as file:
        file["hr"] = np.zeros((24, 20, 3), "uint8")
    source = pipelines.open_source(tmp_path / "one.h5", 2)
    assert [source.hr(i).shape for i in range(len(source))] == [(24, 20, 3)]

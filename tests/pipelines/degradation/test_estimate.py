"""What is found out about photos from themselves."""

import numpy as np
import pytest
from photographs import photographed, scenery

from pipelines.degradation.chain import parse
from pipelines.degradation.estimate import Estimate, estimate


@pytest.mark.parametrize("referred", [True, False])
@pytest.mark.parametrize(
    ("spec", "along", "across", "degrees", "noise"),
    [
        ("blur-aniso=2:1:30,bicubic", 2, 1, 30, 0),
        ("blur-aniso=1.8:1:120,bicubic,noise=5", 1.8, 1, 120, 5),
    ],
)
def test_blur_and_noise(spec, along, across, degrees, noise, referred):
    photos = photographed(spec, range(3))
    references = [scenery(s) for s in range(7, 10)] if referred else None
    found = estimate(photos, 2, references)
    assert found.along == pytest.approx(along, abs=0.35)
    assert found.across == pytest.approx(across, abs=0.35)
    assert found.degrees == pytest.approx(degrees, abs=12)
    assert found.noise == pytest.approx(noise, abs=0.6)
    again = parse(found.spec).steps
    assert again[0].name == "blur-aniso"
    assert again[0].values[0][0] == pytest.approx(found.along, abs=0.01)
    assert len(again) == (3 if noise else 2)


@pytest.mark.parametrize("referred", [True, False])
def test_photos_of_bicubic_are_known(referred):
    references = [scenery(s) for s in range(7, 10)] if referred else None
    photos = photographed("bicubic", range(3))
    assert estimate(photos, 2, references).spec == "bicubic"


def test_floats_are_as_bytes():
    photos = photographed("blur=2,bicubic", range(2))
    floats = [p / np.float32(255) for p in photos]
    one, other = (estimate(p, 2) for p in (photos, floats))
    assert one.along == pytest.approx(other.along, abs=0.02)


def test_as_it_is_written():
    assert Estimate(2.0, 0.0, 90.0, 0.2, 4).spec == (
        "blur-aniso=2.00:0.05:90,bicubic"
    )
    assert Estimate(2.0, 1.7, 9.0, 0.2, 4).spec == "blur=1.86,bicubic"
    assert Estimate(1.2, 0.5, 9.0, 0.2, 4).spec == "bicubic"
    assert Estimate(0.0, 0.0, 9.0, 3.21, 4).spec == "bicubic,noise=3.2"


def test_too_small():
    small = [np.zeros((200, 127, 3), np.uint8)]
    large = [np.zeros((130, 130, 3), np.uint8)]
    with pytest.raises(ValueError, match="no photo has 128 pixels.*--degr"):
        estimate(small, 4)
    with pytest.raises(ValueError, match="no image of --data has 256 pix"):
        estimate(large, 4, large)

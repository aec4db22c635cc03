"""The trust map knows where a result is wrong."""

import numpy as np
import pytest
from checks import ROOT, data_folder

from sr_keras.imaging import color
from sr_keras.inference import uncertainty


def test_the_colours_tell_the_same_in_grey():
    doubts = np.linspace(0, 1.2 * uncertainty.FULL, 200, dtype="float32")
    shown = uncertainty.shown(doubts[None, :, None])
    assert shown.shape == (1, 200, 3)
    assert 0 <= shown.min() <= shown.max() <= 1
    grey = color.yiq_luma(shown)[0, :, 0]
    inside = doubts[1:] <= uncertainty.FULL
    assert (np.diff(grey)[inside] > 0).all()
    assert grey[-1] == grey[doubts >= uncertainty.FULL].min()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bird", "butterfly", "woman"])
def test_it_knows_more_than_the_gradient(name, monkeypatch):
    data = data_folder()
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import common
    from trust import correlations

    found, gradient = correlations(*common.set5(data, name, 2), "fast", 2)
    assert found > max(0.4, gradient)

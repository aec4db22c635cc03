"""Whether it did help: what says yes, and what says no."""

import numpy as np
import pytest
from photographs import photographed

from sr_keras import models
from sr_keras.training.adaptation import significance
from sr_keras.training.adaptation.significance import Verdict, judge


def of(before, after, own_before=(30.0,), own_after=(30.0,)):
    return Verdict("bicubic", before, after, own_before, own_after)


def test_a_gain_on_every_photo():
    found = of((30.0, 25.0, 28.0), (30.5, 25.6, 28.4))
    assert found.gain == pytest.approx(0.5)
    assert found.helped


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ((30.0, 25.0), (30.05, 25.06), "too little"),
        ((30.0, 25.0, 28.0), (32.0, 24.8, 27.9), "one photo alone"),
        ((30.0,), (29.0,), "a loss"),
    ],
)
def test_no_gain(before, after, why):
    assert not of(before, after).helped, why


def test_what_any_training_gains_is_no_adaptation():
    before, after = (30.0, 25.0, 28.0), (30.5, 25.6, 28.4)
    assert not of(before, after, (30.0, 26.0), (30.5, 26.5)).helped
    # That it now does worse what it did before is no help, though.
    assert not of((30.0, 25.0), (30.0, 25.0), (30.0,), (28.0,)).helped
    assert of(before, after, (30.0,), (28.0,)).helped


def test_judges_by_the_photos_own_estimate(monkeypatch):
    photos = photographed("blur=2,bicubic", range(3), side=320)
    seen = []
    scores = significance._scores

    def spy(network, photos, scale, spec):
        seen.append((network.name, spec))
        return scores(network, photos, scale, spec)

    monkeypatch.setattr(significance, "_scores", spy)
    before, after = (models.build(n, 2) for n in ("nearest", "bicubic"))
    found = judge(before, after, photos, 2, "box")
    assert found.degradation.startswith("blur")
    assert seen == [
        ("nearest", found.degradation), ("bicubic", found.degradation),
        ("nearest", "box"), ("bicubic", "box"),
    ]  # fmt: skip
    assert len(found.before) == len(found.own_after) == 3
    assert found.gain > 0.1
    again = judge(before, before, photos, 2)
    assert again.before == again.after
    assert not again.helped


def test_photos_that_are_too_small():
    network = models.build("bicubic", 2)
    with pytest.raises(ValueError, match="held out has 48 pixels a side"):
        judge(network, network, [np.zeros((47, 60, 3), np.uint8)], 2)

"""Pairs, and photos without HR among them."""

import numpy as np
import pytest
from cli_runs import save, scene

import pipelines


@pytest.fixture
def pair_source(tmp_path):
    for i in range(4):
        save(tmp_path / "hr" / f"{i}.png", scene(24, 28, seed=i) * 0.5)
    return pipelines.open_source(tmp_path / "hr", 2)


@pytest.fixture
def photos(tmp_path):
    """Two photos: fewer than a batch, and brighter than any HR."""
    for i in range(2):
        picture = 0.8 + 0.2 * scene(14, 16, seed=9 + i)
        save(tmp_path / "photos" / f"{i}.png", np.clip(picture, 0, 1))
    return pipelines.open_source(tmp_path / "photos", 1)


@pytest.fixture
def drawn(pair_source, photos):
    def draw(count, ratio=0.5, **options):
        given = {"batch_size": 4, "hr_patch_size": 8, "steps": 3, **options}
        data = pipelines.mixed(pair_source, 2, photos, ratio, **given)
        return list(data.take(count).as_numpy_iterator())

    return draw


def test_which_are_pairs(drawn, photos):
    batches = drawn(40)
    whole = [photos.hr(i) / np.float32(255) for i in range(2)]
    seen = set()
    for b in batches:
        assert b["lr"].shape == (4, 4, 4, 3)
        assert b["hr"].shape == (4, 8, 8, 3)
        assert set(b["paired"]) <= {0, 1}
        seen.add(int(b["paired"].sum()))
        for lr, hr, paired in zip(*b.values(), strict=True):
            assert (lr.max() < 0.75) == bool(paired)
            assert (hr.max() > 0) == bool(paired)
            if paired:  # the mean of a patch survives shrinking
                assert np.mean(lr) == pytest.approx(np.mean(hr), abs=0.03)
    # Of each kind alone, and of both.
    assert {0, 4} < seen
    b = drawn(1, 1, augment=False)[0]
    assert any(
        np.array_equal(b["lr"][0], w[y : y + 4, x : x + 4])
        for w in whole
        for y in range(11)
        for x in range(13)
    )


def test_the_same_again(drawn):
    one, again, later = drawn(7), drawn(7), drawn(4, epoch=1)
    for name in ("lr", "hr", "paired"):
        for a, b in zip(one, again, strict=True):
            assert np.array_equal(a[name], b[name])
        for a, b in zip(one[3:], later, strict=True):
            assert np.array_equal(a[name], b[name])
    other = drawn(7, seed=1)
    assert any(
        not np.array_equal(a["paired"], b["paired"])
        for a, b in zip(one, other, strict=True)
    )


def test_shares_are_the_batch(drawn):
    whole = drawn(5)
    parts = [drawn(5, share=(i, 2)) for i in range(2)]
    for b, one, other in zip(whole, *parts, strict=True):
        for name in b:
            both = np.concatenate([one[name], other[name]])
            assert np.array_equal(b[name], both)


def test_the_ratio(drawn, pair_source):
    share = np.mean([b["paired"] for b in drawn(60, 0.3)])
    assert 0.62 < share < 0.78
    batches = drawn(3, 0)
    plain = pipelines.paired(
        pair_source, 2, batch_size=4, hr_patch_size=8, steps=3
    )
    for b, (lr, hr) in zip(batches, plain.as_numpy_iterator(), strict=False):
        assert b["paired"].all()
        assert np.array_equal(b["lr"], lr)
        assert np.array_equal(b["hr"], hr)
    assert not any(b["paired"].any() for b in drawn(3, 1))


def test_luma(drawn):
    b = drawn(1, channels=1)[0]
    assert b["lr"].shape == (4, 4, 4, 1)
    assert b["hr"].shape == (4, 8, 8, 1)


def test_what_cannot_be(drawn, pair_source, tmp_path):
    with pytest.raises(ValueError, match="ratio is from 0 to 1, not 1.5"):
        drawn(1, 1.5)
    save(tmp_path / "small" / "a.png", scene(6, 5))
    small = pipelines.open_source(tmp_path / "small", 1)
    with pytest.raises(ValueError, match=r"5x6 pixels.*a patch of 6x6"):
        pipelines.mixed(pair_source, 2, small, 0.5, batch_size=2,
                        hr_patch_size=12)  # fmt: skip
    with pytest.raises(ValueError, match="steps must be 1 or more, not 0"):
        drawn(1, steps=0)

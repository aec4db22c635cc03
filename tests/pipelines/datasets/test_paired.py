import numpy as np
import pytest
from checks import run_python
from cli_runs import save
from photographs import photo

import pipelines
from pipelines.datasets.paired import check_pairs, large_enough
from pipelines.datasets.patches import Draw
from pipelines.degradation.chain import parse
from sr_keras.imaging import color, dihedral, images
from sr_keras.imaging.resize import imresize


def folder(root, count=4, size=(40, 48)):
    for i in range(count):
        save(root / f"{i:04}.png", photo(*size, i))
    return root


@pytest.fixture
def source(tmp_path):
    return pipelines.open_source(folder(tmp_path / "hr"), 2)


def batches(data, count):
    return [(lr, hr) for lr, hr in data.take(count).as_numpy_iterator()]


def small(source, scale=2, **options):
    options = {"batch_size": 3, "hr_patch_size": 6 * scale, **options}
    return pipelines.paired(source, scale, **options)


def place_of(patch, image):
    """Where a patch is in an image, and how it is turned."""
    for turn in dihedral.TURNS:
        part = dihedral.restored(patch, turn)
        h, w = part.shape[:2]
        for y, x in np.argwhere((image == part[0, 0]).all(-1)):
            if np.array_equal(image[y : y + h, x : x + w], part):
                return int(y), int(x), turn
    return None


def lr_image(source, i, scale):
    hr = source.hr(i)
    height, width = (n // scale * scale for n in hr.shape[:2])
    return imresize(hr[:height, :width], 1 / scale)


def patches(data, count):
    for lrs, hrs in batches(data, count):
        yield from zip(lrs, hrs, strict=True)


def as_bytes(image):
    return images.quantize(image, 8)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_an_lr_patch_is_a_piece_of_the_whole_lr_image(source, scale):
    found = []
    for lr, hr in patches(small(source, scale), 14):
        assert lr.dtype == hr.dtype == np.float32
        assert lr.shape == (6, 6, 3)
        assert hr.shape == (6 * scale, 6 * scale, 3)
        for i in range(len(source)):
            if at := place_of(as_bytes(hr), source.hr(i)):
                y, x, turn = at
                whole = lr_image(source, i, scale)
                y, x = y // scale, x // scale
                piece = dihedral.turned(whole[y : y + 6, x : x + 6], turn)
                np.testing.assert_array_equal(as_bytes(lr), piece)
                found.append(at)
    assert len(found) == 42
    assert {turn for _, _, turn in found} == set(dihedral.TURNS)
    assert len({(y, x) for y, x, _ in found}) > 16


@pytest.mark.parametrize("cache_gb", [0, 1e-5, 1])
def test_a_resumed_run_sees_the_same_batches(source, cache_gb):
    options = {"steps": 5, "seed": 3, "degradation": "bicubic,noise=4"}
    whole = batches(small(source, **options), 15)
    again = batches(small(source, epoch=2, cache_gb=cache_gb, **options), 5)
    for before, after in zip(whole[10:], again, strict=True):
        np.testing.assert_array_equal(before[0], after[0])
        np.testing.assert_array_equal(before[1], after[1])
    assert not np.array_equal(whole[0][1], whole[5][1])
    other = batches(small(source, **{**options, "seed": 4}), 1)
    assert not np.array_equal(whole[0][1], other[0][1])


def test_images_are_visited_equally_and_mixed(tmp_path):
    source = pipelines.open_source(folder(tmp_path, 8, (12, 12)), 2)
    data = small(source, augment=False, batch_size=8, patches_per_image=4)
    assert pipelines.steps_per_epoch(source, 8, 4) == 4
    whole = [source.hr(i) for i in range(8)]
    orders = []
    for _, hrs in batches(data, 8):
        names = [
            next(i for i in range(8) if np.array_equal(as_bytes(h), whole[i]))
            for h in hrs
        ]
        assert len(set(names)) > 3
        orders.append(names)
    for epoch in (orders[:4], orders[4:]):
        assert np.bincount(np.ravel(epoch)).tolist() == [4] * 8
    assert orders[:4] != orders[4:]


@pytest.mark.parametrize("spec", ["bicubic,jpeg=50", "motion=5:30,bicubic"])
def test_what_is_left_of_the_whole_image(source, spec):
    """What is degraded a patch at a time is as if it had been the whole."""
    for lr, hr in patches(small(source, augment=False, degradation=spec), 8):
        for i in range(len(source)):
            if at := place_of(as_bytes(hr), source.hr(i)):
                whole = parse(spec).apply(source.hr(i), 2)
                y, x = at[0] // 2, at[1] // 2
                piece = whole[y : y + 6, x : x + 6]
                np.testing.assert_array_equal(as_bytes(lr), piece)


def test_what_is_random_is_drawn_anew(source):
    data = small(source, 2, hr_patch_size=40, degradation="bicubic,noise=9",
                 augment=False)  # fmt: skip
    errors = []
    for lr, hr in patches(data, 8):
        clean = imresize(as_bytes(hr), 0.5) / 255
        errors.append((lr - clean)[4:-4, 4:-4])
    assert np.std(errors) * 255 == pytest.approx(9, rel=0.1)
    assert np.std(np.mean(errors, 0)) * 255 < 4


def test_luma(source):
    for lr, hr in patches(small(source, channels=1), 2):
        assert lr.shape == (6, 6, 1)
        assert hr.shape == (12, 12, 1)
        assert hr.min() >= 16 / 255 - 1e-6
    rgb = batches(small(source), 1)[0]
    luma = batches(small(source, channels=1), 1)[0]
    for a, b in zip(rgb, luma, strict=True):
        np.testing.assert_allclose(color.luma(a), b, atol=1e-6)


@pytest.mark.parametrize(
    ("scale", "how"), [(2, True), (3, True), (2, "bicubic-opencv")]
)
def test_interpolated(source, scale, how):
    """As the whole LR image, enlarged, has it; in any place."""
    data = small(source, scale, hr_patch_size=13, interpolated=how)
    corners = set()
    for lr, hr in patches(data, 4):
        assert lr.shape == hr.shape == (13, 13, 3)
        for i in range(len(source)):
            if at := place_of(as_bytes(hr), source.hr(i)):
                y, x, turn = at
                small_image = lr_image(source, i, scale).astype("float32")
                kernel = "cubic" if how is True else how
                large = imresize(small_image / 255, float(scale), kernel=kernel)
                piece = large[y : y + 13, x : x + 13]
                np.testing.assert_allclose(
                    lr, dihedral.turned(piece, turn), atol=1e-6
                )
                corners.add((y % scale, x % scale))
    assert len(corners) > 2


def test_stride(source):
    """The regular grid of SRCNN, no place twice in a visit."""
    data = small(
        source, hr_patch_size=12, stride=14, augment=False, batch_size=4,
        patches_per_image=6,
    )  # fmt: skip
    places = [
        (i, *at[:2])
        for _, hr in patches(data, 6)
        for i in range(4)
        if (at := place_of(as_bytes(hr), source.hr(i)))
    ]
    assert len(set(places)) == len(places) == 24
    assert all(y % 14 == x % 14 == 0 for _, y, x in places)


@pytest.mark.parametrize("spec", ["bicubic", "bicubic,jpeg=70"])
def test_hr_images_of_another_size(source, spec):
    """Patches of images of half the size, and of their LR images."""
    given = {"degradation": spec, "hr_scale": (0.5, 0.5)}
    halves = [imresize(source.hr(i), 0.5) for i in range(len(source))]
    chain = parse(spec).steps
    for lr, hr in patches(small(source, **given), 4):
        places = [place_of(as_bytes(hr), half) for half in halves]
        (i,) = [i for i, place in enumerate(places) if place]
        y, x, turn = places[i]
        whole = halves[i]
        for step in chain:
            whole = step.apply(whole, (2.0, 2.0), None)
        part = whole[y // 2 : y // 2 + 6, x // 2 : x // 2 + 6]
        found = dihedral.restored(as_bytes(lr), turn)
        np.testing.assert_array_equal(found, part)


def test_factors_of_hr_images():
    rng = np.random.default_rng(0)
    draw = Draw((12, 12), 2, hr_scale=(0.5, 1.0))
    factors = [draw.factor((40, 48, 3), rng) for _ in range(500)]
    assert 0.5 <= min(factors) < 0.52
    assert 0.98 < max(factors) <= 1
    assert np.mean(factors) == pytest.approx(0.75, abs=0.03)
    # A small image becomes as large as a patch.
    assert draw.factor((20, 15, 3), rng) >= 12 / 15
    assert draw.factor((8, 40, 3), rng) == 1.5


def test_small_images_become_as_large_as_a_patch(source):
    with pytest.raises(ValueError, match="48x40 pixels, fewer than a patch"):
        small(source, hr_patch_size=60)
    data = small(source, hr_patch_size=60, hr_scale=(0.5, 1))
    assert batches(data, 1)[0][1].shape == (3, 60, 60, 3)


def test_a_resumed_run_sees_the_same_sizes(source):
    given = {"hr_scale": (0.5, 1), "steps": 3, "cache_gb": 0.0}
    wanted = batches(small(source, **given), 6)[3:]
    found = batches(small(source, epoch=1, **given), 3)
    for one, other in zip(wanted, found, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("hr_scale", [(0, 1), (0.9, 0.5), (0.5, 1.5)])
def test_factors_that_cannot_be(source, hr_scale):
    with pytest.raises(ValueError, match="hr_scale takes two factors"):
        small(source, hr_scale=hr_scale)


def test_lr_images_that_there_are_have_one_size(source):
    with pytest.raises(ValueError, match="LR images of one size"):
        small(source, degradation="dataset", hr_scale=(0.5, 1))


def test_whole_images(source):
    data = pipelines.whole(source, 3)
    pairs = list(data.as_numpy_iterator())
    assert len(pairs) == 4
    for i, (lr, hr) in enumerate(pairs):
        assert hr.shape == (1, 39, 48, 3)
        np.testing.assert_array_equal(as_bytes(hr[0]), source.hr(i)[:39])
        np.testing.assert_array_equal(as_bytes(lr[0]), lr_image(source, i, 3))
    limited = pipelines.whole(source, 3, limit=2, interpolated=True, channels=1)
    shapes = [lr.shape for lr, _ in limited.as_numpy_iterator()]
    assert shapes == [(1, 39, 48, 1)] * 2


def test_a_broken_image_is_left_out_and_named(tmp_path, capfd):
    root = folder(tmp_path, 5)
    content = (root / "0002.png").read_bytes()
    (root / "0002.png").write_bytes(content[:-200])
    source = pipelines.open_source(root, 2)
    assert len(batches(small(source, batch_size=4), 8)) == 8
    assert len(source.skipped) == 1
    assert "0002.png" in source.skipped[0]
    again = pipelines.open_source(root, 2)
    pairs = list(pipelines.whole(again, 2).as_numpy_iterator())
    assert len(pairs) == 4
    assert again.skipped == source.skipped


def test_small_images_and_few_images(source, tmp_path):
    with pytest.raises(ValueError, match="4 images, fewer than the batch of 5"):
        small(source, batch_size=5)
    with pytest.raises(ValueError, match=r"0000.png has 48x40 pixels.*42x42"):
        small(source, hr_patch_size=42)
    with pytest.raises(ValueError, match="multiple of the scale 2.*use 12"):
        small(source, hr_patch_size=13)
    with pytest.raises(ValueError, match="whole factor, not 1.5"):
        small(source, 1.5)
    with pytest.raises(ValueError, match="opened without LR images"):
        small(source, degradation="dataset")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no images"):
        pipelines.open_source(tmp_path / "empty", 2)


def test_a_small_image_among_others_is_left_out_and_named(tmp_path):
    root = folder(tmp_path, 4)
    save(root / "0002.png", photo(20, 30, 9))
    source = pipelines.open_source(root, 2)
    assert len(list(pipelines.whole(source, 2).as_numpy_iterator())) == 4
    assert source.skipped == []
    batches(small(source, hr_patch_size=24, batch_size=3), 2)
    (line,) = source.skipped
    assert "0002.png has 30x20 pixels, fewer than a patch of 24x24" in line
    assert len(large_enough(source, 2, (24, 24))) == 3
    with pytest.raises(ValueError, match="3 images, fewer than the batch of 4"):
        small(source, hr_patch_size=24, batch_size=4)


def test_a_file_that_does_not_say_its_size(tmp_path):
    """It is only seen to be too small when it is decoded."""
    root = folder(tmp_path, 3)
    np.save(root / "a.npy", np.zeros((10, 30, 3), "uint8"))
    source = pipelines.open_source(root, 2)
    batches(small(source), 4)
    assert "a.npy has 30x10" in source.skipped[0]


def test_unpaired(source, tmp_path):
    data = pipelines.unpaired(source, 2, batch_size=2, hr_patch_size=12)
    (lr, hr), *_ = batches(data, 1)
    assert lr.shape == (2, 6, 6, 3)
    assert hr.shape == (2, 12, 12, 3)
    assert np.abs(imresize(hr[0], 0.5) - lr[0]).max() > 0.05
    small_ones = folder(tmp_path / "lr", 3, (9, 9))
    theirs = pipelines.open_source(small_ones, 1)
    data = pipelines.unpaired(
        source, 2, lr_source=theirs, batch_size=2, hr_patch_size=12
    )
    (lr, _), *_ = batches(data, 1)
    assert any(place_of(as_bytes(lr[0]), theirs.hr(i)) for i in range(3))


def test_check_pairs_says_both_sizes(tmp_path):
    folder(tmp_path / "HR")
    for i in range(4):
        save(tmp_path / "LR_bicubic" / "X2" / f"{i:04}x2.png",
             photo(20, 24 if i else 25, i))  # fmt: skip
    source = pipelines.open_source(tmp_path, 2, "dataset")
    with pytest.raises(
        ValueError, match="0000x2.png has 25x20 .*0000.png 48x40: .* 24x20"
    ):
        check_pairs(source, 2)


_ENDS = """
import sys
import pipelines
source = pipelines.open_source(sys.argv[1], 2)
data = iter(pipelines.paired(source, 2, batch_size=3, hr_patch_size=12))
next(data)
"""


@pytest.mark.slow
def test_a_process_ends_while_batches_are_drawn(tmp_path):
    run_python(_ENDS, folder(tmp_path, 30, (60, 60)))

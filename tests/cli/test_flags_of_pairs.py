"""Flags of `train` for what a zero-shot network learns from."""

from pathlib import Path

import numpy as np
import pytest
from cli_runs import save, scene
from kernel_shapes import kernels

from pipelines.degradation.chain import parse
from sr_keras.imaging import images, resize

pytestmark = [
    pytest.mark.usefixtures("quick_plots"),
    pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning"),
]

# Fathers that are the photo itself, turned or not; affine ones, of one size.
TURNED = ("--as-is", 0, "--no-interpolation", 1)
AFFINE = (
    *("--as-is", 0, "--no-interpolation", 0),
    *("--scale-difference", 0, "--shear", 0, "--no-flip"),
)


def test_father_scale(pairs):
    for low, high, least, most in ((0.5, 0.5, 12, 12), (0.4, 0.95, 10, 23)):
        drawn = pairs(20, *AFFINE, "--father-scale", low, high, "--no-crop")
        sides = [fathers.shape[1] for _, fathers in drawn]
        assert min(sides) >= least
        assert max(sides) <= most
        assert (len(set(sides)) > 3) == (low < high)


@pytest.mark.parametrize(
    "order, first, last", [("up", 10, 24), ("down", 24, 10)]
)
def test_scale_order(pairs, order, first, last):
    drawn = pairs(
        8, *AFFINE, "--father-scale", 0.4, 1, "--no-crop",
        "--scale-order", order, "--max-steps", 8,
    )  # fmt: skip
    sides = [fathers.shape[1] for _, fathers in drawn]
    assert (sides[0], sides[-1]) == (first, last)
    assert sides == sorted(sides, reverse=order == "down")


def test_random_scale_order(pairs):
    drawn = pairs(
        9, *AFFINE, "--father-scale", 0.4, 1, "--no-crop",
        "--scale-order", "random",
    )  # fmt: skip
    sides = [fathers.shape[1] for _, fathers in drawn]
    assert sides not in (sorted(sides), sorted(sides, reverse=True))


def views_in(drawn, photo):
    """Which fathers are the photo as it is."""
    whole = images.read(photo).pixels
    return [np.array_equal(fathers[0], whole) for _, fathers in drawn]


def test_flip(pairs, photo):
    assert all(views_in(pairs(12, *TURNED, "--no-crop", "--no-flip"), photo))
    turned = views_in(pairs(12, *TURNED, "--no-crop", "--flip"), photo)
    assert sum(turned) < 12


def test_as_is(pairs, photo):
    job = ("--no-interpolation", 0, "--no-crop", "--father-scale", 0.5, 0.5)
    assert all(views_in(pairs(8, *job, "--as-is", 1), photo))
    assert not any(views_in(pairs(8, *job, "--as-is", 0), photo))


def test_no_interpolation(pairs, photo):
    """The pixels are the photo's, in another order."""
    whole = np.sort(images.read(photo).pixels, axis=None)
    drawn = pairs(8, *TURNED, "--no-crop")
    assert all(np.array_equal(np.sort(f, axis=None), whole) for _, f in drawn)


def test_scale_difference(pairs):
    job = ("--father-scale", 0.6, 0.6, "--no-crop")
    even = pairs(8, *AFFINE, *job)
    assert all(f.shape[1] == f.shape[2] for _, f in even)
    uneven = pairs(8, *AFFINE, *job, "--scale-difference", 0.5)
    assert sum(f.shape[1] != f.shape[2] for _, f in uneven) > 4


def test_scale_jitter(pairs):
    job = (*AFFINE, "--father-scale", 0.6, 0.6, "--no-crop", "--scale-jitter")
    sides = [
        {f.shape[1] for _, f in pairs(12, *job, sigma)} for sigma in (0, 0.2)
    ]
    assert len(sides[0]) == 1
    assert len(sides[1]) > 3


def test_father_view(pairs):
    job = (*AFFINE, "--father-scale", 0.5, 0.5, "--crop-size", 24,
           "--batch-size", 1)  # fmt: skip
    ((_, smooth),), ((_, sharp),), ((_, warped),) = (
        pairs(1, *job, "--father-view", view)
        for view in ("antialiased", "resize", "warp")
    )
    assert 1e-3 < np.abs(smooth - sharp).max() < 1
    assert (warped == 0).mean() > 0.3 > (sharp == 0).mean()


def test_shear(pairs, photo):
    job = ("--father-scale", 1, 1, "--no-crop")
    whole = images.read(photo).pixels
    straight = pairs(4, *AFFINE, *job)
    assert all(np.abs(f[0] - whole).max() < 1e-5 for _, f in straight)
    slanted = pairs(4, *AFFINE, *job, "--shear", 0.3)
    assert all(np.abs(f[0] - whole).max() > 0.1 for _, f in slanted)


def test_blend(pairs, photo):
    job = ("--as-is", 1, "--no-interpolation", 0, "--crop-size", 12)
    whole = images.read(photo).pixels
    crops = {c.tobytes() for c in _crops(whole, 12)}

    def strangers(*blend):
        drawn = pairs(10, *job, *blend)
        return sum(f[0].tobytes() not in crops for _, f in drawn)

    assert strangers() == 0
    assert strangers("--blend", 1) == 10


def _crops(image, side):
    ends = [range(n - side + 1) for n in image.shape[:2]]
    return [image[y : y + side, x : x + side] for y in ends[0] for x in ends[1]]


def test_swap_colours(pairs, photo):
    job = (*TURNED, "--no-flip", "--no-crop")
    whole = images.read(photo).pixels
    swapped = pairs(12, *job, "--swap-colours", 1)
    others = [f[0] for _, f in swapped if not np.array_equal(f[0], whole)]
    assert len(others) > 6
    for other in others:
        np.testing.assert_array_equal(np.sort(other), np.sort(whole))


@pytest.mark.parametrize("share", [0, 0.4, 1])
def test_result_share(prepared, share):
    """Fathers of the latest source, where there are several."""
    run = prepared(*TURNED, "--crop-size", 8, "--result-share", share).zero_shot
    run.sources.append((np.full((48, 48, 3), 2, "float32"), (2, 2)))
    drawn = run.pairs().take(60).as_numpy_iterator()
    latest = [fathers[0, 0, 0, 0] == 2 for _, fathers in drawn]
    assert abs(np.mean(latest) - share) < 0.2
    assert share not in (0, 1) or np.mean(latest) == share


def test_crop_size_and_batch_size(pairs):
    drawn = pairs(12, "--crop-size", 8, 16, 40, "--batch-size", 3)
    shapes = {sons.shape for sons, _ in drawn}
    assert shapes == {(3, n, n, 3) for n in (8, 16, 40)}
    assert {fathers.shape for _, fathers in drawn} == shapes


def test_no_crop(pairs):
    (sons, fathers), *_ = pairs(1, *TURNED, "--no-crop")
    assert sons.shape == fathers.shape == (1, 24, 24, 3)


def test_candidates(pairs, tmp_path):
    half = scene(64, 64)
    half[:, 20:] = 0.5
    image = save(tmp_path / "half.png", half)
    few, many = (
        np.mean([f.std() for _, f in pairs(
            10, *TURNED, "--candidates", n, image=image)])
        for n in (1, 12)
    )  # fmt: skip
    assert many > 1.5 * few


def test_degradation(pairs, prepared, refused_line, photo):
    job = ("--batch-size", 1, "--crop-size", 24, *TURNED, "--no-flip")
    clean, nearest = (
        pairs(2, *job, "--degradation", spec) for spec in ("bicubic", "nearest")
    )
    for (son, father), (other, same) in zip(clean, nearest, strict=True):
        assert np.array_equal(father, same)
        small = parse("nearest").apply(father[0], 2)
        expected = resize.imresize(small, 2.0)
        assert np.abs(other[0] - son[0]).max() > 0.01
        np.testing.assert_allclose(other[0], expected, atol=1e-5)
    assert prepared("--degradation", "nearest").finishing.back_projection == 0
    job = ("--degradation", "bicubik")
    assert "has no step 'bicubik'" in refused_line(*job)
    kernel = photo.parent / "k.npy"
    np.save(kernel, np.ones((3, 3)) / 9)
    job = ("--degradation", "nearest", "--kernel", kernel)
    assert "two answers to one question" in refused_line(*job)


def test_noise_std(pairs, prepared):
    job = ("--batch-size", 1, "--crop-size", 24, *TURNED, "--no-flip")
    clean, noisy = (pairs(6, *job, "--noise-std", levels) for levels in (0, 30))
    differences = []
    for (son, father), (noisy_son, same) in zip(clean, noisy, strict=True):
        assert np.array_equal(father, same)
        # Half the size again: that is where the noise was put.
        differences.append((noisy_son - son)[0, ::2, ::2])
    spread = np.std(differences) * 255
    assert 15 < spread < 35  # interpolation evens some of it out
    # Back-projection would bring the noise back, unless it is asked for.
    assert prepared("--noise-std", 30).finishing.back_projection == 0
    asked = prepared("--noise-std", 30, "--back-projection", 3)
    assert asked.finishing.back_projection == 3


def test_noise_on(pairs):
    """Noise after the interpolation is stronger than what is interpolated."""
    job = ("--batch-size", 1, "--crop-size", 24, *TURNED, "--no-flip")
    clean = pairs(6, *job)
    spreads = []
    for place in ("son", "interpolated"):
        noisy = pairs(6, *job, "--noise-std", 20, "--noise-on", place)
        off = [a[0] - b[0] for a, b in zip(noisy, clean, strict=True)]
        spreads.append(np.std(off))
    assert spreads[1] > 1.15 * spreads[0]


def test_clip_sons(pairs, tmp_path):
    edge = np.zeros((24, 24, 3), "float32")
    edge[:, 9:] = 1
    job = ("--batch-size", 1, "--crop-size", 24, *TURNED, "--no-flip")
    free, clipped = (
        pairs(1, *job, flag, image=save(tmp_path / "edge.png", edge))[0][0]
        for flag in ("--no-clip-sons", "--clip-sons")
    )
    assert np.abs(free - clipped).max() > 1e-3


@pytest.mark.parametrize("name, suffix", [
    ("box", "npy"), ("box", "mat"), ("line", "npy"), ("corner", "npy"),
])  # fmt: skip
def test_kernel(prepared, tmp_path, photo, name, suffix):
    from scipy import io

    kernel, views = kernels()[name]
    path = tmp_path / f"kernel.{suffix}"
    if suffix == "npy":
        np.save(path, kernel)
    else:
        io.savemat(path, {"Kernel": kernel})
    work = prepared("--kernel", path, *TURNED, "--no-crop")
    assert f", {views} view" in work.plan()
    whole = images.read(photo).pixels
    seen = set()
    for sons, fathers in work.zero_shot.pairs().take(40).as_numpy_iterator():
        father = np.ascontiguousarray(fathers[0])
        son = resize.imresize(father, (0.5, 0.5), kernel=kernel)
        expected = resize.imresize(son, (2, 2), size=father.shape[:2])
        np.testing.assert_allclose(sons[0], expected, atol=1e-5)
        turn = [
            (k, flip)
            for k in range(4)
            for flip in (1, -1)
            if np.array_equal(np.rot90(whole[:, ::flip], k), father)
        ]
        seen.update(turn)
    assert len(seen) == views


@pytest.mark.parametrize(
    ("count", "steps"), [(1, [0]), (3, [0, 3, 6]), (30, list(range(10)))]
)
def test_save_augmentations_are_the_pairs(train, photo, pairs, count, steps):
    """Of steps spread over the training; no more than it has."""
    job = ("--max-steps", 10, "--scale-order", "up")
    train("--image", photo, "--scale", 2, "--save-augmentations", count,
          "--output", "out", *job)  # fmt: skip
    drawn = pairs(10, *job)
    files = sorted(Path("out").glob("augmentation_*.png"))
    assert len(files) == len(steps)
    for i, (path, step) in enumerate(zip(files, steps, strict=True)):
        assert path.name == f"augmentation_{i:03d}.png"
        sons, fathers = drawn[step]
        both = np.concatenate([sons[0], fathers[0]], 1).clip(0, 1)
        stored = images.read(path).pixels
        assert np.abs(stored - both).max() < 0.51 / 255


def test_saved_augmentations_are_of_the_sources_of_their_day(train, photo):
    """Those after a first result has joined are views of it."""
    train("--image", photo, "--scale", 2, "--save-augmentations", 4,
          "--output", "out", "--max-steps", 4, "--scaling-steps", 2,
          "--as-is", 1, "--no-interpolation", 0, "--no-crop",
          "--result-share", 1)  # fmt: skip
    widths = [
        images.read(f"out/augmentation_00{i}.png").pixels.shape[1] // 2
        for i in range(4)
    ]
    assert widths[0] == widths[1] == 24 < widths[2] == widths[3]

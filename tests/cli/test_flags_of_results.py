"""Flags of `train` for how a zero-shot result is made."""

import numpy as np
import pytest
from cli_runs import save, scene
from kernel_shapes import kernels

from sr_keras.imaging import images, resize

pytestmark = [
    pytest.mark.usefixtures("quick_plots"),
    pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning"),
]


def result(work, *outputs):
    return work.zero_shot.result(("fused", *outputs), work.finishing)


def test_kernel_is_that_of_back_projection(wild, tmp_path, photo):
    kernel, _ = kernels()["box"]
    np.save(tmp_path / "kernel.npy", kernel)
    work = wild("--kernel", tmp_path / "kernel.npy", "--fusion", "none",
                "--back-projection", 30)  # fmt: skip
    whole = images.read(photo).pixels
    found = result(work)["fused"]
    back = resize.imresize(found, (0.5, 0.5), kernel=kernel)
    other = resize.imresize(found, (0.5, 0.5))
    assert np.abs(back - whole).mean() < 0.5 * np.abs(other - whole).mean()


@pytest.mark.parametrize(
    "name, output", [("median", "median"), ("mean", "mean"), ("none", "single")]
)
def test_fusion(wild, name, output):
    found = result(wild("--fusion", name), "single", "mean", "median")
    for view in ("single", "mean", "median"):
        same = np.array_equal(found["fused"], found[view])
        assert same == (view == output)


def test_back_projection(wild, photo):
    whole = images.read(photo).pixels
    errors = []
    for rounds in (0, 1, 4):
        found = result(wild("--back-projection", rounds, "--no-keep-colours"))
        back = resize.imresize(found["fused"], (0.5, 0.5))
        errors.append(np.abs(back - whole).mean())
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_clip_views(wild):
    """As the authors do: before the first round and after each."""
    free, clipped = (
        result(wild("--fusion", "none", "--back-projection", 3,
                    "--no-keep-colours", flag))["fused"]
        for flag in ("--no-clip-views", "--clip-views")
    )  # fmt: skip
    assert free.min() < 0 or free.max() > 1
    assert clipped.min() >= 0
    assert clipped.max() <= 1
    assert np.abs(clipped - free.clip(0, 1)).max() > 1e-3


def test_tile(wild):
    seen = []
    for arguments in ((), ("--tile", 16)):
        work = wild("--fusion", "none", *arguments)
        totals = []
        found = work.zero_shot.result(
            finish=work.finishing,
            report=lambda done, total, totals=totals: totals.append(total),
        )
        seen.append((totals[0], found["fused"]))
    assert seen[0][0] == 1
    assert seen[1][0] == 4
    assert np.abs(seen[0][1] - seen[1][1]).max() < 1e-4


def test_keep_colours(wild, tmp_path):
    half = scene(24, 24)
    half[:, 12:] = half[:, 12:, :1]  # grey
    image = save(tmp_path / "half.png", half)
    kept, free = (
        result(wild(flag, image=image))["fused"][:, 30:]
        for flag in ("--keep-colours", "--no-keep-colours")
    )
    assert np.ptp(kept, axis=-1).max() == 0
    assert np.ptp(free, axis=-1).max() > 0.01

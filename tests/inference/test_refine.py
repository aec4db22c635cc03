import tracemalloc

import numpy as np
import pytest
from checks import picture, smooth
from refiners import LEANING, gaussian, identity, refiner, run

from sr_keras import models
from sr_keras.imaging import dihedral
from sr_keras.imaging.resize import imresize, output_size
from sr_keras.inference import refine
from sr_keras.inference.refine import Finish, refined_pixels
from sr_keras.inference.tiles import TILE_PIXELS, Levels, margin_of
from sr_keras.inference.upscale import upscale


@pytest.mark.parametrize(
    ("scale", "kernel"),
    [
        ((2, 2), None),
        ((2.37, 2.37), None),
        ((1.5, 2), None),
        ((3, 3), None),
        ((2, 2), gaussian()),
        ((2, 2), LEANING),
        ((2, 2), np.full((13, 13), 1 / 169)),
        ((2.37, 1.2), gaussian(5)),
    ],
    ids=[
        "2",
        "2.37",
        "1.5x2",
        "3",
        "2 blurred",
        "2 leaning",
        "2 far",
        "uneven blurred",
    ],
)
@pytest.mark.parametrize("rounds", [0, 2])
def test_tiles_change_nothing(scale, kernel, rounds):
    image = smooth(97, 37)
    network = refiner()
    names = ("fused", "single", "mean", "median", "interpolated")
    whole = run(
        network, image, scale, Finish("median", rounds, kernel, 1000), names
    )
    tiled = run(
        network, image, scale, Finish("median", rounds, kernel, 16), names
    )
    for name in names:
        assert whole[name].shape == (*output_size(image.shape, scale), 3)
        np.testing.assert_allclose(
            tiled[name], whole[name], rtol=0, atol=1e-5, err_msg=name
        )


@pytest.mark.parametrize("shape", [(150, 9), (1, 170), (33, 170)])
def test_tiles_of_narrow_images_change_nothing(shape):
    image = smooth(*shape)
    network = refiner(layers=8)
    whole = run(network, image, (2, 2), Finish(tile=1000))["fused"]
    tiled = run(network, image, (2, 2), Finish(tile=16))["fused"]
    np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)


def test_tiles_with_a_size_that_is_not_the_scales():
    image = smooth(75, 30)
    size = (161, 64)
    scale = (161 / 75, 161 / 75)
    whole = run(refiner(), image, scale, Finish(tile=1000), size=size)
    tiled = run(refiner(), image, scale, Finish(tile=16), size=size)
    assert whole["fused"].shape == (161, 64, 3)
    np.testing.assert_allclose(
        tiled["fused"], whole["fused"], rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("scale", [(4, 4), (3, 3), (5, 2.2)])
def test_tiles_of_several_passes_change_nothing(scale):
    image = picture(70, 61)
    network = refiner(passes=2)
    names = ("fused", "single", "interpolated")
    whole = run(network, image, scale, Finish("mean", 1, tile=1000), names)
    tiled = run(network, image, scale, Finish("mean", 1, tile=16), names)
    for name in names:
        np.testing.assert_allclose(
            tiled[name], whole[name], rtol=0, atol=1e-5, err_msg=name
        )


def test_two_passes_are_one_after_the_other():
    image = smooth(12, 15)
    network = refiner()
    once = run(network, image, (2, 2), Finish("mean", 2))["fused"]
    twice = run(network, np.clip(once, 0, 1), (2, 2), Finish("mean", 2))
    got = run(network, image, (4, 4), Finish("mean", 2), passes=2)
    # They differ in what the last back-projection looks at.
    difference = np.abs(got["fused"] - twice["fused"])
    assert 0 < difference.mean() < 0.01
    plain = run(network, image, (4, 4), Finish("none", 0), passes=2)["fused"]
    first = run(network, image, (2, 2), Finish("none", 0))["fused"]
    second = run(network, np.clip(first, 0, 1), (2, 2), Finish("none", 0))
    np.testing.assert_allclose(plain, second["fused"], rtol=0, atol=1e-5)


def test_a_kernel_belongs_to_one_pass():
    with pytest.raises(ValueError, match="not to 3: add --passes 1"):
        run(refiner(passes=3), smooth(9, 9), (3, 3), Finish(kernel=gaussian()))


@pytest.mark.parametrize("tile", [16, 40, None])
@pytest.mark.parametrize("scale", [(2, 2), (2.37, 1.1), (1, 16)])
def test_every_pixel_is_in_one_tile(tile, scale):
    shape = (83, 131)
    size = output_size(shape, scale)
    times = np.zeros(size, int)
    for piece in Levels(shape, scale, size).tiles(20, tile):
        times[piece.inside] += 1
        window = np.zeros(size, bool)
        window[piece.windows[-1]] = True
        assert window[piece.inside].all()
        rows, columns = piece.windows[-1]
        part = np.arange(np.prod(size)).reshape(size)
        np.testing.assert_array_equal(
            part[rows, columns][piece.core], part[piece.inside]
        )
    assert (times == 1).all()


def test_a_large_photo_is_cut_into_pieces_that_fit():
    shape, scale = (3000, 4000), (2, 2)
    finish = Finish()
    network = models.build_bare("zssr", 2)
    levels = Levels(shape, scale, (6000, 8000))
    margin = margin_of(network.reach, scale, 1, finish.back_projection)
    pixels = [
        (rows.stop - rows.start) * (columns.stop - columns.start)
        for rows, columns in (
            piece.windows[-1] for piece in levels.tiles(margin)
        )
    ]
    assert max(pixels) <= TILE_PIXELS
    refined = refined_pixels(network, shape, scale, finish)
    assert refined == pytest.approx(sum(pixels), rel=0.02)
    assert refined < 1.4 * 48e6
    small = refined_pixels(network, (100, 100, 3), scale, finish)
    assert small == 200 * 200


def test_memory_beside_the_result_is_a_few_tiles():
    image = smooth(600, 500)
    network = refiner(layers=2)
    finish = Finish("none", 1, tile=64)
    run(network, image[:80, :80], (2, 2), finish)
    tracemalloc.start()
    result = run(network, image, (2, 2), finish)["fused"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.6 * result.nbytes


@pytest.mark.parametrize("fusion", ["mean", "median"])
@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("turn", dihedral.TURNS[1:])
def test_a_turned_image_gives_the_turned_result(fusion, scale, turn):
    image = smooth(19, 16)
    network, finish = refiner(), Finish(fusion, 1)
    scale = (scale, scale)
    expected = run(network, image, scale, finish)["fused"]
    turned = run(network, dihedral.turned(image, turn), scale, finish)["fused"]
    np.testing.assert_allclose(
        dihedral.restored(turned, turn), expected, rtol=0, atol=1e-5
    )


def test_one_pass_does_depend_on_the_turn():
    image, turn = smooth(19, 16), dihedral.TURNS[3]
    network, finish = refiner(), Finish("none", 0)
    expected = run(network, image, (2, 2), finish)["fused"]
    turned = run(network, dihedral.turned(image, turn), (2, 2), finish)
    difference = dihedral.restored(turned["fused"], turn) - expected
    assert np.abs(difference).max() > 0.01


@pytest.mark.parametrize(
    ("scale", "kernel", "count"),
    [((2, 2), None, 8), ((1.5, 2), None, 4), ((2, 2), LEANING, 2)],
)
@pytest.mark.parametrize("rounds", [0, 2])
def test_fusion_by_hand(scale, kernel, count, rounds):
    image = picture(14, 11)
    network = refiner()
    size = output_size(image.shape, scale)
    down = tuple(1 / s for s in scale)

    def projected(sr):
        for _ in range(rounds):
            seen = imresize(
                sr, down, image.shape[:2], "cubic" if kernel is None else kernel
            )
            sr = sr + imresize(image - seen, scale, size)
        return sr

    interpolated = imresize(image, scale, size)
    turns = dihedral.symmetries(scale, kernel)
    assert len(turns) == count
    views = []
    for turn in turns:
        view = dihedral.turned(interpolated, turn)
        view = np.asarray(network(np.ascontiguousarray(view)[None]))[0]
        views.append(projected(dihedral.restored(view, turn)))
    expected = {
        "interpolated": interpolated,
        "single": views[0],
        "mean": projected(np.mean(views, axis=0)),
        "median": projected(np.median(views, axis=0)),
    }
    got = run(
        network,
        image,
        scale,
        Finish("mean", rounds, kernel, keep_colours=False),
        expected,
    )
    for name, value in expected.items():
        np.testing.assert_allclose(
            got[name], value, rtol=0, atol=2e-5, err_msg=name
        )


@pytest.mark.parametrize(
    ("fusion", "same"),
    [("mean", "mean"), ("median", "median"), ("none", "single")],
)
def test_fused_is_the_fusion_asked_for(fusion, same):
    image = picture(9, 9)
    names = ("fused", "single", "mean", "median")
    got = run(refiner(), image, (2, 2), Finish(fusion, 1), names)
    assert got.keys() == set(names)
    np.testing.assert_array_equal(got["fused"], got[same])
    others = {"single", "mean", "median"} - {same}
    for other in others:
        assert np.abs(got["fused"] - got[other]).max() > 1e-3


@pytest.mark.parametrize("kernel", [None, gaussian(5)])
@pytest.mark.parametrize("scale", [(2, 2), (3, 3), (2.37, 1.5)])
def test_back_projection_brings_back_the_input(kernel, scale):
    image = smooth(24, 31)
    network = identity()
    down = tuple(1 / s for s in scale)
    errors = []
    for rounds in (0, 1, 2, 4):
        finish = Finish("none", rounds, kernel)
        sr = run(network, image, scale, finish)["fused"]
        seen = imresize(
            sr, down, image.shape[:2], "cubic" if kernel is None else kernel
        )
        errors.append(np.abs(seen - image).mean())
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert errors[3] < errors[0] / 3


def test_an_image_that_fits_needs_no_back_projection():
    flat = np.full((9, 8, 3), 0.3, "float32")
    got = run(identity(), flat, (2, 2), Finish("mean", 3))["fused"]
    np.testing.assert_allclose(got, 0.3, rtol=0, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_any_number_of_channels(channels):
    image = smooth(20, 20, channels)
    network = refiner(channels=channels)
    got = run(network, image, (2, 2), Finish(tile=16))["fused"]
    assert got.shape == (40, 40, channels)
    assert got.dtype == np.float32
    assert np.isfinite(got).all()


@pytest.mark.parametrize(
    ("finish", "tiles", "views"),
    [
        (Finish(tile=20), 6, 8),
        (Finish("none", tile=20), 6, 1),
        (Finish(), 1, 8),
    ],
)
def test_report_counts_views_of_tiles(finish, tiles, views):
    seen = []
    run(
        refiner(),
        smooth(40, 60),
        (2, 2),
        finish,
        report=lambda done, total: seen.append((done, total)),
    )
    total = tiles * views
    assert seen == [(i + 1, total) for i in range(total)]


def test_interpolating_does_not_run_the_network(monkeypatch):
    def unused(network):
        return None

    monkeypatch.setattr(refine, "forward_of", unused)
    image = smooth(20, 30)
    got = run(refiner(), image, (2, 2), Finish(tile=16), ("interpolated",))
    assert set(got) == {"interpolated"}
    np.testing.assert_allclose(
        got["interpolated"], imresize(image, 2), rtol=0, atol=1e-6
    )


def test_results_are_not_clipped_but_upscale_is():
    image = np.indices((12, 12)).sum(0)[..., None] % 2 * np.ones(3, "float32")
    image = image.astype("float32")
    raw = run(identity(), image, (2, 2), Finish("none", 2))["fused"]
    assert raw.min() < -0.01
    assert raw.max() > 1.01
    plain = {"self_ensemble": False, "keep_colours": False}
    shown = upscale(image, identity(), back_projection=2, **plain)
    np.testing.assert_array_equal(shown, np.clip(raw, 0, 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fusion": "mode"}, "'mode': use one of median, mean, none"),
        ({"back_projection": -1}, "back-projection takes 0 or more, not -1"),
        ({"tile": 15}, "tile takes 16 or more, not 15"),
    ],
)
def test_finish_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Finish(**arguments)

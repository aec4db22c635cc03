import tracemalloc

import keras
import numpy as np
import pytest
from checks import picture, randomized, smooth

import sr_keras
from sr_keras import artifact, color, inference, models, symmetry
from sr_keras.inference import Finish, refine, upscale
from sr_keras.layers import FixedUpsample
from sr_keras.models.network import Network
from sr_keras.resize import imresize, output_size
from sr_keras.tiles import TILE_PIXELS, Levels, margin_of


def refiner(scale=2, layers=3, **arguments):
    """A network whose answer is far from its input, everywhere."""
    return randomized(
        models.build_bare(
            "zssr", scale, num_layers=layers, num_filters=4, **arguments
        )
    )


def identity(scale=2):
    network = refiner(scale)
    last = network.get_layer("conv3")
    last.set_weights([np.zeros_like(w) for w in last.get_weights()])
    return network


def gaussian(size=7, sigma_y=1.2, sigma_x=1.2, lean=0.0):
    y, x = np.mgrid[:size, :size] - size // 2
    values = np.exp(
        -((y / sigma_y) ** 2 + (x / sigma_x) ** 2 + lean * x * y) / 2
    )
    return values / values.sum()


LEANING = gaussian(9, 2.0, 1.0, 0.5)


def run(network, image, scale, finish, outputs=("fused",), **options):
    size = options.pop("size", None) or output_size(image.shape, scale)
    return refine(network, image, scale, size, finish, outputs, **options)


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
    refined = inference.refined_pixels(network, shape, scale, finish)
    assert refined == pytest.approx(sum(pixels), rel=0.02)
    assert refined < 1.3 * 48e6
    small = inference.refined_pixels(network, (100, 100, 3), scale, finish)
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
@pytest.mark.parametrize("turn", symmetry.TURNS[1:])
def test_a_turned_image_gives_the_turned_result(fusion, scale, turn):
    image = smooth(19, 16)
    network, finish = refiner(), Finish(fusion, 1)
    scale = (scale, scale)
    expected = run(network, image, scale, finish)["fused"]
    turned = run(network, symmetry.turned(image, turn), scale, finish)["fused"]
    np.testing.assert_allclose(
        symmetry.restored(turned, turn), expected, rtol=0, atol=1e-5
    )


def test_one_pass_does_depend_on_the_turn():
    image, turn = smooth(19, 16), symmetry.TURNS[3]
    network, finish = refiner(), Finish("none", 0)
    expected = run(network, image, (2, 2), finish)["fused"]
    turned = run(network, symmetry.turned(image, turn), (2, 2), finish)
    difference = symmetry.restored(turned["fused"], turn) - expected
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
    turns = symmetry.symmetries(scale, kernel)
    assert len(turns) == count
    views = []
    for turn in turns:
        view = symmetry.turned(interpolated, turn)
        view = np.asarray(network(np.ascontiguousarray(view)[None]))[0]
        views.append(projected(symmetry.restored(view, turn)))
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

    monkeypatch.setattr(inference, "forward_of", unused)
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
        ({"back_projection": -1}, "0 rounds or more, not -1"),
        ({"tile": 15}, "16 pixels or more, not 15"),
    ],
)
def test_finish_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        Finish(**arguments)


@pytest.mark.parametrize(
    ("scale", "size", "expected"),
    [
        (None, None, (22, 26)),
        (3, None, (33, 39)),
        (2.37, None, (27, 31)),
        ((1.5, 2), None, (17, 26)),
        (None, (44, 52), (44, 52)),
        (None, (23, 27), (23, 27)),
        (2, (22, 25), (22, 25)),
        (np.float32(2), None, (22, 26)),
        ([2, 3], None, (22, 39)),
    ],
)
@pytest.mark.parametrize("kind", ["bare", "wrapped", "bicubic"])
def test_upscale_by_any_factor(scale, size, expected, kind):
    image = smooth(11, 13)
    model = {
        "bare": identity(),
        "wrapped": models.build("zssr", 2, num_layers=2, num_filters=2),
        "bicubic": "bicubic",
    }[kind]
    got = upscale(image, model, scale, size, keep_colours=False)
    assert got.shape == (*expected, 3)
    assert got.dtype == np.float32
    assert 0 <= got.min() <= got.max() <= 1
    factors = scale
    if scale is None:
        factors = 2 if size is None else np.divide(size, (11, 13))
    likely = np.clip(imresize(image, factors, expected), 0, 1)
    np.testing.assert_allclose(got, likely, rtol=0, atol=0.03)
    if kind != "wrapped":
        np.testing.assert_allclose(got, likely, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", models.CLASSICAL)
def test_upscale_by_a_classical_method(name):
    image = smooth(11, 13, 1)
    for scale in (2, 2.37, (1.5, 3)):
        expected = np.clip(imresize(image, scale, kernel=name), 0, 1)
        np.testing.assert_allclose(
            upscale(image, name, scale), expected, rtol=0, atol=1e-6
        )


def test_upscale_with_a_file_and_a_folder(tmp_path):
    image, network = smooth(12, 10), refiner()
    artifact.save(network, tmp_path / artifact.BEST)
    expected = sr_keras.upscale(image, network)
    for model in (tmp_path, str(tmp_path / artifact.BEST)):
        np.testing.assert_array_equal(upscale(image, model), expected)


def test_upscale_unwraps_a_refiner():
    image, network = smooth(12, 10), refiner()
    wrapped = models.interpolated.Interpolated(network, 2)
    np.testing.assert_array_equal(
        upscale(image, wrapped), upscale(image, network)
    )
    plain = {"self_ensemble": False, "keep_colours": False}
    single = upscale(image, wrapped, **plain)
    np.testing.assert_allclose(
        single, np.clip(wrapped(image[None])[0], 0, 1), rtol=0, atol=1e-5
    )
    assert np.abs(single - upscale(image, wrapped)).max() > 1e-3


def test_upscale_back_projects():
    image, network = smooth(16, 16), refiner()

    def error(rounds):
        sr = upscale(image, network, back_projection=rounds)
        return np.abs(imresize(sr, 0.5) - image).mean()

    assert error(3) < error(0) / 2


def test_upscale_takes_the_refiners_own_pair_of_factors():
    assert upscale(smooth(10, 10), refiner((1.5, 2))).shape == (15, 20, 3)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("model", ["bicubic", "zssr"])
def test_upscale_leaves_its_input_alone(dtype, model):
    image = (smooth(8, 8) * 1.5).astype(dtype)
    image.setflags(write=False)
    before = image.copy()
    model = refiner() if model == "zssr" else model
    got = upscale(image, model, scale=1)
    assert got.dtype == np.float32
    assert not np.shares_memory(got, image)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 3)])
@pytest.mark.parametrize("scale", [2, 2.37])
def test_upscale_of_tiny_images(size, scale):
    image = smooth(*size)
    got = upscale(image, refiner(layers=8), scale, back_projection=2)
    assert got.shape == (*output_size(size, (scale, scale)), 3)
    assert np.isfinite(got).all()


class Doubling(Network):
    def __init__(self, scale=2, **kwargs):
        inputs = keras.Input((None, None, 3))
        super().__init__(inputs, FixedUpsample(2)(inputs), scale, **kwargs)


def test_upscale_with_a_network_of_one_factor():
    image, network = smooth(9, 8), Doubling(name="doubling")
    expected = np.clip(imresize(image, 2), 0, 1)
    for options in ({}, {"scale": 2}, {"size": (18, 16)}):
        np.testing.assert_allclose(
            upscale(image, network, **options), expected, rtol=0, atol=1e-6
        )


@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({"scale": 1.5}, 2),
        ({"scale": (2, 1.5)}, 2),
        ({"size": (17, 15)}, 2),
        ({"scale": 3}, 4),
        ({"scale": (2.37, 7)}, 8),
    ],
)
def test_other_factors_go_by_the_next_larger_one(options, factor):
    image, network = smooth(9, 8), Doubling(name="doubling")
    larger = image
    for _ in range(round(np.log2(factor))):
        larger = np.clip(imresize(larger, 2), 0, 1)
    size = options.get("size") or output_size(
        image.shape, np.broadcast_to(options["scale"], 2)
    )
    scale = options.get("scale") or np.divide(size, image.shape[:2])
    back = tuple(np.broadcast_to(scale, 2) / factor)
    expected = np.clip(imresize(larger, back, size), 0, 1)
    got = upscale(image, network, **options)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def local(channels=3, scale=2):
    """A network of one factor that is none of its own turns."""
    return randomized(
        models.build(
            *("espcn", scale),
            num_filters=[4],
            kernel_sizes=[3, 3],
            channels=channels,
        )
    )


def test_self_ensemble_of_a_network_of_one_factor():
    image, network = smooth(9, 8), local()
    plain = upscale(image, network)
    np.testing.assert_allclose(
        plain, np.clip(network(image[None])[0], 0, 1), rtol=0, atol=1e-6
    )
    views = []
    for turn in symmetry.TURNS:
        view = np.ascontiguousarray(symmetry.turned(image, turn))
        view = np.asarray(network(view[None]))[0]
        views.append(symmetry.restored(view, turn))
    got = upscale(image, network, self_ensemble=True)
    expected = np.clip(np.mean(views, axis=0), 0, 1)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)
    assert np.abs(got - plain).max() > 1e-3


def by_hand(image, network):
    """Y through the network, the rest interpolated."""
    ycbcr = color.rgb_to_ycbcr(image).astype("float32")
    luma = np.asarray(network(ycbcr[None, ..., :1]))[0]
    chroma = imresize(ycbcr[..., 1:], 2)
    rgb = color.ycbcr_to_rgb(np.concatenate([luma, chroma], axis=-1))
    return np.clip(rgb, 0, 1)


@pytest.mark.parametrize("kind", ["espcn", "srcnn", "lapsrn"])
def test_luma_networks_leave_the_colours(kind):
    network = {
        "espcn": local(channels=1),
        "srcnn": randomized(
            models.build("srcnn", 2, num_filters=[4, 3], kernel_sizes=[3, 1, 3])
        ),
        # Of RGB, unless its paper is followed in this.
        "lapsrn": randomized(
            models.build("lapsrn", 2, num_layers=1, num_filters=3, channels=1)
        ),
    }[kind]
    image = smooth(9, 8)
    got = upscale(image, network)
    assert got.dtype == np.float32
    expected = by_hand(image, network)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
    grey = upscale(image[..., :1], network)
    expected = by_hand(image[..., [0, 0, 0]], network)[..., :1]
    np.testing.assert_allclose(grey, expected, rtol=0, atol=1e-5)


def test_a_luma_network_that_changes_nothing_is_bicubic():
    network = models.build(
        "srcnn", 3, num_filters=[1, 1], kernel_sizes=[1, 1, 1]
    )
    network.network.set_weights(
        [np.full_like(w, float(w.ndim > 1)) for w in network.get_weights()]
    )
    for image in (smooth(9, 8), smooth(9, 8, 1), smooth(9, 8, 4)):
        expected = np.clip(imresize(image, 3), 0, 1)
        got = upscale(image, network)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_a_luma_refiner_takes_any_factor():
    network = models.build("srcnn", 2, num_filters=[2, 2])
    assert upscale(smooth(10, 8), network, 2.5).shape == (25, 20, 3)


def test_grey_through_a_network_for_colours():
    image, network = smooth(9, 8, 1), local()
    three = np.asarray(network(image[None, ..., [0, 0, 0]]))[0]
    expected = np.clip(three.mean(axis=-1, keepdims=True), 0, 1)
    got = upscale(image, network)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_is_interpolated(channels):
    image, network = smooth(9, 8, channels + 1), local()
    got = upscale(image, network)
    colours = upscale(image[..., :-1], network)
    np.testing.assert_array_equal(got[..., :-1], colours)
    alpha = np.clip(imresize(image[..., -1:], 2), 0, 1)
    np.testing.assert_allclose(got[..., -1:], alpha, rtol=0, atol=1e-6)


def test_more_channels_than_there_are_colours():
    with pytest.raises(ValueError, match="espcn takes 3 channels.* has 5"):
        upscale(smooth(6, 6, 5), local())
    with pytest.raises(ValueError, match="zssr takes 3 channels.* has 4"):
        upscale(smooth(6, 6, 4), refiner())


@pytest.mark.parametrize("scale", [0, 0.5, -2, 17, float("nan"), (1, 2, 3)])
@pytest.mark.parametrize("model", ["bicubic", "zssr"])
def test_upscale_refuses_factors(scale, model):
    model = refiner() if model == "zssr" else model
    with pytest.raises(ValueError, match="scale") as info:
        upscale(smooth(6, 6), model, scale)
    number = scale[-1] if isinstance(scale, tuple) else scale
    assert f"{number:g}" in str(info.value)


@pytest.mark.parametrize("size", [(5, 12), (12, 0), (12.5, 12), (12, 12, 3)])
def test_upscale_refuses_sizes(size):
    with pytest.raises(ValueError):
        upscale(smooth(6, 6), "bicubic", size=size)


@pytest.mark.parametrize("model", ["bicubic", "zssr"])
def test_upscale_refuses_what_is_no_image(model):
    model = refiner() if model == "zssr" else model
    with pytest.raises(TypeError, match="uint8: divide it by 255"):
        upscale((smooth(6, 6) * 255).astype("uint8"), model)
    with pytest.raises(ValueError, match=r"\(6, 6\)"):
        upscale(smooth(6, 6)[..., 0], model)
    with pytest.raises(ValueError, match=r"\(0, 6, 3\)"):
        upscale(smooth(6, 6)[:0], model)


def test_upscale_refuses_other_channels():
    with pytest.raises(ValueError, match="zssr takes 3 channels.* 1"):
        upscale(smooth(6, 6, 1), refiner())


def test_upscale_without_a_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="bicubic"):
        upscale(smooth(6, 6), tmp_path / "none.keras")

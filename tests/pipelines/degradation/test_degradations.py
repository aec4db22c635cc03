import numpy as np
import pytest
from checks import data_folder, smooth

from pipelines.degradation import corruption
from pipelines.degradation.chain import KINDS, margin, parse, usage
from pipelines.degradation.downscale import SHRINKERS, shrink
from sr_keras.imaging import images
from sr_keras.imaging.resize import downscale_with_kernel, imresize

RNG = np.random.default_rng


def picture(height=24, width=36):
    noise = RNG(0).random((height, width, 3), "float32")
    return 0.7 * smooth(height, width) + 0.3 * noise


def bytes_of(*size):
    return images.quantize(picture(*size), 8)


ALL = [
    *SHRINKERS,
    "blur=1.2,bicubic",
    "blur-aniso=2:0.5:30,bicubic",
    "motion=5:45,bicubic",
    "bicubic,noise=5",
    "bicubic,poisson=300",
    "bicubic,jpeg=60-95",
    "bayer,bicubic",
    "blur=0.2-3,bicubic-pillow,noise=0-10,jpeg=30-95",
]


@pytest.mark.parametrize("spec", ALL)
@pytest.mark.parametrize("scale", [2, 3, (2, 1.5)])
def test_every_degradation(spec, scale):
    chain = parse(spec)
    y, x = np.broadcast_to(scale, 2)
    for image in (picture(), bytes_of()):
        lr = chain.apply(image, scale, RNG(1))
        assert lr.dtype == image.dtype
        assert lr.shape == (24 / y, 36 / x, 3)
        again = chain.apply(image, scale, RNG(1))
        np.testing.assert_array_equal(lr, again)
        if not chain.fixed:
            assert not np.array_equal(lr, chain.apply(image, scale, RNG(2)))
    # Both dtypes say the same, but for rounding.
    if chain.fixed:
        floats = chain.apply(np.divide(image, 255, dtype="float32"), scale)
        assert np.abs(floats.clip(0, 1) * 255 - lr).max() < 6
    assert str(chain) == spec


@pytest.mark.parametrize("spec", ALL)
@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels(spec, channels):
    image = picture()[..., [0, 1, 2, 0][:channels]]
    assert parse(spec).apply(image, 2).shape == (12, 18, channels)


def test_the_default_is_matlabs():
    for image in (picture(), bytes_of()):
        np.testing.assert_array_equal(
            parse("bicubic").apply(image, 3), imresize(image, 1 / 3)
        )


def test_it_makes_the_benchmarks_lr_images():
    folder = data_folder("benchmark", "Set5")
    hr = images.read(folder / "HR" / "butterfly.png").pixels
    hr = images.quantize(hr, 8)
    for scale in (2, 3, 4):
        rows, columns = (n // scale * scale for n in hr.shape[:2])
        path = folder / "LR_bicubic" / f"X{scale}" / f"butterflyx{scale}.png"
        lr = images.quantize(images.read(path).pixels, 8)
        mine = parse("bicubic").apply(hr[:rows, :columns], scale)
        np.testing.assert_array_equal(mine, lr)


@pytest.mark.parametrize("name", SHRINKERS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_shrinkers_differ_and_keep_the_place(name, scale):
    image = picture(24 * 2, 36 * 2)
    mine = shrink(image, scale, name)
    others = [shrink(image, scale, other) for other in SHRINKERS]
    alike = sum(np.abs(mine - other).max() < 1e-3 for other in others)
    assert alike == 1 + (name in ("box", "area"))
    # A ramp stays where it is, but for the first pixel of each block.
    ramp = np.linspace(0, 1, 48, dtype="float32")[:, None, None]
    ramp = ramp * np.ones((1, 48, 3), "float32")
    moved = (shrink(ramp, scale, name) - shrink(ramp, scale))[4:-4] * 47
    expected = -(scale - 1) / 2 if name == "nearest" else 0
    np.testing.assert_allclose(moved, expected, atol=0.02)


def test_shrinkers_are_the_programs_own():
    cv2 = pytest.importorskip("cv2")
    from PIL import Image

    image = bytes_of(24, 36)
    for name, how in (("bicubic-opencv", cv2.INTER_CUBIC),
                      ("area", cv2.INTER_AREA),
                      ("nearest", cv2.INTER_NEAREST)):  # fmt: skip
        theirs = cv2.resize(image, (12, 8), interpolation=how)
        np.testing.assert_array_equal(shrink(image, 3, name), theirs)
    theirs = Image.fromarray(image).resize((12, 8), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(shrink(image, 3, "bicubic-pillow"), theirs)


def test_any_kernel(tmp_path):
    kernel = np.outer([1, 2, 1], [1, 4, 1]) / 24
    np.save(tmp_path / "k.npy", kernel)
    lr = parse(f"kernel={tmp_path}/k.npy").apply(picture(), 2)
    expected = downscale_with_kernel(picture(), kernel, 0.5)
    np.testing.assert_array_equal(lr, expected)
    with pytest.raises(FileNotFoundError, match="no kernel file"):
        parse("kernel=nowhere.npy")


def impulse(size=41):
    image = np.zeros((size, size, 1), "float32")
    image[size // 2, size // 2] = 1
    return image


def moments(image):
    """Mean and covariance (y, x) of an image's mass."""
    mass = image[..., 0] / image.sum()
    at = np.stack(np.mgrid[: len(mass), : len(mass)]).reshape(2, -1)
    mean = at @ mass.ravel()
    return mean, (at - mean[:, None]) * mass.ravel() @ (at - mean[:, None]).T


def test_gaussian_blur():
    mean, spread = moments(corruption.gaussian(impulse(), None, 1.7))
    np.testing.assert_allclose(mean, 20, atol=1e-4)
    np.testing.assert_allclose(spread, np.eye(2) * 1.7**2, atol=0.02)


def test_anisotropic_blur():
    """45 degrees goes up to the right, as in mathematics."""
    mean, spread = moments(corruption.anisotropic(impulse(), None, 3, 1, 45))
    np.testing.assert_allclose(mean, 20, atol=1e-4)
    np.testing.assert_allclose(spread, [[5, -4], [-4, 5]], atol=0.05)
    level = moments(corruption.anisotropic(impulse(), None, 3, 1, 0))[1]
    np.testing.assert_allclose(level, np.diag([1, 9]), atol=0.05)


def test_motion_blur():
    blurred = corruption.motion(impulse(), None, 9, 0)
    assert (blurred[20, 16:25] > 0.1).all()
    assert blurred.sum() == pytest.approx(1)
    assert np.count_nonzero(blurred.sum((1, 2)) > 1e-6) == 1
    upright = corruption.motion(impulse(), None, 9, 90)[..., 0]
    np.testing.assert_allclose(upright, blurred[..., 0].T, atol=1e-6)
    diagonal = moments(corruption.motion(impulse(), None, 9, 45))[1]
    assert diagonal[0, 1] < -3


def test_gaussian_noise():
    grey = np.full((200, 200, 3), 0.5, "float32")
    error = (corruption.noise(grey, RNG(0), 5) - grey) * 255
    assert error.mean() == pytest.approx(0, abs=0.1)
    assert error.std() == pytest.approx(5, rel=0.02)
    # Its channels have nothing to do with each other.
    assert np.abs(np.corrcoef(error.reshape(-1, 3).T) - np.eye(3)).max() < 0.02


def test_poisson_noise():
    """The variance is the brightness over the photons of white."""
    for level in (0.2, 0.8):
        grey = np.full((200, 200, 3), level, "float32")
        noisy = corruption.poisson(grey, RNG(0), 100)
        assert noisy.mean() == pytest.approx(level, rel=0.01)
        assert noisy.var() == pytest.approx(level / 100, rel=0.03)


def test_jpeg():
    image = picture(32, 32)
    errors = [
        np.abs(corruption.jpeg(image, None, q) - image).mean()
        for q in (100, 75, 20)
    ]
    assert errors[0] < 0.02 < errors[1] < errors[2]
    grey = corruption.jpeg(image[..., :1], None, 75)
    assert grey.shape == (32, 32, 1)


def test_bayer_mosaic():
    image = picture(12, 14)
    seen = corruption.bayer(image, None)
    np.testing.assert_array_equal(seen[::2, ::2, 0], image[::2, ::2, 0])
    np.testing.assert_array_equal(seen[1::2, 1::2, 2], image[1::2, 1::2, 2])
    np.testing.assert_array_equal(seen[::2, 1::2, 1], image[::2, 1::2, 1])
    np.testing.assert_array_equal(seen[1::2, ::2, 1], image[1::2, ::2, 1])
    blue = (image[1, 1, 2] + image[1, 3, 2]) / 2
    assert seen[1, 2, 2] == pytest.approx(blue, abs=1e-6)
    flat = np.full((7, 5, 3), [0.2, 0.5, 0.7], "float32")
    np.testing.assert_allclose(corruption.bayer(flat, None), flat, atol=1e-6)
    assert corruption.bayer(image[..., :1], None).shape == (12, 14, 1)


@pytest.mark.parametrize("spec", ["bicubic", "blur=1,bicubic,noise=5,jpeg=80"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_in_the_graph(spec, dtype):
    """The same numbers, to the last bit."""
    import tensorflow as tf

    image = bytes_of() if dtype == "uint8" else picture()
    chain = parse(spec)
    data = tf.data.Dataset.from_tensors(image).repeat(3)
    data = data.enumerate().map(
        lambda k, hr: chain.graph(hr, 2, tf.stack([7, k]))
    )
    assert data.element_spec.shape == (12, 18, 3)
    results = list(data.as_numpy_iterator())
    for k, lr in enumerate(results):
        expected = chain.apply(image, 2, RNG(np.array([7, k], np.uint64)))
        np.testing.assert_array_equal(lr, expected)
    assert np.array_equal(results[0], results[1]) == chain.fixed


def test_what_is_done_once():
    head, tail = parse("blur=1,bicubic,noise=5").split(2)
    assert [s.name for s in head] == ["blur", "bicubic"]
    assert [s.name for s in tail] == ["noise"]
    for spec in ("noise=5,bicubic", "blur=1-2,bicubic", "nearest",
                 "motion=5:20,bicubic", "bayer,bicubic"):  # fmt: skip
        head, tail = parse(spec).split(2)
        assert not head
        assert tail
    assert margin(tail, 2)[1] == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("bicubik", "no step 'bicubik': did you mean bicubic .*blur=SIGMA"),
        ("", "no step ''"),
        ("bicubic=2", "no step 'bicubic=2'"),
        ("bicubic,blur", "'blur' is written blur=SIGMA, with values 0.05 to"),
        ("bicubic,blur=x", "'blur=x' is written"),
        ("bicubic,jpeg=0", "1 to 100"),
        ("bicubic,jpeg=95-60", "LOW-HIGH"),
        ("bicubic,motion=5", "motion=LENGTH:DEGREES"),
        ("bicubic,bayer=1", "is written bayer$"),
        ("blur=1", "has 0 steps that shrink, not one of bicubic, "),
        ("area,bicubic", "has 2 steps that shrink"),
    ],
)
def test_bad_spellings(spec, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse(spec)
    assert "\n" not in str(caught.value)


def test_good_spellings():
    chain = parse(" blur=0.5 , bicubic,motion=3-7:-45-45,noise=1e1 ")
    assert [s.values for s in chain.steps] == [
        ((0.5, 0.5),), (), ((3, 7), (-45, 45)), ((10, 10),),
    ]  # fmt: skip
    assert parse(chain) is chain
    for name, kind in KINDS.items():
        assert kind.usage.startswith(name)
        assert kind.usage in usage()

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from checks import ROOT
from PIL import Image
from skimage import color as sk_color
from skimage import metrics as sk

from sr_keras.evaluation.metrics import (
    METRICS,
    PROTOCOLS,
    ms_ssim,
    planes,
    psnr,
    score,
    ssim,
    zncc,
)
from sr_keras.imaging.resize import imresize

# A 32x32 piece of a CC0 photo; its LR image by exact rational arithmetic; and
# the scores of its bicubic enlargement by scikit-image.
STORED = ROOT / "tests" / "data" / "stored_scores.json"


def pair(height=40, width=30, channels=3, noise=20, seed=0):
    """A smooth uint8 image and the same with noise: (sr, hr)."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((height // 6, width // 6, channels))
    hr = imresize(coarse, size=(height, width)) * 255
    sr = hr + rng.normal(0, noise, hr.shape)
    return tuple(np.clip(x, 0, 255).astype(np.uint8) for x in (sr, hr))


def by_hand(image, protocol, border):
    """The planes of a protocol, by scikit-image."""
    if protocol == "rgb":
        return image.astype(np.float64)
    if protocol in ("y", "y8"):
        y = sk_color.rgb2ycbcr(image)[..., :1]
        y = np.floor(y + 0.5) if protocol == "y8" else y
    else:
        y = sk_color.rgb2yiq(image.astype(np.float64))[..., :1]
    return y[border:-border, border:-border]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("scale", [2, 3])
def test_agrees_with_scikit_image(protocol, scale):
    sr, hr = pair()
    a, b = (by_hand(x, protocol, scale) for x in (sr, hr))
    expected = sk.peak_signal_noise_ratio(a, b, data_range=255)
    assert psnr(sr, hr, protocol, scale) == pytest.approx(expected, abs=1e-6)
    expected = sk.structural_similarity(
        a,
        b,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
    )
    assert ssim(sr, hr, protocol, scale) == pytest.approx(expected, abs=1e-9)
    expected = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    assert zncc(sr, hr, protocol, scale) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("size", [(180, 200), (187, 193)])
def test_ms_ssim_agrees_with_tensorflow(size):
    import tensorflow as tf

    sr, hr = pair(*size, noise=30)
    a, b = (tf.constant(x, tf.float64) for x in (sr, hr))
    expected = float(tf.image.ssim_multiscale(a, b, 255))
    mine = ms_ssim(sr, hr, "rgb")
    assert mine == pytest.approx(expected, abs=1e-6)
    assert mine < 0.99


@pytest.mark.parametrize(
    "factor, expected",
    [
        (2, {"y": (33.673, 0.9303), "y8": (33.640, 0.9292)}),
        (3, {"y": (30.403, 0.8689), "y8": (30.385, 0.8678)}),
        (4, {"y": (28.429, 0.8111), "y8": (28.416, 0.8101)}),
        (8, {"y": (24.397, 0.6581)}),
    ],
)
def test_bicubic_on_set5_reads_as_in_the_papers(factor, expected):
    root = os.environ.get("SR_KERAS_DATA")
    if not root:
        pytest.skip("SR_KERAS_DATA does not say where Set5 is")
    folder = Path(root) / "benchmark" / "Set5"
    scores = []
    for path in sorted((folder / "HR").glob("*.png")):
        lr = folder / f"LR_bicubic/X{factor}/{path.stem}x{factor}.png"
        sr = imresize(np.array(Image.open(lr)), factor)
        hr = np.array(Image.open(path))[: sr.shape[0], : sr.shape[1]]
        scores.append(score(sr, hr, factor, expected))
    assert len(scores) == 5
    for protocol, (decibels, similarity) in expected.items():
        psnrs = [s[protocol]["psnr"] for s in scores]
        ssims = [s[protocol]["ssim"] for s in scores]
        assert np.mean(psnrs) == pytest.approx(decibels, abs=0.0005)
        assert np.mean(ssims) == pytest.approx(similarity, abs=0.00005)


def test_y8_is_the_y_of_matlab():
    # help rgb2ycbcr, of uint8: white, black, the primaries.
    colours = np.eye(3, dtype=np.uint8) * 255
    colours = np.concatenate([colours, [[255] * 3, [0] * 3]]).astype(np.uint8)
    image = np.broadcast_to(colours[:, None], (5, 4, 3))
    found = planes(image.astype(float), "y8", 1)[:, 0, 0]
    # Without the border of one pixel a side.
    np.testing.assert_allclose(found, [145, 41, 235], atol=1e-9)


def test_y8_rounds_halves_up():
    # 16 + (65.481 R + 128.553 G + 24.966 B) / 255 with a fraction of a half.
    r, g, b = np.meshgrid(*[np.arange(256)] * 3, indexing="ij", sparse=True)
    sums = 21827 * r + 42851 * g + 8322 * b
    halves = np.argwhere(sums % 85000 == 42500)
    assert len(halves) > 100
    image = np.pad(halves[None].astype(float), ((1, 1), (1, 1), (0, 0)), "edge")
    exact = 16 + (halves @ [21827, 42851, 8322] + 42500) // 85000
    found = planes(image, "y8", 1)[0, :, 0]
    np.testing.assert_allclose(found, exact, atol=1e-9)


def test_y8_takes_grey_as_it_is():
    sr, hr = pair(channels=1)
    inner = np.s_[2:-2, 2:-2]
    assert psnr(sr, hr, "y8") == psnr(sr[inner], hr[inner], "rgb")
    # In `y` its codes span 16..235: 1.32 dB more.
    more = 20 * np.log10(255 / 219)
    assert psnr(sr, hr, "y") - psnr(sr, hr, "y8") == pytest.approx(more)
    # Beside RGB it is three equal channels.
    equal = sr.repeat(3, axis=2), hr.repeat(3, axis=2)
    for mixed in ((sr, equal[1]), (equal[0], hr)):
        assert psnr(*mixed, "y8") == psnr(*equal, "y8") > psnr(sr, hr, "y8")


def test_a_known_error():
    hr = np.full((20, 20, 3), 100, np.uint8)
    # Off by one in every channel: 219/255 of a step in luma 16..235.
    expected = {"rgb": 0, "yiq": 0, "y8": 0, "y": 20 * np.log10(255 / 219)}
    for protocol, more in expected.items():
        got = psnr(hr + np.uint8(1), hr, protocol, 2)
        assert got == pytest.approx(20 * np.log10(255) + more, abs=1e-9)


def test_the_border_does_not_count():
    sr, hr = pair()
    spoilt = sr.copy()
    spoilt[:3], spoilt[-3:], spoilt[:, :2], spoilt[:, -2:] = 0, 0, 0, 0
    for protocol in PROTOCOLS:
        same = protocol != "rgb"
        before = psnr(sr, hr, protocol, (3, 2))
        assert (psnr(spoilt, hr, protocol, (3, 2)) == before) is same
        assert psnr(spoilt, hr, protocol, 2) != before
    # 2.37 and 1.5 leave out 3 and 2.
    assert psnr(spoilt, hr, scale=(2.37, 1.5)) == psnr(sr, hr, scale=(3, 2))


def test_floats_are_rounded_to_8_bits():
    sr, hr = pair()
    rng = np.random.default_rng(1)
    near = (sr + rng.uniform(-0.49, 0.49, sr.shape)) / 255
    near[0, 0] = (1.7, -0.6, 1.0)
    sr[0, 0] = (255, 0, 255)
    for dtype in (np.float32, np.float64):
        assert score(near.astype(dtype), hr, 2) == score(sr, hr, 2)
    as16 = hr.astype(np.uint16) * 257
    assert score(sr, as16, 2) == score(sr, hr, 2)


def test_grey_is_three_equal_channels():
    sr, hr = pair(channels=1)
    equal = sr.repeat(3, axis=2), hr.repeat(3, axis=2)
    names = ("psnr", "ssim", "zncc")
    expected = score(*equal, 2, metrics=names)
    flat = (sr[..., 0], hr[..., 0])
    for a, b in ((sr, hr), flat, (equal[0], hr), (sr, equal[1])):
        got = score(a, b, 2, metrics=names)
        for protocol in set(PROTOCOLS) - {"y8"}:
            assert got[protocol] == pytest.approx(expected[protocol], abs=1e-9)


def test_equal_images():
    _, hr = pair(180, 180)
    got = score(hr, hr, 2, metrics=METRICS)
    for values in got.values():
        assert values["psnr"] == np.inf
        assert values["ssim"] == pytest.approx(1, abs=1e-12)
        assert values["ms-ssim"] == pytest.approx(1, abs=1e-12)
        assert values["zncc"] == pytest.approx(1, abs=1e-12)


def test_zncc_ignores_contrast_and_knows_flat_images():
    _, hr = pair()
    half = (hr // 2).astype(np.uint8)
    assert zncc(half, half, "rgb") == pytest.approx(1)
    assert zncc(half, half // 2 + 90, "rgb") > 0.999
    assert zncc(255 - hr, hr, "rgb") == pytest.approx(-1)
    flat = np.full_like(hr, 77)
    assert zncc(flat, flat + np.uint8(9)) == 1
    assert zncc(flat, hr) == 0


def test_score_asks_for_what_is_asked():
    sr, hr = pair()
    got = score(sr, hr, 2, ["yiq", "rgb"], ["zncc"])
    assert got == {
        "yiq": {"zncc": zncc(sr, hr, "yiq")},
        "rgb": {"zncc": zncc(sr, hr, "rgb")},
    }
    assert list(got) == ["yiq", "rgb"]
    assert list(score(sr, hr, 2)) == list(PROTOCOLS)


@pytest.mark.parametrize(
    "change, error, message",
    [
        (lambda x: x[:-1], ValueError, "sr is 30x39 and hr is 30x40"),
        (lambda x: x[None], ValueError, r"not \(1, 40, 30, 3\)"),
        (lambda x: x[..., :2], ValueError, r"not \(40, 30, 2\): drop its"),
        (lambda x: x.astype(int), TypeError, "not int64"),
        (lambda x: x.astype(float), ValueError, "divide by 255"),
        (lambda x: x * np.nan, ValueError, "sr has 3600 values"),
    ],
)
def test_refuses_images(change, error, message):
    sr, hr = pair()
    with pytest.raises(error, match=message):
        psnr(change(sr), hr)


def test_refuses_names_scales_and_small_images():
    sr, hr = pair()
    with pytest.raises(ValueError, match="no protocol 'u'.*y, y8, rgb"):
        psnr(sr, hr, "u")
    with pytest.raises(ValueError, match="no metric 'mse'.*psnr, ssim"):
        score(sr, hr, 2, metrics=["mse"])
    with pytest.raises(ValueError, match="from 1 to 16.*got 0"):
        psnr(sr, hr, scale=0)
    with pytest.raises(ValueError, match="15 columns.*30x40"):
        psnr(sr, hr, scale=15)
    with pytest.raises(ValueError, match="11x11 pixels.*10x20"):
        ssim(sr, hr, scale=10)
    with pytest.raises(ValueError, match="MS-SSIM needs 176x176.*26x36"):
        ms_ssim(sr, hr)


# The Keras metrics


def batches(count=24, size=(36, 30)):
    """Float32 images of very different quality, in batches of 8."""
    noises = np.geomspace(0.3, 80, count)
    pairs = [pair(*size, noise=n, seed=i) for i, n in enumerate(noises)]
    rng = np.random.default_rng(2)
    sr, hr = (np.stack(x) / 255 for x in zip(*pairs, strict=True))
    sr = (sr + rng.uniform(-0.01, 0.01, sr.shape)).astype(np.float32)
    hr = hr.astype(np.float32)
    return [(sr[i : i + 8], hr[i : i + 8]) for i in range(0, count, 8)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("graph", [False, True])
def test_keras_metrics_agree_with_the_reference(protocol, graph):
    import tensorflow as tf

    from sr_keras.evaluation.metrics import PSNR, SSIM

    for metric, function in ((PSNR, psnr), (SSIM, ssim)):
        keras_metric = metric(protocol=protocol, scale=3)
        update = keras_metric.update_state
        if graph:
            update = tf.function(update, reduce_retracing=True)
        expected = []
        for sr, hr in batches():
            update(tf.constant(hr), tf.constant(sr))
            values = [
                function(a, b, protocol, 3) for a, b in zip(sr, hr, strict=True)
            ]
            expected += values
        assert np.ptp(expected) > 0.3  # a mean of one batch would not do
        got = float(keras_metric.result())
        assert got == pytest.approx(np.mean(expected), abs=1e-6)
        keras_metric.reset_state()
        assert float(keras_metric.result()) == 0


def test_keras_metrics_weigh_images():
    from sr_keras.evaluation.metrics import PSNR

    (sr, hr), *_ = batches()
    metric = PSNR(scale=2)
    metric.update_state(hr, sr, sample_weight=[0, 0, 3, 0, 0, 1, 0, 0])
    expected = (3 * psnr(sr[2], hr[2]) + psnr(sr[5], hr[5])) / 4
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


def test_keras_metrics_follow_a_training():
    import keras

    from sr_keras.evaluation.metrics import PSNR, SSIM

    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.Conv2D(3, 1, activation="sigmoid")(inputs)
    model = keras.Model(inputs, outputs)
    model.compile(loss="mae", metrics=[PSNR(scale=2), SSIM(scale=2)])
    (sr, hr), *_ = batches()
    log = model.evaluate(sr, hr, batch_size=3, verbose=0, return_dict=True)
    expected = np.mean(
        [psnr(a, b) for a, b in zip(model(sr).numpy(), hr, strict=True)]
    )
    assert log["psnr"] == pytest.approx(expected, abs=1e-4)
    assert -1 <= log["ssim"] <= 1


def test_keras_metrics_survive_serialisation():
    import keras

    from sr_keras.evaluation.metrics import PSNR, SSIM

    for metric in (PSNR("yiq", 3, "p"), SSIM("rgb", (2, 1.5))):
        stored = json.dumps(keras.saving.serialize_keras_object(metric))
        again = keras.saving.deserialize_keras_object(json.loads(stored))
        assert type(again) is type(metric)
        assert (again.name, again.protocol) == (metric.name, metric.protocol)
        assert np.array_equal(again.scale, metric.scale)


def test_keras_metrics_refuse_at_once():
    from sr_keras.evaluation.metrics import PSNR, SSIM

    with pytest.raises(ValueError, match="no protocol 'u'"):
        PSNR("u")
    with pytest.raises(ValueError, match="from 1 to 16"):
        SSIM(scale="big")
    with pytest.raises(TypeError, match="int32"):
        images = np.zeros((1, 20, 20, 3), np.int32)
        PSNR().update_state(images, images)
    with pytest.raises(ValueError, match="11x11"):
        small = np.zeros((1, 12, 12, 3), np.float32)
        SSIM().update_state(small, small)


def test_the_reference_loads_no_keras():
    code = (
        "import sys, sr_keras.evaluation.metrics; print('keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr


def test_stored_scores():
    stored = json.loads(STORED.read_text("utf-8"))
    hr = np.array(stored["hr"], np.uint8)
    lr = imresize(hr, 1 / stored["scale"])
    np.testing.assert_array_equal(lr, stored["lr"])
    sr = imresize(lr, stored["scale"])
    for protocol, values in stored["scores"].items():
        for metric, expected in values.items():
            got = score(sr, hr, stored["scale"], [protocol], [metric])
            assert got[protocol][metric] == pytest.approx(expected, abs=1e-6)

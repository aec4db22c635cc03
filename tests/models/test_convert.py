import json
import pickle
import sys

import keras
import numpy as np
import pytest
from checks import data_folder, picture
from cli_runs import command
from scipy import io

import sr_keras
from sr_keras import models
from sr_keras.evaluation.metrics import psnr
from sr_keras.imaging.color import luma
from sr_keras.imaging.resize import imresize
from sr_keras.models import convert, weight_maps

# What a small file of each network's tensors has: enough to tell its shapes.
SIZES = {
    "a2n": {"AAB_trunk.1.conv_first.weight": (40, 40, 1, 1)},
    "a2n-m": {"AAB_trunk.0.conv_first.weight": (40, 40, 1, 1)},
    "srcnn": {
        "conv1.weight": (6, 1, 5, 5),
        "conv2.weight": (4, 6, 3, 3),
        "conv3.weight": (1, 4, 3, 3),
    },
    "edsr": {"head.0.bias": (4,), "body.1.body.0.weight": (4, 4, 3, 3)},
    "srresnet": {"batchnorm4_gamma": (64,)},
    "drn-s": {"up_blocks.0.0.body.0.weight": (64, 64, 3, 3)},
}


def specification(name, scale, shapes):
    module = sys.modules[models.network_class(name)[0].__module__]
    return module.published(shapes, scale)


def tensors(name, scale, seed=0):
    """A file's tensors, of random values, and the network they are for."""
    known = specification(name, scale, SIZES[name])
    network = models.build_bare(name, scale, **known.arguments)
    rng = np.random.default_rng(seed)
    shapes = {v.path: tuple(v.shape) for v in network.variables}
    made = {
        theirs: rng.normal(size=layout.shape(shapes[ours])).astype("float32")
        for ours, (theirs, layout) in known.variables.items()
    }
    # A variance is positive.
    return {
        k: abs(v) + 0.1 if k.endswith("var") else v for k, v in made.items()
    }


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Runs `sr-keras convert` in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def convert_with(*arguments):
        return command(capfd, "convert", *arguments)

    return convert_with


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        ("a2n", 2),
        ("a2n-m", 4),
        ("drn-s", 8),
        ("edsr", 4),
        ("srcnn", 3),
        ("srresnet", 4),
    ],
)
def test_every_tensor_finds_its_place(tmp_path, name, scale):
    values = tensors(name, scale)
    np.savez(tmp_path / "x.npz", **values)
    network = convert.convert(name, scale, tmp_path / "x.npz")
    bare = getattr(network, "network", network)
    assert network.scale == scale
    assert network.name == name
    assert sum(v.size for v in values.values()) == bare.count_params()
    ours = {v.path: keras.ops.convert_to_numpy(v) for v in bare.variables}
    known = specification(name, scale, SIZES[name])
    for path, (theirs, _) in known.variables.items():
        # Nothing is lost or repeated, whatever the order.
        np.testing.assert_array_equal(
            np.sort(ours[path], axis=None), np.sort(values[theirs], axis=None)
        )
    image = picture(5, 4, network.input_shape[-1])[None]
    assert np.isfinite(network(image)).all()


def test_convolutions_and_dense_layers():
    kernel = np.arange(2 * 3 * 5 * 7.0).reshape(2, 3, 5, 7)  # OIHW
    ours = weight_maps.CONV.read(kernel, (5, 7, 3, 2))
    assert ours[4, 1, 2, 1] == kernel[1, 2, 4, 1]
    assert weight_maps.CONV.shape((5, 7, 3, 2)) == (2, 3, 5, 7)
    assert (
        weight_maps.DENSE.read(kernel[0, 0], (7, 5))[6, 2] == kernel[0, 0, 2, 6]
    )


@pytest.mark.parametrize("factor", [2, 3])
def test_pixel_shuffle(factor):
    channels, inputs = 3, 2
    weight = picture(channels * factor**2, inputs, 1)[..., None]  # OIHW, 1x1
    layout = weight_maps.before_shuffle(factor, weight_maps.CONV)
    ours = layout.read(weight, (1, 1, inputs, channels * factor**2))
    image = picture(4, 5, inputs, seed=3)
    features = image @ weight[..., 0, 0].T
    # PyTorch's definition: channel c r^2 + dy r + dx is pixel (dy, dx) of c.
    expected = np.empty((4 * factor, 5 * factor, channels), "float32")
    for c in range(channels):
        for dy in range(factor):
            for dx in range(factor):
                number = c * factor**2 + dy * factor + dx
                plane = features[..., number]
                expected[dy::factor, dx::factor, c] = plane
    got = keras.ops.depth_to_space((image @ ours[0, 0])[None], factor)[0]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6)
    bias = np.arange(channels * factor**2)
    vector = weight_maps.before_shuffle(factor, weight_maps.VECTOR)
    expected = bias.reshape(channels, -1).T.ravel()
    np.testing.assert_array_equal(vector.read(bias, bias.shape), expected)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_edsr_is_what_pytorch_computes(tmp_path, scale):
    torch = pytest.importorskip("torch")
    values = tensors("edsr", scale)
    values = {k: v * 0.1 for k, v in values.items()}
    state = {k: torch.from_numpy(v) for k, v in values.items()}
    state["sub_mean.weight"] = torch.eye(3).reshape(3, 3, 1, 1)
    state["add_mean.bias"] = torch.zeros(3)
    torch.save(state, tmp_path / "x.pt")
    network = convert.convert("edsr", scale, tmp_path / "x.pt")

    def conv(x, name):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return torch.nn.functional.conv2d(x, weight, bias, padding="same")

    image = picture(6, 7)
    mean = 255 * torch.tensor([0.4488, 0.4371, 0.4040])[:, None, None]
    x = first = conv(
        torch.from_numpy(image).movedim(-1, 0) * 255 - mean, "head.0"
    )
    for i in (0, 1):
        y = conv(torch.relu(conv(x, f"body.{i}.body.0")), f"body.{i}.body.2")
        x = x + y
    x = conv(x, "body.2") + first
    for i, factor in enumerate((2, 2) if scale == 4 else (scale,)):
        x = torch.pixel_shuffle(conv(x, f"tail.0.{2 * i}"), factor)
    expected = ((conv(x, "tail.1") + mean) / 255).movedim(0, -1)
    np.testing.assert_allclose(
        network(image[None])[0], expected, rtol=0, atol=1e-5
    )


def test_srcnn_of_matlab(run, tmp_path):
    rng = np.random.default_rng(1)
    kernels = [
        rng.random(s) for s in ((9, 9, 1, 64), (1, 1, 64, 32), (5, 5, 32, 1))
    ]
    # MATLAB's reshape(w, 9, 9) takes the columns first: w(9 c + r).
    flat = [k.transpose(1, 0, 2, 3).reshape(-1, *k.shape[2:]) for k in kernels]
    content = {
        "weights_conv1": flat[0][:, 0],
        "weights_conv2": flat[1].transpose(1, 0, 2),
        "weights_conv3": flat[2].transpose(1, 0, 2)[..., 0],
        "biases_conv1": rng.random((64, 1)),
        "biases_conv2": rng.random((32, 1)),
        "biases_conv3": rng.random((1, 1)),
    }
    assert content["weights_conv1"].shape == (81, 64)
    assert content["weights_conv3"].shape == (32, 25)
    io.savemat("x3.mat", content)
    done = run("--model", "srcnn", "--scale", 3, "x3.mat", "out.keras")
    assert done.code == 0, done.err
    assert done.out == "srcnn x3, 8,129 parameters: out.keras\n"
    network = sr_keras.load("out.keras")
    for i, kernel in enumerate(kernels, start=1):
        weights, bias = network.network.get_layer(f"conv{i}").get_weights()
        np.testing.assert_allclose(weights, kernel, rtol=1e-6)
        expected = content[f"biases_conv{i}"].ravel()
        np.testing.assert_allclose(bias, expected, rtol=1e-6)


def test_it_says_where_it_is_from(run, tmp_path):
    np.savez("a.npz", **tensors("srcnn", 2))
    done = run("--model", "srcnn", "--sr-factor", 2, "a.npz", "out.keras")
    assert done.code == 0, done.err
    about = sr_keras.load("out.keras").about
    assert about["converted_from"] == "a.npz"
    assert about["sha256"] == convert.sha256("a.npz")
    assert len(about["sha256"]) == 64
    assert "versions" in about
    again = run("--model", "srcnn", "--scale", 2, "a.npz", "out.keras")
    assert again.code == 2
    assert "out.keras is there already: add --overwrite" in again.err
    again = run(
        *("--model", "srcnn", "--scale", 2, "a.npz", "out.keras"),
        "--overwrite",
    )
    assert again.code == 0


@pytest.mark.parametrize("nest", ["state_dict", "params", None])
def test_what_pytorch_wraps_weights_in(tmp_path, nest):
    torch = pytest.importorskip("torch")
    state = {
        f"module.{k}": torch.nn.Parameter(torch.from_numpy(v))
        for k, v in tensors("srcnn", 2).items()
    }
    content = {nest: state, "epoch": 3} if nest else state
    torch.save(content, tmp_path / "x.pth")
    found = convert.read_tensors(tmp_path / "x.pth")
    assert set(found) == set(tensors("srcnn", 2))
    assert found["conv1.weight"].dtype == np.float32


class Trap:
    """What a file may have in it that is no tensor."""

    def __reduce__(self):
        return (sys.exit, (3,))


def test_nothing_in_a_file_is_run(run, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "a.pt").write_bytes(pickle.dumps({"conv1.weight": Trap()}))
    np.savez("b.npz", a=np.array([Trap()], dtype=object))
    for file in ("a.pt", "b.npz"):
        done = run("--model", "srcnn", "--scale", 2, file, "out.keras")
        assert done.code == 2
        assert len(done.lines) == 1
        assert file in done.err


def changed(change):
    values = tensors("srcnn", 2)
    change(values)
    return values


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("conv2.bias"), "lacks conv2.bias"),
        (lambda t: t.pop("conv1.weight"), "lacks conv1.weight"),
        (lambda t: t.clear(), "lacks conv1.bias, conv1.weight, .* and 2 more"),
        (lambda t: t.update(conv4=np.ones(1)), "has conv4, which srcnn x2"),
        (
            lambda t: t.update({"conv2.bias": np.ones((5,))}),
            "conv2.bias is 5, and srcnn has 4",
        ),
        (
            lambda t: t.update({"conv2.weight": np.ones((4, 7, 3, 3))}),
            "conv2.weight is 4x7x3x3, and srcnn has 4x6x3x3",
        ),
        (
            lambda t: t.update({"conv3.bias": np.array([np.nan])}),
            "conv3.bias has values not finite",
        ),
    ],
)
def test_is_strict(tmp_path, change, message):
    np.savez(tmp_path / "x.npz", **changed(change))
    with pytest.raises(ValueError, match=message):
        convert.convert("srcnn", 2, tmp_path / "x.npz")


def test_a2n_m_is_not_a2n(tmp_path):
    np.savez(tmp_path / "x.npz", **tensors("a2n-m", 2))
    with pytest.raises(ValueError, match="non_attention.weight is 40x40x1x1"):
        convert.convert("a2n", 2, tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", **tensors("a2n", 4))
    with pytest.raises(ValueError, match="HRconv2.*, which a2n x2 has not"):
        convert.convert("a2n", 2, tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--model srcnn --scale 2 no.npz o.keras", "there is no file no.npz"),
        ("--model srcnn --scale 2 a.txt o.keras", "a.txt is none of .pt, .pth"),
        ("--model srcnn --scale 2 a.npz o.h5", "o.h5 must end in .keras"),
        ("--model srcnn --scale 2 a.npz no/o.keras", "there is no folder no"),
        ("--model srcnn --scale 5 a.npz o.keras", "no scale 5: use one of 2"),
        ("--model zssr --scale 2 a.npz o.keras", "of zssr are known, only of"),
        ("--model srccn --scale 2 a.npz o.keras", "is called 'srccn'"),
        ("--model srcnn a.npz o.keras", "required: --scale"),
        ("--model srcnn --scale 2 a.npz o.keras", "a.npz cannot be read"),
        ("--model srcnn --scale 2 a.mat o.keras", "a.mat cannot be read"),
        ("--model srcnn --scale 2 a.pt o.keras", "a.pt cannot be read"),
    ],
)
def test_bad_usage_is_one_line(run, tmp_path, arguments, message):
    if ".pt " in arguments:
        pytest.importorskip("torch")
    for name in ("a.txt", "a.npz", "a.mat", "a.pt"):
        (tmp_path / name).write_bytes(b"no weights")
    done = run(*arguments.split())
    assert done.code == 2
    assert message in done.err
    assert len(done.lines) == 1
    assert not (tmp_path / "o.keras").exists()


def test_without_torch(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "a.pt").write_bytes(b"")
    done = run("--model", "a2n", "--scale", 2, "a.pt", "out.keras")
    assert done.code == 2
    assert done.lines == [
        "sr-keras convert: error: a.pt is PyTorch's, and torch is missing: "
        "pip install 'sr_keras[convert]'"
    ]


# The authors' own weights


def reference(name):
    return data_folder("reference") / name


@pytest.mark.parametrize(
    ("name", "scale", "file", "expected"),
    [
        pytest.param(
            *("a2n", 2, "a2n_x2.npz", {"psnr": 38.06, "ssim": 0.9607}),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *("srresnet", 4, "srresnet8_x4.npz", {"psnr": 31.88}),
            marks=pytest.mark.slow,
        ),
        ("srcnn", 3, "srcnn_915_x3.npz", {"psnr": 32.44}),
    ],
)
def test_the_authors_numbers(run, capfd, name, scale, file, expected):
    done = run("--model", name, "--scale", scale, reference(file), "out.keras")
    assert done.code == 0, done.err
    done = command(
        *(capfd, "evaluate", "--model", "out.keras"),
        *("--data", data_folder("benchmark", "Set5")),
        *("--protocol", "y", "--json", "t.json"),
    )
    assert done.code == 0, done.err
    with open("t.json") as table:
        mean = json.load(table)["data"]["Set5"]["mean"]["y"]
    assert mean["psnr"] == pytest.approx(expected["psnr"], abs=0.01)
    if "ssim" in expected:
        assert mean["ssim"] == pytest.approx(expected["ssim"], abs=1e-4)


def test_srcnn_on_luma_made_straight_from_hr():
    network = convert.convert("srcnn", 3, reference("srcnn_915_x3.npz"))
    scores = []
    for path in data_folder("benchmark", "Set5", "HR").iterdir():
        hr = luma(sr_keras.images.read(path).pixels)
        hr = hr[: hr.shape[0] // 3 * 3, : hr.shape[1] // 3 * 3]
        lr = imresize(hr, 1 / 3).astype("float32")
        sr = np.asarray(network(lr[None]))[0]
        # Y as it is: "rgb" of one channel, without the border.
        inner = np.s_[3:-3, 3:-3]
        scores.append(psnr(sr[inner], hr[inner], "rgb", 3))
    assert np.mean(scores) == pytest.approx(32.42, abs=0.01)

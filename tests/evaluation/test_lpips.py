"""LPIPS against a definition of its own, in torch."""

import numpy as np
import pytest
from checks import blocks, picture

from sr_keras.evaluation import lpips

# torchvision's `features`: number -> (out, in, kernel), stride, border, and
# the numbers that a max pooling (kernel, stride 2) follows.
SHAPES = {
    "alex": {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3),
             8: (256, 384, 3), 10: (256, 256, 3)},
    "vgg": {0: (64, 3, 3), 2: (64, 64, 3), 5: (128, 64, 3), 7: (128, 128, 3),
            10: (256, 128, 3), 12: (256, 256, 3), 14: (256, 256, 3),
            17: (512, 256, 3), 19: (512, 512, 3), 21: (512, 512, 3),
            24: (512, 512, 3), 26: (512, 512, 3), 28: (512, 512, 3)},
}  # fmt: skip
TAPS = {"alex": (0, 3, 6, 8, 10), "vgg": (2, 7, 14, 21, 28)}
POOLED = {"alex": (0, 3), "vgg": (2, 7, 14, 21)}


def tensors(kind, seed=0):
    """Random numbers in files' order: (backbone, heads)."""
    rng = np.random.default_rng(seed)
    backbone, heads = {}, {}
    for number, (out, inputs, kernel) in SHAPES[kind].items():
        size = (out, inputs, kernel, kernel)
        spread = (2 / (inputs * kernel**2)) ** 0.5
        weight = rng.normal(size=size).astype("float32") * spread
        backbone[f"features.{number}.weight"] = weight
        bias = rng.normal(size=out).astype("float32") * 0.1
        backbone[f"features.{number}.bias"] = bias
    for i, number in enumerate(TAPS[kind]):
        out = SHAPES[kind][number][0]
        size = (1, out, 1, 1)
        heads[f"lin{i}.model.1.weight"] = rng.random(size, dtype="float32")
    return backbone, heads


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The two files of AlexNet's LPIPS."""
    folder = tmp_path_factory.mktemp("lpips")
    backbone, heads = tensors("alex")
    # torchvision's has a classifier too.
    np.savez(folder / "alex.npz", **backbone, **{"classifier.1.bias": [1.0]})
    np.savez(folder / "heads.npz", **heads)
    return folder / "alex.npz", folder / "heads.npz"


def defined(kind, image, other, backbone, heads):
    """Equation 1 of Zhang et al., with the authors' constants, in torch."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    stride, border = ({0: 4}, {0: 2, 3: 2}) if kind == "alex" else ({}, {})
    features = []
    for x in (image, other):
        x = torch.from_numpy(x.transpose(2, 0, 1)[None].astype("float32"))
        shift = torch.tensor([-0.030, -0.088, -0.188])[:, None, None]
        scale = torch.tensor([0.458, 0.448, 0.450])[:, None, None]
        x = (2 * x - 1 - shift) / scale
        taps = []
        for number in SHAPES[kind]:
            x = functional.conv2d(
                x,
                torch.from_numpy(backbone[f"features.{number}.weight"]),
                torch.from_numpy(backbone[f"features.{number}.bias"]),
                stride=stride.get(number, 1),
                padding=border.get(number, 1),
            ).relu()
            if number in TAPS[kind]:
                taps.append(x)
            if number in POOLED[kind]:
                x = functional.max_pool2d(x, 3 if kind == "alex" else 2, 2)
        features.append(taps)
    total = 0.0
    for i, pair in enumerate(zip(*features, strict=True)):
        a, b = (
            x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in pair
        )
        head = torch.from_numpy(heads[f"lin{i}.model.1.weight"])
        total += float(functional.conv2d((a - b) ** 2, head).mean())
    return total


@pytest.mark.slow
def test_is_what_torch_computes(files):
    model = lpips.load(*files)
    assert model.kind == "alex"
    image, other = blocks(40, 53, 1), blocks(40, 53, 2)
    expected = defined("alex", image, other, *tensors("alex"))
    found = np.asarray(model([image[None], other[None]]))
    assert found.shape == (1,)
    assert found[0] == pytest.approx(expected, rel=1e-4)
    assert float(model([image[None], image[None]])[0]) == 0
    assert model.trainable_weights == []


@pytest.mark.slow
def test_vgg_is_what_torch_computes(tmp_path):
    backbone, heads = tensors("vgg")
    np.savez(tmp_path / "all.npz", **backbone, **heads)
    model = lpips.load(tmp_path / "all.npz")
    assert model.kind == "vgg"
    image, other = blocks(40, 53, 1), blocks(40, 53, 2)
    expected = defined("vgg", image, other, backbone, heads)
    found = float(model([image[None], other[None]])[0])
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
def test_the_whole_of_lpips_in_one_file(files, tmp_path):
    """The names of its own state_dict, with all that is twice in it."""
    torch = pytest.importorskip("torch")
    backbone, heads = tensors("alex")
    slices = {0: 1, 3: 2, 6: 3, 8: 4, 10: 5}
    state = {
        f"net.slice{slices[int(k.split('.')[1])]}.{k.split('.', 1)[1]}": v
        for k, v in backbone.items()
    }
    state |= heads | {f"lins.{k[3:]}": v for k, v in heads.items()}
    state |= {"scaling_layer.shift": np.zeros((1, 3, 1, 1), "float32")}
    path = tmp_path / "lpips.pth"
    torch.save({k: torch.from_numpy(v) for k, v in state.items()}, path)
    pair = [picture(33, 32, seed=i)[None] for i in (1, 2)]
    one, other = lpips.load(path), lpips.load(*files)
    np.testing.assert_array_equal(one(pair), other(pair))


def test_the_least_image_has_a_feature_everywhere():
    for kind, least in lpips.LEAST.items():
        model = lpips.build(kind)
        taps = model.get_layer(kind)
        shapes = taps.compute_output_shape((1, least, least, 3))
        assert all(min(shape[1:3]) > 0 for shape in shapes)
        with pytest.raises(ValueError):
            taps.compute_output_shape((1, least - 1, least - 1, 3))


def test_wrong_files(files, tmp_path):
    backbone, heads = files
    with pytest.raises(ValueError, match="heads.npz has no features.0.weight"):
        lpips.load(heads)
    with pytest.raises(ValueError, match="lacks lin0.model.1.weight"):
        lpips.load(backbone)
    with pytest.raises(FileNotFoundError, match="nowhere.npz"):
        lpips.load("nowhere.npz")
    other = dict(tensors("alex")[0], extra=np.zeros(3))
    np.savez(tmp_path / "other.npz", **other)
    with pytest.raises(ValueError, match="extra, which lpips-alex has not"):
        lpips.load(tmp_path / "other.npz", heads)
    vgg_heads = tensors("vgg")[1]
    np.savez(tmp_path / "vgg.npz", **vgg_heads)
    with pytest.raises(ValueError, match="lin1.model.1.weight is 1x128x1x1"):
        lpips.load(backbone, tmp_path / "vgg.npz")

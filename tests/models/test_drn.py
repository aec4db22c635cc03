import keras
import numpy as np
import pytest
from checks import NetworkContract, picture, randomized, smooth

from sr_keras import models
from sr_keras.models.drn import down_block
from sr_keras.models.layers import FixedUpsample

SMALL = {
    "num_blocks": 1,
    "num_filters": 8,
    "reduction": 4,
    "value_range": 1,
}


class TestDRN(NetworkContract):
    name = "drn-s"
    parameters = 4_804_041
    scale = 4
    small = SMALL


class TestDRNx8(NetworkContract):
    name = "drn-s"
    parameters = 5_402_976
    scale = 8
    small = {**SMALL, "num_filters": 4, "channels": 1}
    channels = 1


@pytest.mark.slow
@pytest.mark.parametrize(("scale", "count"), [(4, 9_825_869), (8, 10_003_994)])
def test_parameters(scale, count):
    assert models.build("drn-l", scale).count_params() == count


@pytest.mark.parametrize("scale", [4, 8])
def test_it_learns_an_image_of_every_size(scale):
    network = models.build("drn-s", scale, num_blocks=1, num_filters=2)
    images = network.learner(smooth(5, 6)[None])
    sizes = [tuple(image.shape[1:3]) for image in images]
    assert sizes == [(5 * s, 6 * s) for s in (1, 2, 4, 8) if s <= scale]


@pytest.mark.parametrize(
    ("filters", "count"), [(16, 864), (8, 432), (20, 1080), (10, 540)]
)
def test_a_dual_head(filters, count):
    image = keras.Input((None, None, 3))
    head = keras.Model(image, down_block(image, filters, 3, "dual"))
    assert head(picture(9, 8)[None]).shape == (1, 5, 4, 3)
    assert head.count_params() == count


def test_silent_tails_leave_the_mean_colour():
    network = randomized(models.build("drn-s", 4, **SMALL))
    for i in range(3):
        tail = network.get_layer(f"tail{i}")
        tail.set_weights([np.zeros_like(w) for w in tail.get_weights()])
    for image in network.learner(smooth(3, 4)[None]):
        expected = np.broadcast_to([0.4488, 0.4371, 0.4040], image.shape)
        np.testing.assert_allclose(image, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_the_bicubic_of_pytorch(scale):
    torch = pytest.importorskip("torch")
    image = picture(7, 5)
    tensor = torch.from_numpy(image).movedim(-1, 0)[None]
    expected = torch.nn.functional.interpolate(
        tensor, scale_factor=scale, mode="bicubic", align_corners=False
    )
    got = FixedUpsample(scale, "pytorch")(image[None])
    expected = expected.movedim(1, -1)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_it_is_what_pytorch_computes(tmp_path):
    torch = pytest.importorskip("torch")
    from test_convert import tensors

    from sr_keras.models import convert

    values = tensors("drn-s", 4)
    values = {k: v * 0.05 for k, v in values.items()}
    np.savez(tmp_path / "x.npz", **values)
    network = convert.convert("drn-s", 4, tmp_path / "x.npz")
    state = {k: torch.from_numpy(v) for k, v in values.items()}
    functional = torch.nn.functional

    def conv(x, name, **options):
        weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
        border = weight.shape[-1] // 2
        return functional.conv2d(x, weight, bias, padding=border, **options)

    def block(x, name):
        y = conv(torch.relu(conv(x, f"{name}.body.0")), f"{name}.body.2")
        mean = y.mean((2, 3), keepdim=True)
        mean = torch.relu(conv(mean, f"{name}.body.3.conv_du.0"))
        return x + y * torch.sigmoid(conv(mean, f"{name}.body.3.conv_du.2"))

    image = picture(5, 6)
    mean = torch.tensor([0.4488, 0.4371, 0.4040])[:, None, None]
    x = torch.from_numpy(image).movedim(-1, 0)[None]
    x = functional.interpolate(x, scale_factor=4, mode="bicubic")
    x = conv((x - mean) * 255, "head")
    copies = []
    for i in (0, 1):
        copies.append(x)
        x = conv(x, f"down.{i}.dual_module.0.0", stride=2)
        x = conv(functional.leaky_relu(x, 0.2), f"down.{i}.dual_module.1")
    images = [conv(x, "tail.0")]
    for i in (0, 1):
        x = conv(block(x, f"up_blocks.{i}.0"), f"up_blocks.{i}.1.0")
        x = conv(torch.pixel_shuffle(x, 2), f"up_blocks.{i}.2")
        x = torch.cat([x, copies.pop()], 1)
        images.append(conv(x, f"tail.{i + 1}"))
    for got, expected in zip(network.learner(image[None]), images, strict=True):
        expected = (expected / 255 + mean).movedim(1, -1)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "m"}, "no variant 'm' at x4: use s or l"),
        ({"num_blocks": 0}, "of 1 or more, not 0, 16 and 16"),
        ({"num_filters": 0}, "not 30, 0 and 16"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        models.build("drn-s", 4, **arguments)


def test_it_keeps_its_config():
    network = models.build("drn-l", 8, num_blocks=1, num_filters=4)
    config = network.get_config()
    assert (config["variant"], config["num_filters"]) == ("l", 4)
    assert keras.saving.get_registered_object("sr_keras>DRN")

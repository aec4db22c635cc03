"""Input that cannot be used: one line, exit code 2, nothing written."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from cli_runs import read_json, save, scene
from image_files import chunk, png_file
from PIL import Image as Pillow

from sr_keras.imaging import images

pytestmark = [
    pytest.mark.usefixtures("quick_plots"),
    pytest.mark.filterwarnings("error::UserWarning", "error::RuntimeWarning"),
]


def encoded(kind):
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    Pillow.fromarray(pixels).save(file, kind)
    return file.getvalue()


PNG, JPEG = encoded("png"), encoded("jpeg")


@pytest.mark.parametrize(
    "name, content, says",
    [
        ("text.png", b"this is no picture\n", "not an image"),
        ("empty.png", b"", "empty"),
        ("empty.jpg", b"", "empty"),
        ("cut.png", PNG[: len(PNG) // 2], ""),
        ("cut.jpg", JPEG[: len(JPEG) // 2], ""),
        ("head.png", PNG[:20], ""),
        ("crc.png", PNG[:200] + bytes([PNG[200] ^ 9]) + PNG[201:], ""),
        ("scrambled.jpg", JPEG[:30] + bytes(500) + JPEG[530:], ""),
    ],
)
def test_files_that_are_no_images(put, refused, name, content, says):
    path = put(content, name)
    line = refused("--image", path, "--scale", 2)
    assert str(path) in line
    assert says in line


def bomb():
    return png_file(
        (30000, 30000, 8, 2), chunk(b"tEXt", b"a\0b"), rows=bytes(100)
    )


def test_bomb_is_refused_by_its_header(put, refused):
    path = put(bomb(), "bomb.png")
    line = refused("--image", path, "--scale", 2)
    assert "30000x30000" in line
    assert "--max-pixels" in line


def test_limit_is_raised_and_lowered_by_its_flag(put, photo, refused):
    path = put(bomb(), "bomb.png")
    line = refused("--image", path, "--scale", 2, "--max-pixels", 10**9)
    assert "--max-pixels" not in line  # it is broken as well
    line = refused("--image", photo, "--scale", 2, "--max-pixels", 575)
    assert "24x24" in line


def test_limit_is_the_one_of_reading():
    from sr_keras.training.flags import TOP

    assert TOP["max_pixels"] == images.MAX_PIXELS


@pytest.mark.parametrize(
    "image, says",
    [
        ("none.png", "none.png does not exist"),
        ("none/*.png", "none/*.png does not exist"),
        ("empty", "empty has no images"),
        ("empty/*.txt", "no images"),
        ("", "no photo"),
    ],
)
def test_missing_photos(refused, place, image, says):
    (place / "empty").mkdir()
    (place / "empty" / "notes.txt").write_text("none here")
    assert says in refused("--image", image, "--scale", 2)


def test_no_photo_at_all(refused):
    assert "--image" in refused("--scale", 2)


@pytest.mark.parametrize(
    "arguments, says",
    [
        *(
            (["--scale", scale], repr(scale))
            for scale in ("0", "-2", "nan", "inf", "100", "garbage", "2x2x2")
        ),
        (["--scale=-2"], "'-2'"),
        (["--sr-factor", "0.5"], "'0.5'"),
        (["--scale", "1"], "leaves nothing to do"),
        (["--scale", "1x1"], "leaves nothing to do"),
        (["--scale", "-1.5x2"], "--scale"),
        ([], "--scale, --width and --height, not none"),
        (["--scale", "2", "--width", "48"], "not --scale 2, --width 48"),
        (["--width", "48", "--height", "48"], "not --width 48, --height 48"),
        (["--width", "24"], "--width 24 leaves nothing to do"),
        (["--height", "7"], "less than the photo's 24"),
        (["--width", "100000"], "at most 16 times"),
        (["--width", "0"], "from 1 up"),
        (["--height", "tall"], "a whole number from 1 up, not tall"),
    ],
)
def test_sizes(photo, refused, arguments, says):
    assert says in refused("--image", photo, *arguments)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--model", "edsr"], "does not fit --model edsr: it is for zssr"),
        (["--model", "bicubic"], "bicubic has nothing to learn"),
        (["--recipe", "foo"], "default, warm, fast, many, paper, article"),
        (["--recipe", "seed"], "now called article: give --recipe article"),
        (["--activation", "rellu"], "no activation 'rellu'"),
        (["--activation", "serialize"], "relu, relu6"),
        (["--schedule", "foo"], "official, cyclic"),
        (["--schedule", "constant"], "official, step, cosine, cyclic"),
        (["--loss", "l3"], "charbonnier"),
        (["--optimizer", "sgd"], "muon"),
        (["--fusion", "max"], "median"),
        (["--scale-order", "sideways"], "random"),
        (["--format", "gif"], "keep"),
        (["--model-arg", "foo=1"], "zssr takes no argument foo: use one of"),
        (["--model-arg", "channels=1"], "no argument channels"),
        (["--model-arg", "scale=3"], "no argument scale"),
        (["--model-arg", "name=x"], "no argument name"),
        (["--model-arg", "foo"], "KEY=VALUE, not 'foo'"),
        (["--model-arg", "first_filters=few"], "first_filters of zssr"),
        (["--model-arg", "first_filters=-1"], "filters=-1"),
        (["--model-arg", "num_layers=2.5"], "num_layers of zssr"),
        (["--model-arg", "kernel_size=2"], "must be odd, not 2"),
        (["--layers", "1"], "2 layers or more, not 1"),
        (["--layers", "-3"], "2 layers or more, not -3"),
        (["--filters", "0"], "1 filter or more, not 0"),
        (["--filters", "many"], "a whole number, not many"),
        (["--father-scale", "0.9", "0.4"], "not (0.9, 0.4)"),
        (["--father-scale", "0", "1"], "father scales"),
        (["--father-scale", "0.5", "1.5"], "father scales"),
        (["--father-scale", "0.5", "nan"], "a number, not nan"),
        (["--father-scale", "0.5"], "expected 2 arguments"),
        (["--noise-std", "-3"], "from 0 up, not -3"),
        (["--noise-std", "inf"], "from 0 up, not inf"),
        (["--shear", "-1"], "from 0 up"),
        (["--scale-difference", "nan"], "from 0 up"),
        (["--as-is", "2"], "at most 1"),
        (["--no-interpolation", "-0.5"], "at least 0"),
        (["--no-crop", "--batch-size", "4"], "needs --batch-size 1, not 4"),
        (["--crop-size", "7"], "from 8 up, not (7,)"),
        (["--crop-size", "0"], "from 1 up"),
        (["--crop-size", "16", "x"], "not x"),
        (["--candidates", "0"], "candidates"),
        (["--batch-size", "0"], "a whole number from 1 up, not 0"),
        (["--max-steps", "0"], "max_steps must be 1 or more, not 0"),
        (["--max-steps", "1.5"], "a whole number, not 1.5"),
        (["--scaling-steps", "0"], "scaling_steps"),
        (["--scaling-steps", "9"], "9 scaling steps"),
        (["--learning-rate", "0"], "learning rate"),
        (["--learning-rate=-1e-3"], "learning rate"),
        (["--learning-rate", "nan"], "a number, not nan"),
        (["--beta1", "1"], "beta1"),
        (["--result-at", "0.5", "0.2"], "rising shares"),
        (["--result-at", "1"], "rising shares"),
        (["--result-share", "2"], "result_share must be from 0 to 1"),
        (["--seed", "-1"], "seed"),
        (["--seed", str(2**32)], "seed"),
        (["--tile", "3"], "tile"),
        (["--back-projection", "-1"], "back-projection"),
        (["--time-budget", "0"], "above 0, not 0"),
        (["--time-budget", "-5"], "above 0, not -5"),
        (["--time-budget", "nan"], "above 0, not nan"),
        (["--time-budget", "inf"], "above 0, not inf"),
        (["--save-augmentations", "-1"], "from 0 up, not -1"),
        (["--max-pixels", "0"], "from 1 up, not 0"),
        (["--crop", "0,0,25,24"], "within the photo's 24x24"),
        (["--crop", "20,0,5,5"], "within the photo's 24x24"),
        (["--crop=-1,0,5,5"], "within the photo's 24x24"),
        (["--crop", "0,0,0,5"], "within the photo's 24x24"),
        (["--crop", "0,0,5"], "X,Y,W,H"),
        (["--crop", "a,b,c,d"], "X,Y,W,H"),
    ],
)
def test_settings(photo, refused, arguments, says):
    line = refused("--image", photo, "--scale", 2, *arguments)
    assert says in line, line


@pytest.mark.parametrize("flag", ["--ground-truth", "--baseline"])
def test_comparisons_of_another_size_say_both(photo, refused, tmp_path, flag):
    right = save(tmp_path / "right.png", scene(48, 48))
    wrong = save(tmp_path / "wrong.png", scene(40, 46))
    files = {"--ground-truth": right, flag: wrong}
    arguments = [a for pair in files.items() for a in pair]
    line = refused("--image", photo, "--scale", 2, *arguments)
    assert f"{flag} {wrong} is 46x40" in line
    assert "48x48" in line


def test_other_comparisons(photo, refused, tmp_path):
    job = ["--image", photo, "--scale", 2]
    assert "none.png" in refused(*job, "--ground-truth", "none.png")
    assert "directory" in refused(*job, "--ground-truth", tmp_path)
    truth = save(tmp_path / "truth.png", scene(48, 48))
    assert "--ground-truth" in refused(*job, "--baseline", truth)


def test_comparisons_that_cannot_be_scored(refused, tmp_path):
    small = save(tmp_path / "small.png", scene(6, 6))
    truth = save(tmp_path / "truth.png", scene(12, 12))
    line = refused("--image", small, "--scale", 2, "--ground-truth", truth)
    assert "too small to be scored" in line
    five = save(tmp_path / "five.npy", scene(24, 24, 5))
    truth = save(tmp_path / "truth5.npy", scene(48, 48, 5))
    line = refused("--image", five, "--scale", 2, "--ground-truth", truth)
    assert "5 channels" in line


@pytest.mark.parametrize(
    "config, says",
    [
        ("{", "not a config.json"),
        ("[]", "not a config.json"),
        ("\xff", "not a config.json"),
        ({"leanring": {}}, "unknown setting leanring: use model, image"),
        ({"learning": {"lr": 1e-3}}, "unknown setting learning.lr: use loss"),
        ({"network": 3}, "network must be an object, not 3"),
        ({"network": {"depth": 3}}, "no argument depth"),
        ({"network": {"num_layers": "3"}}, "num_layers must be a whole number"),
        ({"learning": {"max_steps": "10"}}, "max_steps must be a whole number"),
        ({"learning": {"max_steps": 10.5}}, "max_steps must be a whole number"),
        ({"learning": {"max_steps": True}}, "max_steps must be a whole number"),
        ({"learning": {"max_steps": None}}, "max_steps must be a whole number"),
        ({"learning": {"beta1": "x"}}, "beta1 must be a number, not 'x'"),
        ({"learning": {"loss": "l3"}}, "loss must be one of l1, l2"),
        ({"learning": {"learning_rate": float("nan")}}, "must be a number"),
        ({"augmentation": {"father_scale": 0.5}}, "must be a list"),
        ({"augmentation": {"father_scale": [0.5]}}, "must be a list"),
        ({"augmentation": {"father_scale": ["a", 1]}}, "must be a list"),
        ({"augmentation": {"flip": "no"}}, "flip must be true or false"),
        ({"augmentation": {"crop_sizes": 64}}, "must be a list"),
        ({"learning": {"result_at": ["x"]}}, "must be a list"),
        ({"finish": {"tile": "x"}}, "tile must be a whole number"),
        ({"image": 3}, "image must be text, not 3"),
        ({"time_budget": "60"}, "time_budget must be a number above 0"),
        ({"save_views": 1}, "save_views must be true or false"),
        ({"scale": [2]}, "scale must be a factor"),
        ({"format": "gif"}, "format must be one of keep"),
    ],
)
def test_configs(photo, refused, tmp_path, config, says):
    path = tmp_path / "own.json"
    text = config if isinstance(config, str) else json.dumps(config)
    path.write_text(text, "latin-1")
    size = [] if "scale" in config else ["--scale", 2]
    line = refused("--config", path, "--image", photo, *size)
    assert says in line
    assert str(path) in line or "depth" in line


def test_configs_that_are_not_there(refused, tmp_path):
    assert "none.json" in refused("--config", "none.json")
    assert "directory" in refused("--config", tmp_path).lower()


def test_config_of_a_photo_that_has_gone(photo, train, refused):
    assert train("--image", photo, "--scale", 2).code == 0
    photo.unlink()
    line = refused("--config", "runs/a_zssr_x2/config.json")
    assert "a.png does not exist" in line


@pytest.mark.parametrize("height, width", [(1, 1), (3, 7), (1, 40)])
def test_tiny_photos_work(train, tmp_path, height, width):
    path = save(tmp_path / "tiny.png", scene(height, width))
    ended = train("--image", path, "--scale", 2, "--output", "out")
    assert (ended.code, ended.err) == (0, "")
    result = images.read("out/tiny_zssr_x2.png")
    assert result.pixels.shape == (2 * height, 2 * width, 3)


def test_a_photo_of_one_colour_works(train, tmp_path, monkeypatch):
    monkeypatch.undo()  # the real plots
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path / "flat.png", np.zeros((24, 24, 3), "float32"))
    ended = train("--image", path, "--scale", 2, "--output", "out")
    assert (ended.code, ended.err) == (0, "")
    assert not images.read("out/flat_zssr_x2.png").pixels.any()


@pytest.mark.parametrize("kernel", [1, 41])
def test_kernels_larger_than_the_photo_work(train, tmp_path, kernel):
    path = save(tmp_path / "tiny.png", scene(3, 7))
    np.save(tmp_path / "k.npy", np.ones((kernel, kernel)) / kernel**2)
    ended = train("--image", path, "--scale", 2, "--kernel", tmp_path / "k.npy")
    assert (ended.code, ended.err) == (0, "")


def test_first_frame_of_an_animation(train, tmp_path, place):
    frames = [Pillow.new("RGB", (24, 24), (40 * i, 0, 0)) for i in range(3)]
    path = tmp_path / "moving.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:])
    ended = train("--image", path, "--scale", 2, "--format", "keep")
    assert ended.code == 0
    (line,) = ended.lines
    assert line.startswith(f"{path}: ")
    assert "3" in line
    assert "first" in line
    assert (place / "runs/moving_zssr_x2/moving_zssr_x2.png").is_file()


def test_text_named_png_but_an_image(train, tmp_path):
    path = tmp_path / "really_a_jpeg.png"
    path.write_bytes(JPEG)
    ended = train("--image", path, "--scale", 2, "--format", "keep")
    assert ended.code == 0
    assert ended.out.endswith("really_a_jpeg_zssr_x2.jpg\n")


def test_training_without_bounds(photo, refused, monkeypatch):
    from sr_keras.training.zero_shot.trainer import ZeroShot

    train = ZeroShot.train

    def diverge(self):
        train(self)
        for weights in self.network.trainable_variables:
            weights.assign(weights * np.nan)

    monkeypatch.setattr(ZeroShot, "train", diverge)
    line = refused("--image", photo, "--scale", 2)
    assert "--learning-rate" in line


def test_names_of_all_kinds(train, tmp_path, place):
    """Blanks, letters of other scripts, what looks like a pattern."""
    for name in ("img[1].png", "blank zażółć 図 *?.png"):
        path = save(tmp_path / "odd" / name, scene())
        ended = train("--image", path, "--scale", 2, "--output", path.stem)
        assert (ended.code, ended.err) == (0, "")
        assert (place / path.stem / f"{path.stem}_zssr_x2.png").is_file()
        assert (
            Path(read_json(place / path.stem / "config.json")["image"]) == path
        )


def test_name_that_cannot_be_printed(train, tmp_path, place):
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    try:
        save(path, scene())
    except OSError:
        pytest.skip("this disk takes no such names")
    assert train("--image", path, "--scale", 2, "--output", "out").code == 0
    again = train("--config", "out/config.json", "--output", "again")
    assert again.code == 0

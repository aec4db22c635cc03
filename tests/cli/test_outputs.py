"""What a run leaves behind: names, formats, repeated runs."""

import re
from pathlib import Path

import numpy as np
import pytest
from cli_runs import command, read_json, save, scene, tree
from PIL import Image as Pillow
from PIL import ImageCms

from sr_keras.evaluation import metrics
from sr_keras.imaging import images, resize

pytestmark = pytest.mark.filterwarnings(
    "error::UserWarning", "error::RuntimeWarning"
)
quick = pytest.mark.usefixtures("quick_plots")

FILES = {
    "a_zssr_x2.png",
    "a_bicubic_x2.png",
    "metrics.json",
    "config.json",
    "training.png",
    "comparison.png",
    "best.keras",
    "history.csv",
    "tensorboard",
}


def pixels(path):
    return images.read(path).pixels


def test_everything(photo, train, place, tmp_path):
    truth = save(tmp_path / "truth.png", scene(48, 48))
    other = save(tmp_path / "other.png", scene(48, 48) * 0.9)
    ended = train(
        "--image", photo, "--scale", 2, "--ground-truth", truth,
        "--baseline", other, "--save-views", "--save-augmentations", 3,
        "--max-steps", 3, "--output", "out",
    )  # fmt: skip
    assert (ended.code, ended.err) == (0, "")
    views = {f"a_zssr_x2_{v}.png" for v in ("single", "mean", "median")}
    pairs = {f"augmentation_00{i}.png" for i in range(3)}
    assert {p.name for p in Path("out").iterdir()} == FILES | views | pairs

    for name in (*views, "a_zssr_x2.png", "a_bicubic_x2.png"):
        assert pixels(f"out/{name}").shape == (48, 48, 3)
    for name in pairs:
        assert pixels(f"out/{name}").shape == (16, 32, 3)
    assert pixels("out/training.png").shape[0] > 300
    height, width, _ = pixels("out/comparison.png").shape
    assert width > 3 * height  # LR, bicubic, SR and HR

    bicubic = resize.imresize(pixels(photo), 2).clip(0, 1)
    assert np.abs(pixels("out/a_bicubic_x2.png") - bicubic).max() < 0.501 / 255
    assert (
        pixels("out/a_zssr_x2.png") == pixels("out/a_zssr_x2_mean.png")
    ).all()

    summary = read_json("out/metrics.json")
    assert summary["result"] == "a_zssr_x2.png"
    assert summary["steps"] == 3
    assert summary["scale"] == [2, 2]
    assert summary["size"] == [48, 48]
    assert not summary["interrupted"]
    assert 0 < summary["seconds"] < 600
    rows = ("interpolated", "single", "mean", "median", "baseline")
    assert tuple(summary["scores"]) == rows
    stored = {v: f"out/a_zssr_x2_{v}.png" for v in rows[1:4]}
    stored |= {"interpolated": "out/a_bicubic_x2.png", "baseline": other}
    best = summary["scores"]["baseline"]["psnr"]
    for name, score in summary["scores"].items():
        own = metrics.score(pixels(stored[name]), pixels(truth), 2, ["y"])
        assert score["psnr"] == pytest.approx(own["y"]["psnr"], abs=1e-6)
        assert score["ssim"] == pytest.approx(own["y"]["ssim"], abs=1e-6)
        line = rf"^{name} +{score['psnr']:.3f} +{score['ssim']:.4f}"
        if name != "baseline":
            assert score["psnr_ratio"] == pytest.approx(score["psnr"] / best)
            line += rf" +x{score['psnr_ratio']:.4f} of the baseline"
        assert re.search(line + "$", ended.out, re.MULTILINE)


def test_perfect_baseline_is_valid_json(photo, train, tmp_path):
    truth = save(tmp_path / "truth.png", scene(48, 48))
    ended = train(
        "--image", photo, "--scale", 2, "--output", "out",
        "--ground-truth", truth, "--baseline", truth,
    )  # fmt: skip
    assert ended.code == 0
    assert re.search(r"^baseline +inf +1.0000$", ended.out, re.MULTILINE)
    text = Path("out/metrics.json").read_text()
    assert "Infinity" not in text
    assert read_json("out/metrics.json")["scores"]["baseline"]["psnr"] is None


@quick
def test_no_more_files_than_asked_for(photo, train):
    assert train("--image", photo, "--scale", 2, "--output", "out").code == 0
    assert {p.name for p in Path("out").iterdir()} == FILES
    assert "scores" not in read_json("out/metrics.json")


@quick
@pytest.mark.parametrize(
    "arguments, label, size",
    [
        (["--scale", "2.37"], "x2.37", (57, 48)),
        (["--sr-factor", "1.5x2"], "x1.5x2", (48, 30)),
        (["--width", "50"], "x2.5", (60, 50)),
        (["--height", "31"], "x1.292", (31, 26)),
        (["--scale", "3.0"], "x3", (72, 60)),
    ],
)
def test_names_say_the_factor(train, tmp_path, arguments, label, size):
    path = save(tmp_path / "pic.ture.png", scene(24, 20))
    ended = train("--image", path, *arguments)
    result = f"runs/pic.ture_zssr_{label}/pic.ture_zssr_{label}.png"
    assert ended.out.endswith(f"wrote {result}\n")
    assert pixels(result).shape[:2] == size
    assert (Path(result).parent / f"pic.ture_bicubic_{label}.png").is_file()


@quick
@pytest.mark.parametrize(
    "name, asked, suffix",
    [
        ("a.jpg", "keep", "jpg"),
        ("a.tif", "keep", "tiff"),
        ("a.webp", "keep", "webp"),
        ("a.bmp", None, "png"),
        ("a.png", "jpg", "jpg"),
        ("a.png", "tiff", "tiff"),
    ],
)
def test_formats(train, tmp_path, name, asked, suffix):
    path = save(tmp_path / name, scene())
    options = ["--format", asked] if asked else []
    assert train("--image", path, "--scale", 2, *options).code == 0
    folder = Path("runs/a_zssr_x2")
    for picture in ("zssr", "bicubic"):
        found = images.read(folder / f"a_{picture}_x2.{suffix}")
        assert found.format == suffix
        assert found.pixels.shape == (48, 48, 3)


@quick
def test_what_the_file_was_it_stays(train, tmp_path):
    """16 bits, grey and alpha, colour profile, EXIF, resolution."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    icc = profile.tobytes()
    exif = Pillow.Exif()
    exif[0x010F] = "a maker"
    alpha = np.ones((24, 20, 1), "float32")
    alpha[:12] = 0
    kinds = {"icc": icc, "exif": b"Exif\0\0" + exif.tobytes()[6:]}
    path = save(
        tmp_path / "rgba.png", scene(24, 20), alpha=alpha, bits=16,
        dpi=(300.0, 150.0), **kinds,
    )  # fmt: skip
    assert train("--image", path, "--scale", 2, "--format", "keep").code == 0
    before, after = (
        images.read(p) for p in (path, "runs/rgba_zssr_x2/rgba_zssr_x2.png")
    )
    assert after.bits == 16
    assert after.alpha.shape == (48, 40, 1)
    assert after.alpha[:16].max() < 0.05
    assert after.alpha[-16:].min() > 0.95
    assert len(np.unique(after.pixels)) > 300
    assert after.icc == before.icc == icc
    assert after.exif == before.exif
    with Pillow.open("runs/rgba_zssr_x2/rgba_zssr_x2.png") as written:
        assert written.getexif()[0x010F] == "a maker"
    assert after.dpi == pytest.approx((300, 150), abs=0.1)


@quick
@pytest.mark.parametrize("bits", [8, 16])
def test_grey_stays_grey(train, tmp_path, bits):
    path = save(tmp_path / "grey.tif", scene(24, 20, 1), bits=bits)
    assert train("--image", path, "--scale", 2, "--format", "keep").code == 0
    after = images.read("runs/grey_zssr_x2/grey_zssr_x2.tiff")
    assert after.pixels.shape == (48, 40, 1)
    assert after.bits == bits


@quick
def test_many_channels(train, tmp_path):
    path = save(tmp_path / "bands.npy", scene(24, 20, 5))
    ended = train("--image", path, "--scale", 2, "--save-augmentations", 1)
    assert ended.code == 0
    after = images.read("runs/bands_zssr_x2/bands_zssr_x2.tiff")
    assert after.pixels.shape == (48, 40, 5)


@quick
def test_config_repeats_the_run(
    train, photo, place, tmp_path, capfd, monkeypatch
):
    """From another folder, with relative paths given at first."""
    np.save("kernel.npy", np.ones((3, 3)) / 9)
    save("truth.png", scene(40, 40))
    save("a.png", pixels(photo))
    first = train(
        "--image", "a.png", "--scale", 2, "--kernel", "kernel.npy",
        "--ground-truth", "truth.png", "--crop", "2,2,20,20", "--seed", 7,
        "--model-arg", "first_filters=3", "--noise-std", 5,
        "--father-scale", 0.5, 0.9, "--format", "tiff", "--fusion", "mean",
    )  # fmt: skip
    assert first.code == 0
    config = place / "runs/a_zssr_x2/config.json"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    again = command(capfd, "train", "--config", config)
    assert again.code == 0
    old, new = (tree(p / "runs/a_zssr_x2") for p in (place, elsewhere))
    assert old.keys() == new.keys()
    for name in ("a_zssr_x2.tiff", "a_bicubic_x2.tiff", "config.json"):
        assert old[name] == new[name]
    scores = [
        read_json(p / "runs/a_zssr_x2/metrics.json")["scores"]
        for p in (place, elsewhere)
    ]
    assert scores[0] == scores[1]


@quick
def test_config_has_all_of_the_networks_arguments(train, photo):
    train("--image", photo, "--scale", 2)
    assert read_json("runs/a_zssr_x2/config.json")["network"] == {
        "num_layers": 3, "num_filters": 8, "first_filters": None,
        "kernel_size": 3, "activation": "relu", "use_bias": True,
        "initializer": "he", "value_range": 1.0, "interpolation": "bicubic",
    }  # fmt: skip


@quick
def test_flags_override_the_config(train, photo, tmp_path, capfd):
    train("--image", photo, "--scale", 2, "--save-views", "--crop", "0,0,20,20")
    other = save(tmp_path / "b.png", scene(26, 26, 1))
    ended = command(
        capfd, "train", "--config", "runs/a_zssr_x2/config.json",
        "--image", other, "--width", 39, "--max-steps", 3, "--no-save-views",
        "--activation", "gelu", "--no-flip", "--crop", "", "--seed", 9,
    )  # fmt: skip
    assert ended.code == 0
    new = read_json("runs/b_zssr_x1.5/config.json")
    old = read_json("runs/a_zssr_x2/config.json")
    assert new["network"] == {**old["network"], "activation": "gelu"}
    assert new["learning"] == {**old["learning"], "max_steps": 3, "seed": 9}
    assert new["augmentation"] == {**old["augmentation"], "flip": False}
    assert (new["scale"], new["width"], new["crop"]) == (None, 39, None)
    assert not list(Path("runs/b_zssr_x1.5").glob("*_mean*"))
    assert pixels("runs/b_zssr_x1.5/b_zssr_x1.5.png").shape == (39, 39, 1)


@quick
def test_recipe_replaces_the_settings_of_the_config(train, photo, capfd):
    from sr_keras import models
    from sr_keras.training.settings import settings

    train("--image", photo, "--scale", 2, "--loss", "l2", "--beta1", 0.5)
    ended = command(
        capfd, "train", "--config", "runs/a_zssr_x2/config.json",
        "--recipe", "article", "--max-steps", 1, "--filters", 8,
    )  # fmt: skip
    assert ended.code == 0
    new = read_json("runs/a_zssr_x2-2/config.json")
    wanted = settings(models.recipe("zssr", "article")).to_dict()["learning"]
    wanted["result_at"] = list(wanted["result_at"])
    assert new["recipe"] == "article"
    assert new["learning"] == {**wanted, "max_steps": 1}


@quick
def test_same_seed_same_bytes(photo, train):
    job = ["--image", photo, "--scale", 2, "--fusion", "none", "--seed"]
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        assert train(*job, seed, "--output", name).code == 0
    one, two, three = (
        Path(name, "a_zssr_x2.png").read_bytes()
        for name in ("one", "two", "three")
    )
    assert one == two
    assert one != three


@pytest.mark.slow
@quick
def test_next_free_folder(photo, train):
    job = ["--image", photo, "--scale", 2, "--max-steps", 1]
    wrote = [train(*job).out.split()[-1] for _ in range(3)]
    assert wrote == [
        f"runs/a_zssr_x2{n}/a_zssr_x2.png" for n in ("", "-2", "-3")
    ]
    stored = tree("runs")
    ended = train(*job, "--overwrite", "--seed", 8)
    assert ended.out.endswith("wrote runs/a_zssr_x2/a_zssr_x2.png\n")
    assert tree("runs").keys() == stored.keys()
    assert read_json("runs/a_zssr_x2/config.json")["learning"]["seed"] == 8


@pytest.mark.slow
@quick
def test_explicit_folder_is_replaced_when_told(photo, train, place):
    job = ["--image", photo, "--scale", 2, "--output", "some/where"]
    Path("some/where").mkdir(parents=True)
    Path("some/where/notes.txt").write_text("mine")
    assert train(*job).code == 0
    before = tree(place)
    ended = train(*job, "--seed", 5)
    assert ended.code == 2
    assert "--overwrite" in ended.err
    assert tree(place) == before
    assert train(*job, "--seed", 5, "--overwrite").code == 0
    after = tree(place)
    assert after.keys() == before.keys()
    assert after["some/where/notes.txt"] == b"mine"
    assert read_json("some/where/config.json")["learning"]["seed"] == 5


@quick
def test_artifact_is_the_network(photo, train):
    import sr_keras

    train("--image", photo, "--scale", 2, "--fusion", "none",
          "--back-projection", 0, "--output", "out")  # fmt: skip
    network = sr_keras.load("out")
    assert network.about["name"] == "zssr"
    assert network.about["steps"] == 2
    again = sr_keras.upscale(pixels(photo), network, self_ensemble=False)
    assert np.abs(again - pixels("out/a_zssr_x2.png")).max() < 0.51 / 255


def test_plan_says_what_how_long_and_how_much(photo, train):
    ended = train("--image", photo, "--scale", 2, "--crop-size", 16, 8,
                  "--max-steps", 1, "--batch-size", 3)  # fmt: skip
    plan = ended.out.splitlines()[0]
    assert re.fullmatch(
        r"a\.png: 24x24 -> 48x48 \(x2\), 1,027 parameters, up to 1 step on "
        r"3 x 16x16 or 8x8, 8 views; about \d+ (s|min) and \d+\.\d GB",
        plan,
    )


def test_plan_counts_what_the_settings_cost(photo, train, monkeypatch):
    """More pixels a step and more filters: more memory; a budget: less time."""
    from sr_keras.training.zero_shot import run

    def enough(self):
        raise ValueError("enough")

    monkeypatch.setattr(run.Work, "learn", enough)
    large = ["--filters", 64, "--layers", 8, "--crop-size", 96]
    large += ["--batch-size", 32, "--max-steps", 9999]
    numbers = []
    for arguments in ((), large, (*large, "--time-budget", 30)):
        ended = train("--image", photo, "--scale", 2, *arguments)
        found = re.search(r"about (\d+ \w+) and (\S+) GB", ended.out)
        numbers.append((found[1], float(found[2])))
    assert numbers[1][1] > numbers[0][1] + 0.3
    assert numbers[1][0].endswith("min")
    assert numbers[2][0] == "30 s"


def events_of(folder):
    """Scalars of TensorBoard's only file there: {tag: [(step, value)]}."""
    import tensorflow as tf

    (file,) = (Path(folder) / "tensorboard").iterdir()
    found = {}
    for event in tf.compat.v1.train.summary_iterator(str(file)):
        for value in event.summary.value:
            kind = value.metadata.plugin_data.plugin_name
            array = tf.make_ndarray(value.tensor)
            array = float(array) if kind == "scalars" else array
            found.setdefault(value.tag, []).append((event.step, array))
    return found


@quick
def test_curves(photo, train):
    """Every so many steps, in the table and for TensorBoard alike."""
    job = ["--image", photo, "--scale", 2, "--output", "out"]
    train(*job, "--max-steps", 104, "--log-every", 25)
    lines = Path("out/history.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    assert rows[0] == ["step", "loss", "rate", "reconstruction_psnr"]
    assert [int(row[0]) for row in rows[1:]] == [25, 50, 75, 100, 104]
    found = events_of("out")
    for column, name in ((1, "loss"), (2, "rate")):
        curve = [(int(row[0]), float(row[column])) for row in rows[1:]]
        assert dict(found[name]) == pytest.approx(dict(curve), rel=1e-6)
    psnr = read_json("out/metrics.json")["reconstruction_psnr"]
    measured = [(int(r[0]), float(r[3])) for r in rows[1:] if r[3]]
    assert measured == [tuple(pair) for pair in psnr]
    logged = dict(found["reconstruction_psnr"])
    assert logged == pytest.approx(dict(measured), rel=1e-6)
    ((step, (width, height, png)),) = found["lr_bicubic_sr"]
    assert (step, width, height) == (104, b"144", b"48")
    assert png.startswith(b"\x89PNG")
    # An earlier run's curves are not mixed with those of the next.
    train(*job, "--max-steps", 3, "--overwrite")
    assert events_of("out")["loss"][0][0] == 3
    assert len(Path("out/history.csv").read_text().splitlines()) == 2


@quick
def test_no_curves(photo, train):
    job = ["--image", photo, "--scale", 2, "--output", "out"]
    assert train(*job, "--log-every", 0).code == 0
    names = {p.name for p in Path("out").iterdir()}
    assert FILES - names == {"history.csv", "tensorboard"}


@quick
def test_curves_of_a_run_without_steps(photo, train, interrupt):
    from sr_keras.training.zero_shot import trainer

    interrupt(trainer.ZeroShot, "train")
    train("--image", photo, "--scale", 2, "--output", "out")
    assert "loss" not in events_of("out")

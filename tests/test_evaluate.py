import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_keras import cli
from sr_keras.cli import evaluate, pairs, selfcheck
from sr_keras.metrics import METRICS, PROTOCOLS, score
from sr_keras.resize import imresize


@pytest.fixture(autouse=True)
def only_this_command(monkeypatch):
    monkeypatch.setattr(cli, "COMMANDS", ("evaluate",))


def picture(height=36, width=48, seed=0):
    coarse = np.random.default_rng(seed).random((height // 6, width // 6, 3))
    smooth = imresize(coarse, size=(height, width))
    return np.clip(smooth * 255, 0, 255).astype(np.uint8)


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def hr_folder(root, count=3, **size):
    for i in range(count):
        save(root / f"im{i}.png", picture(seed=i, **size))
    return root


def run(*arguments):
    return cli.main(["evaluate", *map(str, arguments)])


def bicubic(hr, factor=2):
    return imresize(imresize(hr, 1 / factor), factor)


def test_the_choices_are_those_of_the_metrics():
    assert tuple(PROTOCOLS) == evaluate.PROTOCOLS
    assert tuple(METRICS) == evaluate.METRICS


def test_scores_two_files(tmp_path, capsys):
    hr = picture()
    save(tmp_path / "Set1" / "HR" / "hr.png", hr)
    save(tmp_path / "out.png", bicubic(hr))
    hr_path = tmp_path / "Set1" / "HR" / "hr.png"
    table = tmp_path / "t.json"
    code = run(
        *("--sr", tmp_path / "out.png", "--hr", hr_path),
        *("--scale", 2, "--json", table),
    )
    assert code == 0
    expected = score(bicubic(hr), hr, 2)
    out = capsys.readouterr().out
    for values in expected.values():
        assert f"{values['psnr']:.2f}" in out
        assert f"{values['ssim']:.4f}" in out
    content = json.loads(table.read_text())
    assert list(content) == ["model", "scale", "data"]
    assert (content["model"], content["scale"]) == (None, 2)
    assert list(content["data"]) == ["Set1"]  # the parent of HR
    (image,) = content["data"]["Set1"]["images"]
    assert image.pop("file") == "hr.png"
    for protocol, values in expected.items():
        assert image[protocol] == pytest.approx(values, abs=1e-6)
    assert content["data"]["Set1"]["mean"] == image


def test_scores_a_model_on_folders(tmp_path, capsys):
    first = hr_folder(tmp_path / "one")
    hr_folder(tmp_path / "two" / "HR", 2)
    save(tmp_path / "two" / "LR" / "im0.png", picture(12, 12))  # not HR
    table = tmp_path / "t.csv"
    code = run(
        *("--model", "bicubic", "--data", first, tmp_path / "two"),
        *("--sr-factor", 3, "--protocol", "yiq", "rgb", "--metric", "zncc"),
        *("--csv", table, "--json", tmp_path / "t.json"),
    )
    assert code == 0
    with open(table, newline="") as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == ["data", "file", "yiq zncc", "rgb zncc"]
    names = [(line["data"], line["file"]) for line in lines]
    one = [("one", f"im{i}.png") for i in range(3)]
    two = [("two", f"im{i}.png") for i in range(2)]
    assert names == [*one, ("one", "mean"), *two, ("two", "mean")]
    values = []
    for i in range(3):
        hr = picture(seed=i)
        value = score(bicubic(hr, 3), hr, 3, ["yiq"], ["zncc"])["yiq"]["zncc"]
        assert float(lines[i]["yiq zncc"]) == pytest.approx(value, abs=1e-6)
        values.append(value)
    mean = float(lines[3]["yiq zncc"])
    assert mean == pytest.approx(np.mean(values), abs=1e-6)
    content = json.loads((tmp_path / "t.json").read_text())
    assert content["model"] == "bicubic"
    assert content["data"]["one"]["mean"]["yiq"]["zncc"] == mean
    assert "one, x3, bicubic" in capsys.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "one", "t.csv", "t.json", "two",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "method", ["nearest", "bilinear", "bicubic", "lanczos", "fourier"]
)
def test_knows_the_interpolations(tmp_path, method):
    data = hr_folder(tmp_path / "data", 1)
    table = tmp_path / "t.json"
    run("--model", method, "--data", data, "--scale", 2, "--json", table)
    hr = picture()
    sr = imresize(imresize(hr, 0.5), 2, kernel=method)
    mean = json.loads(table.read_text())["data"]["data"]["mean"]
    for protocol, values in score(sr, hr, 2).items():
        assert mean[protocol] == pytest.approx(values, abs=1e-6)


@pytest.mark.parametrize(
    "factor, decibels", [(2, 33.67), (3, 30.40), (4, 28.43), (8, 24.40)]
)
@pytest.mark.parametrize("stored", [False, True])
def test_bicubic_on_set5(tmp_path, capsys, factor, decibels, stored):
    root = os.environ.get("SR_KERAS_DATA")
    if not root:
        pytest.skip("SR_KERAS_DATA does not say where Set5 is")
    folder = Path(root) / "benchmark" / "Set5"
    lr = folder / "LR_bicubic" / f"X{factor}"
    code = run(
        *("--model", "bicubic", "--data", folder, "--scale", factor),
        *("--json", tmp_path / "t.json"),
        *(("--lr", lr) if stored else ()),
    )
    assert code == 0
    content = json.loads((tmp_path / "t.json").read_text())
    mean = content["data"]["Set5"]["mean"]["matlab-y"]["psnr"]
    assert round(mean, 2) == decibels
    assert len(content["data"]["Set5"]["images"]) == 5
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.split()[:2] == ["mean", f"{decibels:.2f}"]


@pytest.mark.parametrize("scale", ["2.37", "1.5x2", "3"])
def test_any_factor_and_any_size(tmp_path, scale):
    data = hr_folder(tmp_path / "data", 1, height=41, width=53)
    table = tmp_path / "t.json"
    arguments = ("--data", data, "--scale", scale, "--json", table)
    assert run("--model", "bicubic", *arguments) == 0
    content = json.loads(table.read_text())
    expected = {"2.37": 2.37, "1.5x2": "1.5x2", "3": 3}
    assert content["scale"] == expected[scale]
    # A smooth picture survives, where it is shrunk and enlarged in place.
    assert content["data"]["data"]["mean"]["rgb"]["psnr"] > 30


def test_hr_is_cut_to_what_sr_covers(tmp_path):
    hr = picture(41, 53)
    sr = bicubic(hr[:39, :51], 3)
    save(tmp_path / "a.png", sr)
    save(tmp_path / "b.png", hr)
    table = tmp_path / "t.json"
    pair = ("--sr", tmp_path / "a.png", "--hr", tmp_path / "b.png")
    assert run(*pair, "--scale", 3, "--json", table) == 0
    (data,) = json.loads(table.read_text())["data"].values()
    expected = score(sr, hr[:39, :51], 3)["rgb"]
    assert data["mean"]["rgb"] == pytest.approx(expected, abs=1e-6)
    assert run(*pair, "--scale", 2) == 2  # 51 of 53 columns is too few


def test_equal_images_are_infinite_and_valid_json(tmp_path, capsys):
    path = save(tmp_path / "data" / "a.png", picture())
    pair = ("--sr", path, "--hr", path, "--scale", 2)
    tables = ("--json", tmp_path / "t.json", "--csv", tmp_path / "t.csv")
    assert run(*pair, *tables) == 0
    assert " inf  1.0000" in capsys.readouterr().out

    def refuse(word):
        raise ValueError(word)

    text = (tmp_path / "t.json").read_text()
    content = json.loads(text, parse_constant=refuse)
    assert content["data"]["data"]["mean"]["rgb"]["psnr"] is None
    assert "inf" in (tmp_path / "t.csv").read_text()


def test_a_broken_image_does_not_stop_the_others(tmp_path, capsys):
    data = hr_folder(tmp_path / "data")
    (data / "im1.png").write_bytes(b"not a picture")
    save(data / "tiny.png", picture(12, 12))
    table = tmp_path / "t.json"
    tables = ("--json", table, "--csv", tmp_path / "t.csv")
    code = run("--model", "nearest", "--data", data, "--scale", 2, *tables)
    assert code == 1
    out, err = capsys.readouterr()
    assert len(err.splitlines()) == 2
    assert "im1.png" in err
    assert "11x11" in err
    content = json.loads(table.read_text())["data"]["data"]
    errors = ["error" in image for image in content["images"]]
    assert errors == [False, True, False, True]
    good = [i["rgb"]["psnr"] for i in content["images"] if "rgb" in i]
    assert content["mean"]["rgb"]["psnr"] == pytest.approx(np.mean(good))
    assert "data,im1.png,,,,,,\n" in (tmp_path / "t.csv").read_text()


def test_nothing_scored_is_bad_input(tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.png").write_bytes(b"")
    assert run("--model", "nearest", "--data", data, "--scale", 2) == 2
    assert "a.png" in capsys.readouterr().err


# Pairing


def names(*texts):
    return [(Path("/f") / text, Path(text)) for text in texts]


@pytest.mark.parametrize(
    "sr, hr",
    [
        ("a.png", "a.png"),
        ("sub/a.png", "sub/a.png"),
        ("a.png", "a.jpg"),
        ("ax2.png", "a.png"),
        ("a_x2.png", "a.png"),
        ("a-x2.png", "a.png"),
        ("a_x2.37.png", "a.png"),
        ("a_zssr_x1.5x2.png", "a.png"),
        ("a_zssr_x2.png", "a_zssr.png"),
        ("0001x4.png", "0001.png"),
        ("sub/a_zssr_x2.tif", "sub/a.png"),
        ("box2.png", "box2.jpg"),
    ],
)
def test_pairs_by_name(sr, hr):
    others, targets = names(sr, "other.png"), names(hr, "other.png")
    assert pairs.pair(others, targets, "SR") == [
        (others[0][0], targets[0][0], Path(hr)),
        (others[1][0], targets[1][0], Path("other.png")),
    ]


@pytest.mark.parametrize(
    "sr, hr, message",
    [
        (["a.png"], ["a.png", "b.png"], "^no SR image for b.png: rename"),
        (["a.png", "b.png"], ["a.png"], "^no HR image for b.png: rename"),
        (["a_zssr.png"], ["a.png"], "no SR image for a.png; no HR image for"),
        (["sub/a.png"], ["a.png"], "no HR image for sub/a.png"),
        (["a.png", "a_x2.png"], ["a.png"], "more than one SR image for a.png"),
        (["ax2.png", "ax4.png"], ["a.png"], "more than one SR image for a.png"),
        (["a.png"], ["a.bmp", "a.jpg"], "more than one HR image for a.png"),
        ([f"{i}.png" for i in range(10)], ["x.png"], "7.png and 2 more"),
    ],
)
def test_lists_what_cannot_be_paired(sr, hr, message):
    with pytest.raises(ValueError, match=message):
        pairs.pair(names(*sr), names(*hr), "SR")


def test_pairs_folders(tmp_path, capsys):
    hr = hr_folder(tmp_path / "HR")
    for i in range(3):
        sr = bicubic(picture(seed=i))
        save(tmp_path / "sr" / f"im{i}_zssr_x2.png", sr)
    both = ("--sr", tmp_path / "sr", "--hr", hr, "--scale", 2)
    table = tmp_path / "t.json"
    assert run(*both, "--json", table) == 0
    (data,) = json.loads(table.read_text())["data"].values()
    assert [i["file"] for i in data["images"]] == [
        "im0.png", "im1.png", "im2.png",
    ]  # fmt: skip
    expected = score(bicubic(picture(seed=2)), picture(seed=2), 2)["rgb"]
    assert data["images"][2]["rgb"] == pytest.approx(expected, abs=1e-6)
    (tmp_path / "sr" / "im1_zssr_x2.png").unlink()
    capsys.readouterr()
    assert run(*both) == 2
    out, err = capsys.readouterr()
    assert "no SR image for im1.png" in err
    assert not out


def test_lr_of_another_size_fails(tmp_path, capsys):
    data = hr_folder(tmp_path / "HR", 1)
    lr = save(tmp_path / "lr" / "im0x2.png", picture(18, 18)).parent
    arguments = ("--data", data, "--lr", lr, "--scale", 2)
    assert run("--model", "bicubic", *arguments) == 2
    assert "sr is 36x36 and hr is 48x36" in capsys.readouterr().err


# A network


def test_scores_a_loaded_network(tmp_path, monkeypatch):
    import sr_keras

    class Network:
        scale = 2

    seen = []

    def load(name):
        seen.append(name)
        return Network()

    def upscale(lr, network, scale, size):
        assert isinstance(network, Network)
        assert (scale, size) == ((2.0, 2.0), (36, 48))
        assert lr.dtype == np.float32
        assert 0.5 < lr.max() <= 1
        return imresize(lr, 2)

    monkeypatch.setitem(vars(sr_keras), "load", load)
    monkeypatch.setitem(vars(sr_keras), "upscale", upscale)
    data = hr_folder(tmp_path / "data", 1)
    table = tmp_path / "t.json"
    assert run("--model", "my.keras", "--data", data, "--json", table) == 0
    assert seen == ["my.keras"]
    content = json.loads(table.read_text())
    assert (content["model"], content["scale"]) == ("my.keras", 2)
    sr = imresize((imresize(picture(), 0.5) / 255).astype(np.float32), 2)
    expected = score(sr, picture(), 2)["matlab-y"]
    mean = content["data"]["data"]["mean"]["matlab-y"]
    assert mean == pytest.approx(expected, abs=1e-6)


def test_scores_a_network_in_a_file(tmp_path, capsys):
    from sr_keras import artifact, models

    path = tmp_path / "x.keras"
    artifact.save(models.build("bilinear", 3), path)
    data = hr_folder(tmp_path / "data", 1)
    table = tmp_path / "t.json"
    assert run("--model", path, "--data", data, "--json", table) == 0
    content = json.loads(table.read_text())
    lr = imresize(picture(), 1 / 3) / 255
    expected = score(imresize(lr, 3, kernel="bilinear"), picture(), 3)["rgb"]
    mean = content["data"]["data"]["mean"]["rgb"]
    assert mean == pytest.approx(expected, abs=1e-3)
    nowhere = ("--model", tmp_path / "no.keras", "--data", data)
    capsys.readouterr()
    assert run(*nowhere) == 2
    out, err = capsys.readouterr()
    assert "no.keras" in err
    assert not out


def saved(path, name="bilinear", scale=2):
    from sr_keras import artifact, models

    artifact.save(models.build(name, scale), path)
    return path


def test_bicubic_stands_beside_a_network(tmp_path, capsys):
    data = hr_folder(tmp_path / "data", 2)
    path = saved(tmp_path / "x.keras")
    files = {k: tmp_path / f"t.{k}" for k in ("csv", "json", "markdown")}
    tables = [a for k, f in files.items() for a in (f"--{k}", f)]
    assert run("--model", path, "--data", data, *tables) == 0
    scores = [
        score(bicubic(picture(seed=i)), picture(seed=i), 2) for i in (0, 1)
    ]
    psnr = np.mean([s["matlab-y"]["psnr"] for s in scores])
    *_, beside, mean = capsys.readouterr().out.splitlines()
    assert beside.split()[:2] == ["bicubic", f"{psnr:.2f}"]
    assert mean.split()[0] == "mean"
    assert mean.split()[1] != f"{psnr:.2f}"
    with open(files["csv"], newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["file"] for line in lines] == [
        "im0.png", "im1.png", "bicubic", "mean",
    ]  # fmt: skip
    value = float(lines[2]["matlab-y psnr"])
    assert value == pytest.approx(psnr, abs=1e-6)
    text = files["markdown"].read_text().splitlines()
    assert text[0] == f"### data, x2, {path}"
    assert text[2].startswith("| file | matlab-y psnr | matlab-y ssim | rgb")
    assert text[3] == "|---|---:|---:|---:|---:|---:|---:|"
    assert text[6].startswith(f"| bicubic | {psnr:.2f} | ")
    assert text[7].startswith("| mean | ")
    content = json.loads(files["json"].read_text())["data"]["data"]
    assert list(content) == ["mean", "images"]
    assert len(content["images"]) == 2


def test_bicubic_is_not_its_own_baseline(tmp_path, capsys):
    data = hr_folder(tmp_path / "data", 1)
    assert run("--model", "bicubic", "--data", data, "--scale", 2) == 0
    names = [line[:8].strip() for line in capsys.readouterr().out.splitlines()]
    assert names[-2:] == ["im0.png", "mean"]


@pytest.mark.parametrize("flag", [None, True, False])
def test_self_ensemble_is_passed_on(tmp_path, monkeypatch, flag):
    import sr_keras

    seen = []

    def upscale(lr, network, scale, size, **options):
        seen.append(options)
        return imresize(lr, scale, size)

    path = saved(tmp_path / "x.keras")
    monkeypatch.setitem(vars(sr_keras), "upscale", upscale)
    data = hr_folder(tmp_path / "data", 1)
    given = {None: (), True: ("--self-ensemble",)}
    arguments = given.get(flag, ("--no-self-ensemble",))
    assert run("--model", path, "--data", data, *arguments) == 0
    assert seen == [{} if flag is None else {"self_ensemble": flag}]


def test_precision(tmp_path):
    path = saved(tmp_path / "x.keras", "espcn")
    data = hr_folder(tmp_path / "data", 1)
    scores = []
    for flag in ((), ("--precision", "float32"), ("--precision", "bfloat16")):
        out = tmp_path / f"{len(scores)}.json"
        given = ("--metric", "zncc", *flag, "--json", out)
        assert run("--model", path, "--data", data, *given) == 0
        scores.append(out.read_text())
    assert scores[0] == scores[1] != scores[2]


def test_saves_the_images(tmp_path):
    data = hr_folder(tmp_path / "one" / "HR", 1)
    deep = picture(24, 24)
    save(data / "sub" / "b.png", deep)
    grey = picture(24, 24)[..., 0]
    save(data / "grey.png", grey)
    folder = tmp_path / "new" / "sr"
    arguments = ("--data", tmp_path / "one", "--scale", 3)
    assert run("--model", "lanczos", *arguments, "--save-images", folder) == 0
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*.png")}
    assert set(found) == {
        "one/im0_x3.png", "one/grey_x3.png", "one/sub/b_x3.png",
    }  # fmt: skip
    for name, hr in (("one/sub/b_x3.png", deep), ("one/grey_x3.png", grey)):
        sr = imresize(imresize(hr, 1 / 3), 3, kernel="lanczos")
        np.testing.assert_array_equal(np.asarray(Image.open(found[name])), sr)
    pairs = ("--sr", folder / "one", "--hr", data, "--scale", 3)
    assert run(*pairs) == 0


# Usage


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("", "either --sr and --hr"),
        ("--sr a --hr b --model bicubic --scale 2", "either --sr and --hr"),
        ("--sr a --scale 2", "--hr is missing"),
        ("--sr a --hr b", "--scale is missing"),
        ("--model bicubic --scale 2", "--data is missing"),
        ("--model bicubic --data {d}", "--scale is missing: bicubic"),
        ("--model bicubic --data {d} --scale 0", "got '0'"),
        ("--model bicubic --data {d} --scale two", "got 'two'"),
        ("--model bicubic --data nowhere --scale 2", "nowhere"),
        ("--model bicubic --data {d} --scale 2 --lr a b", "are 2 and 1"),
        ("--sr {d} --hr {d}/im0.png --scale 2", "two files or two folders"),
        ("--model bicubic --data {d} --scale 2 --csv {d}", "is a folder"),
        ("--model bicubic --data {d} --scale 2 --csv no/f", "no folder"),
        ("--model bicubic --data {d} --scale 2 --csv f --json f", "are both"),
        ("--model bicubic --data {d} --scale 2 --markdown {d}", "is a folder"),
        ("--model bicubic --data {d} --protocol y", "invalid choice: 'y'"),
        ("--sr a --hr b --scale 2 --save-images d", "go with --model"),
        ("--sr a --hr b --scale 2 --self-ensemble", "go with --model"),
        ("--sr a --hr b --scale 2 --precision auto", "go with --model"),
        (
            "--model lanczos --data {d} --scale 2 --precision auto",
            "is for networks, not lanczos",
        ),
        (
            "--model bicubic --data {d} --scale 2 --save-images {d}/im0.png",
            "im0.png is a file",
        ),
        (
            "--model lanczos --data {d} --scale 2 --self-ensemble",
            "is for networks, not lanczos",
        ),
        ("--model srcnn --data {d} --scale 2", "srcnn is a network to be"),
    ],
)
def test_bad_usage_is_one_line(tmp_path, capsys, arguments, message):
    data = hr_folder(tmp_path / "data", 1)
    assert run(*arguments.format(d=data).split()) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert len(err.splitlines()) == 1
    assert not out


def test_two_sets_of_one_name_stay_apart(tmp_path):
    folders = [
        hr_folder(tmp_path / x / "HR", i) for i, x in ((1, "a"), (2, "b"))
    ]
    folders = [f.rename(f.parent / "same") for f in folders]
    table = tmp_path / "t.json"
    arguments = ("--data", *folders, "--scale", 2, "--json", table)
    assert run("--model", "nearest", *arguments) == 0
    data = json.loads(table.read_text())["data"]
    assert list(data) == [str(f) for f in folders]


def test_a_failed_self_check_stops_it(tmp_path, capsys, monkeypatch):
    stored = json.loads(selfcheck.VECTOR.read_text())
    data = hr_folder(tmp_path / "data", 1)

    def spoil(change):
        wrong = json.loads(json.dumps(stored))
        change(wrong)
        path = tmp_path / "wrong.json"
        path.write_text(json.dumps(wrong))
        monkeypatch.setattr(selfcheck, "VECTOR", path)

    def pixel(wrong):
        wrong["lr"][3][3][1] += 1

    def value(wrong):
        wrong["scores"]["yiq"]["ssim"] += 1e-5

    for change, what in ((pixel, "imresize"), (value, "yiq ssim")):
        spoil(change)
        assert run("--model", "nearest", "--data", data, "--scale", 2) == 2
        out, err = capsys.readouterr()
        assert f"the self-check failed: {what}" in err
        assert not out


def test_an_existing_table_is_replaced_whole(tmp_path):
    data = hr_folder(tmp_path / "data", 1)
    real = tmp_path / "real.json"
    real.write_text("old " * 10_000)
    link = tmp_path / "link.json"
    link.symlink_to(real)
    arguments = ("--data", data, "--scale", 2, "--json", link)
    assert run("--model", "nearest", *arguments) == 0
    assert link.is_symlink()
    assert json.loads(real.read_text())["model"] == "nearest"


def test_help_and_scoring_files_load_no_keras(tmp_path):
    path = save(tmp_path / "a.png", picture())
    code = (
        "import sys; from sr_keras import cli; cli.COMMANDS = ('evaluate',); "
        "code = cli.main(sys.argv[1:]); "
        "print(code, [m for m in ('numpy', 'keras', 'tensorflow') "
        "if m in sys.modules])"
    )
    start = [sys.executable, "-c", code, "evaluate"]
    began = time.perf_counter()
    done = subprocess.run([*start, "--help"], capture_output=True, text=True)
    assert time.perf_counter() - began < 5  # 0.1 s on an idle machine
    assert "_zssr_x2" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 []"
    pair = ["--sr", path, "--hr", path, "--scale", "2"]
    done = subprocess.run([*start, *pair], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 ['numpy']", done.stderr


@pytest.fixture
def heads(tmp_path):
    """A file with an LPIPS of random numbers, all its own layers have."""
    from sr_keras import lpips

    model, tensors = lpips.build("alex"), {}
    rng = np.random.default_rng(0)
    wanted = lpips._published("alex").variables
    for variable in model.variables:
        theirs, layout = wanted[variable.path]
        shape = layout.shape(tuple(variable.shape))
        values = rng.normal(size=shape) / np.prod(shape[1:]) ** 0.5
        tensors[theirs] = abs(values) if "lin" in theirs else values
    np.savez(tmp_path / "lpips.npz", **tensors)
    return tmp_path / "lpips.npz"


def test_perceptual_distances(tmp_path, heads, capsys):
    from sr_keras import lpips

    hr_folder(tmp_path / "Set" / "HR", 2)
    table = tmp_path / "t.json"
    job = (
        *("--model", "bilinear", "--data", tmp_path / "Set", "--scale", 2),
        *("--protocol", "rgb", "--metric", "psnr"),
    )
    code = run(
        *job, "--perceptual", "vgg19", "lpips", "--vgg-weights", "random",
        "--content-layers", "VGG12", "--lpips-weights", heads,
        "--json", table, "--csv", tmp_path / "t.csv",
    )  # fmt: skip
    assert code == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["rgb", "perceptual"]
    assert lines[2].split() == ["file", "psnr", "vgg19", "lpips"]
    assert [x.split()[0] for x in lines[3:]] == [
        "im0.png", "im1.png", "bicubic", "mean",
    ]  # fmt: skip
    assert len({len(line) for line in lines[1:]}) == 1
    data = json.loads(table.read_text())["data"]["Set"]
    hr = picture(seed=0)
    sr = imresize(imresize(hr, 0.5), 2.0, kernel="bilinear")
    pair = [(x / np.float32(255))[None] for x in (sr, hr)]
    expected = float(lpips.load(heads)(pair)[0])
    found = data["images"][0]["perceptual"]
    assert found["lpips"] == pytest.approx(expected, abs=2e-6)
    assert found["vgg19"] > 0
    with open(tmp_path / "t.csv") as file:
        rows = list(csv.DictReader(file))
    mean = float(rows[-1]["perceptual vgg19"])
    assert mean == pytest.approx(data["mean"]["perceptual"]["vgg19"], rel=1e-5)
    assert rows[-2]["file"] == "bicubic"
    assert float(rows[-2]["perceptual lpips"]) > 0


def test_perceptual_distance_of_files(tmp_path, heads, capsys):
    hr = save(tmp_path / "hr.png", picture())
    job = ("--hr", hr, "--scale", 2, "--perceptual", "lpips")
    code = run("--sr", hr, *job, "--lpips-weights", heads)
    assert code == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-1] == "0.0000"
    tiny = save(tmp_path / "tiny.png", picture(24, 24))
    job = ("--hr", tiny, "--scale", 2, "--perceptual", "lpips")
    code = run("--sr", tiny, *job, "--lpips-weights", heads)
    assert code == 2
    assert "24x24, is too small for LPIPS: it needs 31" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--perceptual", "lpips"), "lpips needs its numbers: --lpips-weights"),
        (("--vgg-weights", "random"), "--vgg-weights goes with --perceptual v"),
        (("--lpips-weights", "a"), "--lpips-weights goes with --perceptual l"),
        (("--content-layers", "VGG12"), "--content-layers goes with --percep"),
        (("--perceptual", "vgg19", "--vgg-weights", "no"), "no file no with"),
        (("--perceptual", "lpips", "--lpips-weights", "no.pth"), "no file no"),
        (("--perceptual", "vgg16"), "invalid choice: 'vgg16'"),
    ],
)
def test_perceptual_distances_that_cannot_be(tmp_path, capsys, arguments, says):
    hr = save(tmp_path / "hr.png", picture())
    assert run("--sr", hr, "--hr", hr, "--scale", 2, *arguments) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.splitlines()) == 1

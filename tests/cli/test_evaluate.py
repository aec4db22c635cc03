import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from evaluate_runs import bicubic, hr_folder, picture, run, save

from sr_keras.cli import evaluate
from sr_keras.evaluation.metrics import METRICS, score
from sr_keras.imaging.resize import imresize

pytestmark = pytest.mark.usefixtures("only_evaluate")


def test_the_choices_are_those_of_the_metrics():
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
    assert list(content) == ["model", "scale", "pipeline", "data"]
    assert (content["model"], content["scale"]) == (None, 2)
    assert content["pipeline"] == "files"
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
    assert list(lines[0]) == [
        "data", "pipeline", "file", "yiq zncc", "rgb zncc",
    ]  # fmt: skip
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
    mean = content["data"]["Set5"]["mean"]["y"]["psnr"]
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
    assert "data,files,im1.png,,,,,,,,\n" in (tmp_path / "t.csv").read_text()


def test_nothing_scored_is_bad_input(tmp_path, capsys):
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.png").write_bytes(b"")
    assert run("--model", "nearest", "--data", data, "--scale", 2) == 2
    assert "a.png" in capsys.readouterr().err


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
        ("--sr no.png --hr {d}/im0.png --scale 2", "no file or folder no.png"),
        ("--model bicubic --data {d} --scale 2 --csv {d}", "is a folder"),
        ("--model bicubic --data {d} --scale 2 --csv no/f", "no folder"),
        ("--model bicubic --data {d} --scale 2 --csv f --json f", "are both"),
        ("--model bicubic --data {d} --scale 2 --markdown {d}", "is a folder"),
        ("--model bicubic --data {d} --protocol u", "there is no protocol 'u'"),
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

"""The command `upscale`."""

import csv
import io
import sys
import threading

import numpy as np
import pytest
from checks import randomized
from cli_runs import command, save, scene

import sr_keras
from sr_keras import models
from sr_keras.imaging import images
from sr_keras.inference import batch, precision, uncertainty
from sr_keras.inference import photo as enlarging
from sr_keras.models import artifact, pretrained


def expected(photo, model, scale=None, **options):
    image = images.read(photo)
    working = images.to_working(image)
    result = sr_keras.upscale(working, model, scale, **options)
    return images.from_working(result, image)


def check(path, photo, model, scale=None, **options):
    got, wanted = images.read(path), expected(photo, model, scale, **options)
    codes = images.quantize(wanted.pixels, wanted.bits)
    np.testing.assert_array_equal(images.quantize(got.pixels, got.bits), codes)
    assert got.bits == wanted.bits


def test_without_weights_a_model_is_asked_for(
    place, photos, capfd, monkeypatch
):
    monkeypatch.setattr(pretrained, "names", list)
    ended = command(capfd, "upscale", photos)
    assert ended.code == 2
    assert "no weights come with this version: give --model" in ended.err


def test_the_best_weights_are_the_default(place, photos, capfd, monkeypatch):
    monkeypatch.setattr(pretrained, "FOLDER", place / "weights")
    (place / "weights").mkdir()
    for i, name in enumerate(("fast", "quality")):
        network = models.build("espcn", 2, num_filters=[64, 3 + i], channels=3)
        content = pretrained.stored(randomized(network))
        pretrained.add(network, content, {"name": name, "scale": 2})
        done = command(capfd, "upscale", photos / "a.png", "-o", f"{i}.png",
                       "--precision", "float32")  # fmt: skip
        assert done.code == 0, done.err
        assert f"48x40 (x2) with {name}; about" in done.out
        check(f"{i}.png", photos / "a.png", name)


def test_a_photo_beside_it(upscale, photos, espcn):
    photo = photos / "a.png"
    done = upscale(photo)
    assert (done.code, done.err) == (0, "")
    plan, line = done.out.splitlines()
    assert plan.startswith("1 photo; ")
    assert "24x20 -> 48x40 (x2); about 1 s and 0." in plan
    assert f"{photos / 'a_x2.png'}, 48x40" in line
    check(photos / "a_x2.png", photo, espcn)


def test_a_folder_is_mirrored(upscale, photos, espcn):
    (photos / "bad.png").write_text("no image")
    done = upscale(photos, "--csv", "t.csv")
    assert done.code == 1
    (line,) = done.lines
    assert "bad.png is not an image" in line
    root = photos.with_name("photos_larger")
    check(root / "a_x2.png", photos / "a.png", espcn)
    check(root / "sub" / "b_x2.png", photos / "sub" / "b.jpg", espcn)
    with open("t.csv") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    assert {n: r["status"] for n, r in rows.items()} == {
        "a.png": "done", "bad.png": "failed", "sub/b.jpg": "done"}  # fmt: skip
    assert (rows["a.png"]["width"], rows["a.png"]["height"]) == ("48", "40")
    assert "is not an image" in rows["bad.png"]["message"]
    again = upscale(photos, "--csv", "t.csv", "--jobs", "2")
    assert again.code == 1
    text = (photos.parent / "place" / "t.csv").read_text()
    assert text.count("done before") == 2


@pytest.mark.slow
def test_patterns_files_and_formats(upscale, photos, espcn):
    save(photos / "a.bmp", scene(8, 8))
    done = upscale(photos / "a.*", photos / "sub" / "b.jpg", "-o", "out",
                   "--format", "tiff")  # fmt: skip
    assert done.code == 0, done.err
    names = {"a_png_x2.tiff", "a_bmp_x2.tiff", "b_x2.tiff"}
    names |= {"upscale.json", ".upscale.json"}
    assert {p.name for p in (photos.parent / "place/out").iterdir()} == names
    check("out/a_png_x2.tiff", photos / "a.png", espcn)


def test_all_are_bad(upscale, place):
    (place / "bad.png").write_text("no")
    assert upscale("bad.png").code == 2
    assert upscale("none.png").code == 2


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        pytest.param(("--scale", "3"), (60, 72), marks=pytest.mark.slow),
        pytest.param(("--height", "31"), (31, 37), marks=pytest.mark.slow),
        (("--sr-factor", "2.37"), (48, 57)),
        (("--scale", "1.5x2"), (40, 36)),
        (("--width", "100"), (83, 100)),
        (("--width", "50", "--height", "30"), (30, 50)),
        (("--crop", "4,2,10,8"), (16, 20)),
    ],
)
def test_sizes(upscale, photos, flags, size):
    assert upscale(photos / "a.png", "-o", "o.png", *flags).code == 0
    assert images.read("o.png").pixels.shape[:2] == size


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (("--self-ensemble",), {"self_ensemble": True}),
        (("--back-projection", "2"), {"back_projection": 2}),
        (("--color-guard",), {"color_guard": True}),
        (("--tile", "16"), {"tile": 16}),
    ],
)
def test_flags_that_python_has_too(upscale, photos, espcn, flags, options):
    assert upscale(photos / "a.png", "-o", "o.png", *flags).code == 0
    check("o.png", photos / "a.png", espcn, **options)


def test_the_guard_says_what_it_changed(upscale, photos):
    done = upscale(photos / "a.png", "--color-guard", "--csv", "t.csv")
    with open("t.csv") as file:
        (row,) = csv.DictReader(file)
    before, after = float(row["delta_e_before"]), float(row["delta_e_after"])
    assert after < 0.7 * before
    assert f"colours off by {before:.2f} and now {after:.2f}" in done.out


def test_white_stays_white(upscale, place, espcn):
    image = np.ones((40, 40, 3), "float32")
    image[:20, :20] = scene(20, 20)
    save("a.png", image)
    plain = sr_keras.upscale(image, espcn)[44:, 44:]
    assert plain.min() < 0.99
    assert upscale("a.png", "--color-guard", "-o", "o.png").code == 0
    assert (images.read("o.png").pixels[44:, 44:] == 1).all()


def test_a_trust_map(upscale, photos, monkeypatch):
    monkeypatch.setattr(uncertainty, "FULL", 5.0)  # untrained weights
    assert upscale(photos / "a.png", "--trust-map", "-o", "o.png").code == 0
    heat = images.read("o_trust.png").pixels
    assert heat.shape == (40, 48, 3)
    assert len(np.unique(heat.reshape(-1, 3), axis=0)) > 20


@pytest.mark.slow
def test_samples(upscale, photos, place, espcn):
    network = models.build("vae", 2, num_blocks=1, num_filters=4)
    artifact.save(randomized(network), "vae.keras")
    done = upscale(photos / "a.png", "--samples", "2", model="vae.keras")
    assert done.code == 0, done.err
    drawn = network.samples(images.read(photos / "a.png").pixels, 2)
    for i in (1, 2):
        got = images.read(photos / f"a_x2_sample{i}.png").pixels
        np.testing.assert_allclose(got, drawn[i - 1], rtol=0, atol=0.003)
    wrong = upscale(photos / "sub" / "b.jpg", "--samples", "2")
    assert "--samples is for networks that draw them" in wrong.err


@pytest.mark.slow
def test_faithful_files(upscale, place, espcn):
    alpha = scene(12, 10, 1).clip(0.3)
    for name, channels, extra in (
        ("grey.png", 1, {}),
        ("deep.png", 3, {"bits": 16, "dpi": (300, 300)}),
        ("clear.png", 3, {"alpha": alpha}),
    ):
        save(name, scene(12, 10, channels), **extra)
        assert upscale(name).code == 0
        result = name.replace(".", "_x2.")
        check(result, name, espcn)
        before, after = images.read(name), images.read(result)
        assert before.pixels.shape[2] == after.pixels.shape[2]
        assert (before.dpi, before.bits) == (after.dpi, after.bits)
        assert (before.alpha is None) == (after.alpha is None)


def test_stdin_and_stdout(photos, espcn, monkeypatch, capfdbinary):
    content = (photos / "a.png").read_bytes()
    stream = io.TextIOWrapper(io.BytesIO(content))
    monkeypatch.setattr(sys, "stdin", stream)
    from sr_keras.cli import main

    assert main(["upscale", "-", "--model", str(espcn)]) == 0
    out, err = capfdbinary.readouterr()
    got = images.decode(out, "stdout")
    assert got.pixels.shape == (40, 48, 3)
    assert b"stdin: stdout, 48x40" in err


def test_a_page_to_compare(upscale, photos):
    (photos / "a.png").rename(photos / "<b>.png")
    done = upscale(photos, "-o", "out", "--compare", "c.html")
    assert "wrote c.html" in done.out
    page = (photos.parent / "place" / "c.html").read_text()
    assert page.count("<figure>") == 2
    assert page.count("data:image/jpeg;base64,") == 4
    assert "&lt;b&gt;.png" in page
    assert "<b>" not in page
    assert "http" not in page


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--scale", "2", "--width", "9"), "not both"),
        (("--scale", "0.5"), "from 1 to 16"),
        (("--width", "9"), "must not be less than the photo's 24"),
        (("--width", "24"), "--width 24 leaves nothing to do"),
        (("-o", "a.png", "--format", "jpg"), "is no file of --format jpg"),
        (("--tile", "3"), "from 16 up, not 3"),
        (("--jobs", "0"), "from 1 up, not 0"),
        (("--crop", "1,2"), "--crop takes X,Y,W,H"),
        (("-o", "none/a.png"), "there is no folder none"),
        (("-o", "a.txt"), "cannot be written as '.txt'"),
        (("-o", "-", "--trust-map"), "stdout takes one picture"),
        (("--format", "gif"), "invalid choice"),
        (("--max-pixels", "100"), "above the limit"),
    ],
)
def test_refusals(upscale, photos, flags, text):
    done = upscale(photos / "a.png", *flags)
    assert done.code == 2
    assert text in done.lines[-1]
    assert len(done.lines) == 1


def test_one_axis_alone_may_grow(upscale, photos):
    done = upscale(photos / "a.png", "--width", "48", "--height", "20")
    assert done.code == 0
    assert images.read(photos / "a_x2x1.png").pixels.shape[:2] == (20, 48)


@pytest.mark.slow
def test_weights_by_name(upscale, photos, tmp_path, monkeypatch):
    for scale in (2, 3):
        network = randomized(
            models.build("espcn", scale, num_filters=[64, 3], channels=3)
        )
        card = {"name": "tiny", "scale": scale}
        pretrained.add(network, pretrained.stored(network), card, tmp_path)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    done = upscale(photos / "a.png", "--scale", "2.5", model="tiny")
    assert done.code == 0, done.err
    check(photos / "a_x2.5.png", photos / "a.png", "tiny", 2.5)
    wrong = upscale(photos / "a.png", model="tine")
    assert wrong.code == 2
    assert "no network at tine" in wrong.err


def test_a_stop_leaves_nothing_half_done(upscale, photos, monkeypatch):
    def stop(self, future):
        raise KeyboardInterrupt

    monkeypatch.setattr(batch.Album, "_wait", stop)
    done = upscale(photos, "-o", "out", "--csv", "t.csv")
    assert done.code == 130
    assert done.lines[-1] == "stopped"
    left = [p.name for p in (photos.parent / "place/out").rglob("*.tmp")]
    assert not left


def test_a_photo_is_computed_while_one_is_written(upscale, photos, monkeypatch):
    begun, real = [], enlarging.Work._enlarger
    second = threading.Event()

    def work(self, stored, *rest):
        begun.append(stored)
        if len(begun) == 3:  # the first is the plan's
            second.set()
        return real(self, stored, *rest)

    class Slow(enlarging.StripWriter):
        def __exit__(self, *exception):
            assert second.wait(60)
            return super().__exit__(*exception)

    monkeypatch.setattr(enlarging.Work, "_enlarger", work)
    monkeypatch.setattr(enlarging, "StripWriter", Slow)
    assert upscale(photos, "-o", "out").code == 0


def test_short_numbers_are_for_eight_bits(place, espcn, capfd, monkeypatch):
    kinds, real = [], precision.computing

    def computing(network, kind, to_use):
        kinds.append(kind)
        return real(network, "float32", to_use)

    monkeypatch.setattr(precision, "computing", computing)
    save("a.png", scene(12, 10))
    save("b.png", scene(12, 10), bits=16)
    ended = command(capfd, "upscale", "a.png", "b.png", "--model", espcn)
    assert ended.code == 0, ended.err
    assert kinds == ["auto", "float32"]


def test_jobs_give_the_same(upscale, photos, espcn, monkeypatch):
    monkeypatch.setattr(batch.os, "cpu_count", lambda: 6)
    for i in range(4):
        save(photos / f"c{i}.png", scene(20, 20, seed=i))
    assert upscale(photos, "-o", "out", "--jobs", "3").code == 0
    for i in range(4):
        check(f"out/c{i}_x2.png", photos / f"c{i}.png", espcn)


@pytest.mark.parametrize(
    ("processors", "asked", "got"), [(2, 2, 1), (8, 3, 3), (8, 9, 4), (1, 2, 1)]
)
def test_a_job_has_two_processors(monkeypatch, processors, asked, got):
    monkeypatch.setattr(batch.os, "cpu_count", lambda: processors)
    assert batch.at_once(asked) == got

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from cli_runs import read_json, tree

from sr_keras.imaging import images
from sr_keras.support import folders


@pytest.mark.parametrize("output", ["file", "file/below"])
def test_output_that_is_a_file(photo, refused, place, output):
    (place / "file").write_text("keep me")
    line = refused("--image", photo, "--scale", 2, "--output", output)
    assert "file" in line


@pytest.mark.parametrize("output", [[], ["--output", "out/deep"]])
def test_current_folder_that_cannot_be_written(
    photo, refused, monkeypatch, output
):
    def denied(path, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(os, "mkdir", denied)
    line = refused("--image", photo, "--scale", 2, *output)
    assert "Permission denied: " in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_output_folder_without_permission(photo, refused, place):
    (place / "out").mkdir(mode=0o500)
    line = refused("--image", photo, "--scale", 2, "--output", "out")
    assert "cannot write to out (Permission denied)" in line


def test_full_disk_is_found_before_the_work(photo, refused, monkeypatch):
    def full(path, content):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Path, "write_bytes", full)
    line = refused("--image", photo, "--scale", 2)
    assert "No space left on device" in line
    assert "--output" in line


@pytest.mark.parametrize("full_at", [1, 2, 4, 5])
def test_disk_that_fills_up(photo, train, place, monkeypatch, full_at):
    """What is there is whole, and is no result."""
    fsync, count = os.fsync, [0]

    def maybe_full(number):
        count[0] += 1
        if count[0] == full_at:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(number)

    monkeypatch.setattr(os, "fsync", maybe_full)
    ended = train(
        "--image", photo, "--scale", 2, "--save-augmentations", 1,
        "--output", "out",
    )  # fmt: skip
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "No space left on device" in ended.err
    pictures = sorted(place.rglob("*.*"))
    assert len(pictures) >= full_at - 1
    assert all(images.read(p) for p in pictures if p.suffix == ".png")
    assert not (place / "out/metrics.json").exists()
    assert not list(place.rglob(".*"))


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small tmpfs")
def test_a_really_full_disk(photo, train, refused):
    with tempfile.TemporaryDirectory() as disk:
        mounting = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk]
        if subprocess.run(mounting, capture_output=True).returncode:
            pytest.skip("mounting is not allowed")
        try:
            (Path(disk) / "filler").write_bytes(bytes(40_000))
            job = ["--image", photo, "--scale", 2, "--output"]
            line = refused(*job, f"{disk}/out")
            assert "No space left on device" in line
            assert list(Path(disk).iterdir()) == [Path(disk) / "filler"]
        finally:
            subprocess.run(["umount", disk], check=True)


def test_failing_again_does_not_lose_the_old_result(
    photo, train, refused, place
):
    job = ["--image", photo, "--scale", 2, "--output", "out"]
    assert train(*job).code == 0
    assert "has a result already: add --overwrite" in refused(*job)
    refused(*job, "--overwrite", "--activation", "none such")
    assert read_json("out/metrics.json")["steps"] == 2


def test_probe_does_not_stay(place):
    with folders.folder_for(place / "a" / "b"):
        (place / "a" / "keep").write_text("")
    assert tree(place) == {"a": None, "a/keep": b""}

import os
import resource
import stat

import pytest
from image_files import picture

from pipelines.sources.layouts import open_folder
from sr_keras.imaging import images

# --- whole or not at all ---------------------------------------------------


@pytest.fixture
def file_limit():
    """Lets files grow to 100 bytes only, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_leaves_nothing_behind(tmp_path, file_limit):
    with pytest.raises(OSError, match=r"a\.png cannot be written") as caught:
        images.write(tmp_path / "a.png", picture(height=40))
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_full_disk_leaves_the_old_file(tmp_path, file_limit):
    (tmp_path / "a.npy").write_bytes(b"old")
    with pytest.raises(OSError, match="cannot be written"):
        images.write(tmp_path / "a.npy", picture(height=40))
    assert os.listdir(tmp_path) == ["a.npy"]
    assert (tmp_path / "a.npy").read_bytes() == b"old"


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()])
def test_failing_rename_leaves_the_old_file(tmp_path, monkeypatch, error):
    (tmp_path / "a.png").write_bytes(b"old")

    def fail(*_):
        assert len(os.listdir(tmp_path)) == 2  # the new one lies ready
        raise error

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(type(error)):
        images.write(tmp_path / "a.png", picture())
    assert os.listdir(tmp_path) == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"old"


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    for name in ("none/a.png", "file/a.png", "folder.png"):
        with pytest.raises(
            OSError, match=f"{name} cannot be written"
        ) as caught:
            images.write(tmp_path / name, picture())
        assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match=r"a\.png cannot be written \(Perm"):
        images.write(tmp_path / "a.png", picture())
    tmp_path.chmod(0o700)


def test_written_file_has_ordinary_permissions(tmp_path):
    (tmp_path / "plain").touch()
    images.write(tmp_path / "a.png", picture())
    modes = [(tmp_path / name).stat().st_mode for name in ("plain", "a.png")]
    assert modes[0] == modes[1]


def test_replaced_file_keeps_its_permissions_and_links(tmp_path):
    (tmp_path / "real.png").write_bytes(b"old")
    (tmp_path / "real.png").chmod(0o600)
    (tmp_path / "link.png").symlink_to("real.png")
    images.write(tmp_path / "link.png", picture())
    assert (tmp_path / "link.png").is_symlink()
    assert images.read(tmp_path / "real.png").width == 6
    mode = (tmp_path / "real.png").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


# --- finding files ---------------------------------------------------------


@pytest.fixture
def album(tmp_path):
    for name in [
        "b.png",
        "a.JPG",
        "notes.txt",
        ".hidden.png",
        "sub/c.tif",
        "sub/deep/d.npy",
        ".git/e.png",
        "odd[1].png",
    ]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("", ["a.JPG", "b.png", "odd[1].png", "sub/c.tif", "sub/deep/d.npy"]),
        ("sub", ["c.tif", "deep/d.npy"]),
        ("*", ["a.JPG", "b.png", "odd[1].png"]),
        ("*.png", ["b.png", "odd[1].png"]),
        ("s*/*.tif", ["sub/c.tif"]),
        ("sub/*", ["c.tif"]),
        ("**/*.[nt]*", ["sub/c.tif", "sub/deep/d.npy"]),
        ("**/**/d.npy", ["sub/deep/d.npy"]),
        ("odd[1].png", ["odd[1].png"]),
        ("notes.txt", ["notes.txt"]),
    ],
)
def test_find(album, pattern, names):
    found = images.find(album / pattern)
    assert [relative.as_posix() for _, relative in found] == names
    for path, relative in found:
        assert path.is_file()
        assert path.as_posix().endswith(relative.as_posix())


def test_find_takes_patterns_from_here(album, monkeypatch):
    monkeypatch.chdir(album)
    found = images.find("*.png")
    assert [str(path) for path, _ in found] == ["b.png", "odd[1].png"]


@pytest.mark.parametrize(
    ("pattern", "error", "message"),
    [
        ("none.png", FileNotFoundError, "none.png does not exist"),
        ("*.bmp", FileNotFoundError, r"\*.bmp does not exist"),
        ("*.txt", ValueError, "no images: looked for .png .jpg .jpeg .tif"),
        ("folder.png", ValueError, "no images: looked for .png .jpg"),
    ],
)
def test_find_nothing(album, pattern, error, message):
    with pytest.raises(error, match=message) as caught:
        images.find(album / pattern)
    assert "\n" not in str(caught.value)


def test_find_of_an_empty_name():
    with pytest.raises(FileNotFoundError):
        images.find("")


RARE = ["a.JFIF", "b.jpe", "c.apng", "d.btf", "e.dib", "f.avif", "g.mpo"]
OTHERS = ["a.HEIC", "b.heic", "c.cr2", "d.psd", "notes.txt", "LICENSE"]
OTHERS += [".hidden.heic"]


def touch(folder, names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_rarer_suffixes_are_found(tmp_path):
    found = images.find(touch(tmp_path / "photos", RARE))
    assert [relative.as_posix() for _, relative in found] == RARE


@pytest.mark.parametrize("pattern", ["", "*", "**/*"])
def test_what_is_left_out_is_counted(tmp_path, pattern):
    folder = touch(tmp_path / "photos", [*RARE, *OTHERS])
    assert images.left_out(folder / pattern) == (
        f"{folder / pattern}: 2 .heic, 1 .cr2, 1 .psd left out: not a kind "
        "that is read"
    )
    assert images.left_out(folder / "a.JFIF") is None
    assert images.left_out(folder / "*.avif") is None
    assert len(images.find(folder / pattern)) == len(RARE)


def test_many_suffixes_are_put_together(tmp_path):
    folder = touch(tmp_path / "photos", [f"a.x{i}" for i in range(9)])
    text = images.left_out(folder)
    assert text.count("1 .x") == 6
    assert "3 of other kinds" in text


def test_a_folder_without_images_says_what_it_has(tmp_path):
    folder = touch(tmp_path / "photos", OTHERS)
    with pytest.raises(ValueError, match="found 2 .heic, 1 .cr2, 1 .psd"):
        images.find(folder)


def test_commands_say_what_is_left_out(upscale, photos, tmp_path):
    (photos / "c.heic").touch()
    (photos / "a.png").rename(photos / "a.APNG")
    line = f"{photos}: 1 .heic left out: not a kind that is read"
    ended = upscale(photos, "-o", tmp_path / "out", model="bicubic")
    assert ended.code == 0
    assert ended.err.splitlines() == [line]
    assert len(list((tmp_path / "out").rglob("*_x2.png"))) == 2
    assert open_folder(photos, 2, False).notes == [line]

"""Folders that are linked, hidden or unreadable, in every command."""

import os
from pathlib import Path

import pytest
from cli_runs import SMALL, command, save, scene

from pipelines.sources import open_source
from sr_keras.imaging import images


def names(pattern):
    return [name.as_posix() for _, name in images.find(pattern)]


@pytest.fixture
def album(place):
    """An album of two photos, with a link to a store of one."""
    save("store/1.png", scene(24, 20))
    save("album/2.png", scene(24, 20, seed=2))
    save("album/own/3.png", scene(24, 20, seed=3))
    os.symlink("../store", "album/linked")
    return Path("album")


@pytest.fixture
def locked(place, monkeypatch):
    """Makes folders unreadable, for root too."""
    closed, real = set(), os.scandir

    def scandir(path="."):
        is_number = isinstance(path, int)
        if not is_number and os.path.realpath(path) in closed:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return lambda path: closed.add(os.path.realpath(path))


# --- links -----------------------------------------------------------------


@pytest.mark.parametrize("pattern", ["", "**", "**/*.png", "**/**/*"])
def test_linked_folders_are_searched_and_loops_once(album, pattern):
    os.symlink("..", "album/own/up")
    os.symlink(".", "album/here")
    os.symlink(os.path.abspath("album"), "store/back")
    assert names(album / pattern) == ["2.png", "linked/1.png", "own/3.png"]


def test_a_folder_is_found_by_its_own_name_rather_than_a_links(album):
    os.symlink("own", "album/a_link")
    os.symlink("own", "album/z_link")
    assert names(album) == ["2.png", "linked/1.png", "own/3.png"]
    assert names("album/*/*.png") == ["linked/1.png", "own/3.png"]


def test_a_folder_of_links_only(album):
    Path("only").mkdir()
    os.symlink("../store", "only/pics")
    os.symlink("../album/2.png", "only/x.png")
    assert names("only") == ["pics/1.png", "x.png"]
    assert names("only/*/*") == ["pics/1.png"]


@pytest.mark.parametrize("target", ["nowhere", "gone.png"])
def test_a_link_to_nothing_is_named(album, target):
    os.symlink(target, "album/gone.png")
    os.symlink("nothing", "album/lost")
    os.symlink("nothing", "album/notes.txt")
    found = images.find(album)
    assert len(found) == 3
    one, other = found.unreadable
    assert one.startswith("album/gone.png cannot be read (")
    assert other.startswith("album/lost cannot be read (No such file")


# --- folders that cannot be read -------------------------------------------


def test_an_unreadable_folder_is_named_and_a_hidden_one_is_left_out(
    album, locked
):
    for name in ("lost+found", ".Trash-1000"):
        (album / name).mkdir()
        locked(album / name)
    line = "album/lost+found cannot be read (Permission denied): left out"
    for pattern in ("", "**/*.png"):
        found = images.find(album / pattern)
        assert len(found) == 3
        assert found.unreadable == [line]
    assert images.find("album/own/*").unreadable == []
    assert open_source("album", 2).unreadable == [line]
    locked("album/own")
    with pytest.raises(ValueError, match="own cannot be read"):
        images.find("album/o*/*")
    locked(album)
    with pytest.raises(PermissionError):
        images.find(album)


COMMANDS = {
    "upscale": ("upscale", "album", "--scale", 2, "--model", "bicubic"),
    "zssr": (
        *("train", "--model", "zssr", "--image", "album", "--scale", 2),
        *(*SMALL, "--max-steps", 1, "--fusion", "none"),
    ),
    "train": (
        *("train", "--model", "espcn", "--data", "album", "--scale", 2),
        *("--epochs", 1, "--steps-per-epoch", 1, "--batch-size", 1),
        *("--hr-patch-size", 8),
    ),
    "evaluate": (
        *("evaluate", "--model", "bicubic", "--data", "album"),
        *("--scale", 2),
    ),
    "prepare": ("prepare", "album", "--scale", 2, "--jobs", 1),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_do_the_rest_and_end_with_one(album, locked, capfd, name):
    Path("album/lost").mkdir()
    locked("album/lost")
    ended = command(capfd, *COMMANDS[name])
    assert ended.code == 1, ended
    line = "album/lost cannot be read (Permission denied): left out"
    assert ended.err.count(line) == 1
    assert ended.out.count("failed") == 0
    if name not in ("train", "prepare"):
        assert all(n in ended.out for n in ("2.png", "3.png", "1.png"))


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_commands_search_links(album, capfd, name):
    os.symlink(".", "album/loop")
    ended = command(capfd, *COMMANDS[name])
    assert ended.code == 0, ended
    found = {
        "train": "2 images to learn from, 1 image to validate",
        "prepare": "3 HR images of 3 photos",
    }.get(name, "linked/1.png")
    assert found in ended.out


# --- patterns --------------------------------------------------------------


def test_a_folder_with_brackets_in_its_name(place):
    save("[2020] trip/a.png", scene(8, 8))
    save("2/a.png", scene(8, 8))
    assert names("[2020] trip/*.png") == ["a.png"]
    assert names("[2020] trip/**/*.png") == ["a.png"]
    assert names("[0-9]/*.png") == ["2/a.png"]
    assert names("*/a.png") == ["2/a.png", "[2020] trip/a.png"]

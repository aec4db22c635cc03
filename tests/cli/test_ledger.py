"""The record of single results, beside them."""

import json
import os
import time
from pathlib import Path

import pytest
from cli_runs import command, save, scene

from sr_keras.support import ledger
from sr_keras.support.ledger import LEDGER, Ledger


@pytest.fixture
def enlarge(place, capfd):
    def run(*arguments):
        job = ("--scale", "2", "--model", "bicubic")
        return command(capfd, "upscale", *arguments, *job)

    return run


@pytest.fixture
def many(place, enlarge):
    """Makes photos, their results and the ledger, without enlarging them."""

    def make(count):
        save("0.png", scene(8, 8))
        assert enlarge("0.png").code == 0
        line = json.loads(Path(LEDGER).read_text())
        photo, result = (Path(n).read_bytes() for n in ("0.png", "0_x2.png"))
        names = [f"{i}" for i in range(count)]
        for name in names:
            Path(f"{name}.png").write_bytes(photo)
        for name in names:
            Path(f"{name}_x2.png").write_bytes(result)
        lines = [
            {
                **line,
                "result": f"{name}_x2.png",
                "photo": os.path.abspath(f"{name}.png"),
            }
            for name in names
        ]
        Path(LEDGER).write_text("".join(f"{json.dumps(x)}\n" for x in lines))
        return [f"{name}.png" for name in names]

    return make


@pytest.mark.slow
def test_twenty_thousand_photos_are_seen_as_done(many, enlarge):
    photos = many(20_000)
    started = time.process_time()
    ended = enlarge(*photos)
    seconds = time.process_time() - started
    assert ended.code == 0
    assert ended.out.count("done before") == len(photos)
    assert seconds < 10


def test_what_is_read_and_written_grows_with_the_photos(
    many, enlarge, monkeypatch
):
    """Not with their square: a line is parsed twice, and written once."""
    photos = many(40)
    parsed, written = [], []
    real_parsed, real_append = ledger._parsed, Ledger._append

    def count(content):
        parsed.append(content)
        return real_parsed(content)

    def append(self, line):
        written.append(line)
        real_append(self, line)

    monkeypatch.setattr(ledger, "_parsed", count)
    monkeypatch.setattr(Ledger, "_append", append)
    assert enlarge(*photos).code == 0
    assert len(parsed) <= 2 * (len(photos) + 1)
    assert not written
    parsed.clear()
    for photo in photos[::2]:
        os.remove(f"{Path(photo).stem}_x2.png")
    os.remove(LEDGER)
    for photo in photos[1::2]:
        os.remove(photo)
    assert enlarge(*photos[::2]).code == 0
    assert len(written) == len(photos) // 2
    assert len(parsed) <= len(photos)


def test_a_ledger_that_cannot_be_written_fails_no_photo(place, enlarge):
    for name in ("a.png", "b.png"):
        save(name, scene(8, 8))
    Path(LEDGER).mkdir()
    ended = enlarge("a.png", "b.png")
    assert ended.code == 0
    (line,) = ended.lines
    assert line.startswith(f"{LEDGER} cannot be written (Is a directory)")
    assert {p.name for p in place.glob("*_x2.png")} == {
        "a_x2.png", "b_x2.png"}  # fmt: skip


def test_a_ledger_of_an_earlier_version_is_read_and_kept(place, enlarge):
    for name in ("a.png", "b.png", "c.png"):
        save(name, scene(8, 8))
    assert enlarge("a.png", "b.png").code == 0
    lines = map(json.loads, Path(LEDGER).read_text().splitlines())
    old = {line.pop("result"): line for line in lines}
    Path(LEDGER).write_text(json.dumps(old, indent=2) + "\n")
    ended = enlarge("a.png", "b.png", "c.png")
    assert (ended.code, ended.out.count("done before")) == (0, 2)
    lines = Path(LEDGER).read_text().splitlines()
    names = [json.loads(line)["result"] for line in lines]
    assert sorted(names) == ["a_x2.png", "b_x2.png", "c_x2.png"]
    assert enlarge("a.png", "b.png", "c.png").out.count("done before") == 3


def test_a_line_that_was_cut_off_harms_no_other(place, enlarge):
    save("a.png", scene(8, 8))
    save("b.png", scene(8, 8))
    assert enlarge("a.png").code == 0
    with open(LEDGER, "a") as file:
        file.write('{"result": "none_x2')
    assert enlarge("a.png", "b.png").out.count("done before") == 1
    assert enlarge("a.png", "b.png").out.count("done before") == 2


def test_a_kill_leaves_no_result_of_unknown_origin(place):
    """The line is there before the result is; a failure takes it back."""
    book, path = Ledger(place), place / "a_x2.png"
    with book.making("a.png", "{}", [path]):
        assert Ledger(place).made("a.png", "{}") == {"a_x2.png"}
        path.write_bytes(b"1")
    # Of other settings: unknown while it is replaced, known again if not.
    with (
        pytest.raises(OSError, match="full"),
        book.making("a.png", '{"scale": 3}', [path]),
    ):
        assert "a_x2.png" not in Ledger(place)
        raise OSError("full")
    assert Ledger(place).made("a.png", "{}") == {"a_x2.png"}
    new = place / "b_x2.png"
    with pytest.raises(OSError), book.making("b.png", "{}", [new]):  # noqa: PT011
        raise OSError
    assert "b_x2.png" not in Ledger(place)


def test_processes_keep_each_others_lines(place):
    first, second = Ledger(place), Ledger(place)
    for i, book in enumerate((first, second, first)):
        path = place / f"{i}_x2.png"
        with book.making(f"{i}.png", "{}", [path]):
            path.write_bytes(b"1")
    assert all(f"{i}_x2.png" in second for i in range(3))

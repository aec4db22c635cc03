"""What is seen of a run while it goes on."""

import io
import sys
from types import SimpleNamespace

from sr_keras.support import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_parts_of_a_photo_have_one_digit(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress.bar(2, "photo", parts=True) as bar:
        bar.update(1 / 24)
        bar.refresh()
    assert "0.0/2 photo" in sys.stderr.getvalue()
    assert "0.04" not in sys.stderr.getvalue()


def test_lines_stand_beside_a_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress.bar(2, "photo") as bar:
        bar.update(1)
        bar.refresh()
        with progress.aside():
            print("a line", file=sys.stderr)
    before = sys.stderr.getvalue().partition("a line")[0]
    assert before.endswith("\r")


def test_a_step_says_how_well_the_photo_comes_back():
    run = SimpleNamespace(losses=[0.5], rates=[1e-3], history=[(1, 0.001)])
    assert progress._text(run) == "loss 0.5000, rate 1.0e-03, rebuilt 30.00 dB"

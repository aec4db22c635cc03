import functools
import os
import signal
import sys
from pathlib import Path

# Before TensorFlow is imported.
# The tests run side by side, a process a core: see README.md.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
# What it says of missing GPUs would be taken for a command's own words.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from checks import ROOT, randomized  # noqa: E402
from cli_runs import SMALL, command, save, scene, tree  # noqa: E402

from sr_keras import cli, models
from sr_keras.imaging import images  # noqa: E402
from sr_keras.models import artifact


@pytest.fixture
def put(tmp_path):
    """Writes bytes to a file and gives its path."""

    def write(content, name="a.bin"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


@pytest.fixture
def pillow_file(tmp_path):
    """Saves with Pillow and gives the path."""

    def write(picture, name, **options):
        picture.save(tmp_path / name, **options)
        return tmp_path / name

    return write


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder, which is the current one."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def photo(tmp_path):
    """A 24x24 photo outside the current folder."""
    return save(tmp_path / "photos" / "a.png", scene())


@pytest.fixture
def train(place, capfd):
    """Runs `sr-keras train` with small settings, in an empty folder."""
    return functools.partial(command, capfd, "train", *SMALL)


@pytest.fixture
def quick_plots(monkeypatch):
    """Plots that are empty pictures, but take no time."""
    from sr_keras.training import plots

    blank = images.Image(scene(1, 1))
    monkeypatch.setattr(
        plots, "_save", lambda _, path: images.write(path, blank)
    )


@pytest.fixture
def data(tmp_path):
    """A folder of eight photos."""
    folder = tmp_path / "data"
    for i in range(8):
        save(folder / f"{i}.png", scene(24, 28, seed=i))
    return folder


@pytest.fixture
def learn(place, capfd, data):
    """Runs `sr-keras train` on a folder of photos, into `out`."""

    def run(*arguments):
        given = ("--data", data, "--output", "out")
        return command(capfd, "train", *given, *arguments)

    return run


@pytest.fixture
def interrupt(monkeypatch):
    """Sends a signal when a function is called for the nth time."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)

    def arm(target, name, number=signal.SIGINT, at=1):
        function, calls = getattr(target, name), [0]

        def wrapper(*args, **kwargs):
            calls[0] += 1
            if calls[0] == at:
                os.kill(os.getpid(), number)
            return function(*args, **kwargs)

        monkeypatch.setattr(target, name, wrapper)

    yield arm
    signal.signal(signal.SIGINT, former)


@pytest.fixture(scope="session")
def espcn(tmp_path_factory):
    """A file with an ESPCN x2 for RGB whose weights are random."""
    path = tmp_path_factory.mktemp("networks") / "espcn.keras"
    network = models.build("espcn", 2, num_filters=[64, 3], channels=3)
    artifact.save(randomized(network), path)
    return path


@pytest.fixture
def photos(tmp_path):
    """A folder with a.png and sub/b.jpg."""
    folder = tmp_path / "photos"
    save(folder / "a.png", scene(20, 24))
    save(folder / "sub" / "b.jpg", scene(16, 18))
    return folder


@pytest.fixture
def upscale(place, espcn, capfd):
    """Runs `sr-keras upscale` in an empty folder."""

    def run(*arguments, model=espcn):
        return command(
            capfd,
            *("upscale", *arguments, "--model", model),
            *("--precision", "float32"),
        )

    return run


@pytest.fixture
def refused(train, tmp_path):
    """Runs what has to be refused; gives the one line that it says."""

    def run(*arguments):
        before = tree(tmp_path)
        ended = train(*arguments)
        assert ended.code == 2, ended
        assert len(ended.lines) == 1, ended.err
        assert "Traceback" not in ended.err + ended.out
        assert "wrote" not in ended.out
        assert tree(tmp_path) == before
        return ended.err

    return run


@pytest.fixture
def only_evaluate(monkeypatch):
    """The command line has no other command to load."""
    monkeypatch.setattr(cli, "COMMANDS", ("evaluate",))


@pytest.fixture
def stopped(place, capfd, photo, monkeypatch):
    """Runs the command up to a method of its Work; gives that."""

    def run(method, *arguments, small=SMALL, image=photo):
        from sr_keras.training.zero_shot.run import Work

        made = []

        def stop(self, *_):
            made.append(self)
            raise ValueError("enough")

        with monkeypatch.context() as patch:
            patch.setattr(Work, method, stop)
            patch.setattr(Work, "__exit__", lambda *_: None)
            size = [] if "--scale" in arguments else ["--scale", 2]
            ended = command(
                capfd, "train", "--image", image, *size, *small, *arguments
            )
        assert made, ended.err
        return made[0]

    return run


@pytest.fixture
def prepared(stopped):
    return lambda *arguments, **kind: stopped("learn", *arguments, **kind)


@pytest.fixture
def trained(stopped):
    """The trained network and its curves: a ZeroShot."""
    return lambda *arguments: stopped("results", *arguments).zero_shot


@pytest.fixture
def pairs(prepared):
    """The first training pairs: [(sons, fathers)], each (N, h, w, C)."""

    def draw(count, *arguments, **kind):
        run = prepared(*arguments, **kind).zero_shot
        return list(run.pairs().take(count).as_numpy_iterator())

    return draw


@pytest.fixture
def refused_line(place, capfd, photo):
    """The line that a command with settings that cannot be ends with."""

    def run(*arguments):
        job = ("--image", photo, "--scale", 2, *SMALL, *arguments)
        ended = command(capfd, "train", *job)
        assert ended.code == 2
        return ended.err

    return run


@pytest.fixture
def wild(prepared):
    """A run whose network does something, trained or not."""

    def make(*arguments, **kind):
        work = prepared(*arguments, **kind)
        rng = np.random.default_rng(3)
        network = work.zero_shot.network
        network.set_weights(
            [0.2 * rng.standard_normal(w.shape) for w in network.get_weights()]
        )
        return work

    return make


def pytest_sessionfinish():
    """No module may come from another checkout, such as an installed one."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] == "sr_keras" and file:
            assert ROOT in Path(file).resolve().parents, f"{name}: {file}"

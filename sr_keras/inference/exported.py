"""Exported files, as what `sr_keras.upscale` takes in place of a network."""

import contextlib
import importlib
import os
import threading
from pathlib import Path

import numpy as np

from sr_keras.imaging.resize import imresize
from sr_keras.inference import channels, exported_metadata
from sr_keras.inference.compiled import rounded
from sr_keras.support.quietly import quietly

# The libraries that the extra `onnx` brings.
_ONNX_MODULES = ("onnx", "tf2onnx", "onnxruntime")

# The interpolation of colour differences and alpha looks this far.
_INTERPOLATED = 2

# Of a window of a fixed size so much, at least, is kept, or all of its margin
# would be computed for nothing.
_LEAST_KEPT = 8

# Windows of a fixed size that a tile has along each axis.
_WINDOWS = 8

# Libraries keep copies of what they compute with, as `runner` has it.
_COPIES = 1.5


def format_of(path):
    """The format of an exported file.

    Args:
        path: str or Path.

    Returns:
        "tflite", "onnx" or "saved_model"; None where it is none of them.
    """
    path = Path(path)
    if path.is_dir():
        found = (path / "saved_model.pb").is_file()
        return "saved_model" if found else None
    return exported_metadata.SUFFIXES.get(path.suffix)


def load(path, kind=None):
    """Load an exported file.

    Args:
        path: str or Path.
        kind: str, its format; from its name when None.

    Returns:
        Exported.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or was not written by this package.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    kind = kind or format_of(path)
    opened = {
        "tflite": _TFLite,
        "onnx": _ONNX,
        "saved_model": _SavedModel,
    }[kind](path)
    return Exported(opened)


class Exported:
    """A file in place of a network.

    Args:
        opened: what runs the file: has `facts`, and is called with float32
            ndarray (1, H, W, C).

    Attributes:
        about: dict, what the file says of itself.
        name: str.
        scale: int.
        reach: int, how many LR pixels away a pixel is felt; None everywhere.
        luma: bool, whether it takes and gives luma alone.
        input_shape: (None, height, width, channels), with None for any.
        size: pair (height, width) that it takes, or None for any.
    """

    refiner = False
    passes = 1

    layers = ()

    def __init__(self, opened):
        self.about = facts = opened.facts
        self.name, self.scale = facts["name"], facts["scale"]
        self.reach, self.luma = facts["reach"], facts["luma"]
        self.zero_shot = facts["zero_shot"]
        size = facts.get("input_size")
        self.size = tuple(size) if size else None
        sides = self.size or (None, None)
        self.input_shape = (None, *sides, facts["channels"])
        self._opened, self._lock = opened, threading.Lock()

    @property
    def core(self):
        """Itself: what is inside cannot be had."""
        return self

    def __call__(self, images):
        """Enlarge an image of a size that the file takes.

        Args:
            images: float32 ndarray (1, H, W, C), in [0, 1].

        Returns:
            float32 ndarray (1, scale*H, scale*W, C).
        """
        images = np.ascontiguousarray(images, "float32")
        with self._lock:  # its memory is that of one image
            return self._opened(images)

    def runner(self, count):
        """What `tiled.Enlarger` takes.

        Args:
            count: int, channels of the image.

        Returns:
            FileRunner.
        """
        return FileRunner(self, count)


class FileRunner:
    """An exported file, with what is done before and after: see `Runner`.

    Args:
        network: Exported.
        count: int, channels of the image.

    Attributes:
        side: int, of a tile in LR pixels; None to choose.
    """

    fixed = False

    def __init__(self, network, count):
        channels.check(count, network)
        self.network, self.own = network, network.scale
        self.reach = network.reach
        if self.reach is not None:
            self.reach = max(self.reach, _INTERPOLATED)
        self.bytes_per_pixel = _COPIES * network.about["bytes_per_pixel"]
        self.side = None
        if network.size:
            kept = min(n - 2 * self._margin(n) for n in network.size)
            self.side = _WINDOWS * kept
            # A window's features are all there is at once.
            self.bytes_per_pixel /= _WINDOWS**2

    def picture(self, image, bits=None):
        """Enlarge an image, or a part of it: see `Runner.picture`."""
        found = channels.enlarged(
            image,
            self.network,
            self._forward,
            lambda x: imresize(x, self.own),
        )
        if bits is not None:
            return self.rounded(found, bits)
        rounded(found, 32, self.network)  # tells of NaN
        return found

    def sample(self, image):
        """What takes as long as a part of an image of this size."""
        return self.picture(image, 8)

    def rounded(self, array, bits):
        """What `picture` does last, for an array of results."""
        return rounded(array, bits, self.network)

    def whole(self, image, tile=None, limit=None, report=None):
        """Enlarge a whole image: see `Runner.whole`."""
        return self.picture(image)

    def _margin(self, side):
        """LR pixels of a window's edge that are thrown away."""
        reach = self.reach
        if reach is not None and side - 2 * reach >= _LEAST_KEPT:
            return reach
        return side // 4

    def _forward(self, image):
        """Enlarge (H, W, c), whatever size the file takes."""
        size = self.network.size
        if size is None:
            return self.network(image[None])[0]
        height, width = image.shape[:2]
        own, margins = self.own, [self._margin(n) for n in size]
        padded = _padded(image, size)
        result = np.empty((height * own, width * own, image.shape[-1]), "f")
        rows = _windows(padded.shape[0], size[0], margins[0])
        columns = _windows(padded.shape[1], size[1], margins[1])
        for y, top in rows:
            for x, left in columns:
                window = padded[y : y + size[0], x : x + size[1]]
                part = self.network(window[None])[0]
                part = part[(top - y) * own :, (left - x) * own :]
                place = result[top * own :, left * own :]
                # Later windows overwrite what is too close to an edge here.
                h, w = (
                    min(n, m)
                    for n, m in zip(part.shape, place.shape[:2], strict=False)
                )
                place[:h, :w] = part[:h, :w]
        return result


def _windows(length, side, margin):
    """Where windows begin, and from where on each is kept.

    Args:
        length: int, of the image, at least `side`.
        side: int, a window's.
        margin: int, what is thrown away of a window within the image.

    Returns:
        List of pairs of int.
    """
    starts = list(range(0, length - side, side - 2 * margin))
    starts.append(length - side)
    return [(start, start + margin if start else 0) for start in starts]


def _padded(image, size):
    """An image that is at least so large, mirrored to the right and below."""
    more = [max(m - n, 0) for n, m in zip(image.shape, size, strict=False)]
    if not any(more):
        return image
    return np.pad(image, [*((0, n) for n in more), (0, 0)], "symmetric")


class _TFLite:
    """A TFLite file and its interpreter."""

    def __init__(self, path):
        content = path.read_bytes()
        self.facts = exported_metadata.of_tflite(content, path)
        self._run = interpreter(content, path)
        self._shape = tuple(self._run.get_input_details()[0]["shape"])

    def __call__(self, images):
        run = self._run
        given, made = run.get_input_details()[0], run.get_output_details()[0]
        if self._shape != images.shape:
            run.resize_tensor_input(given["index"], images.shape)
            run.allocate_tensors()
            self._shape = images.shape
        run.set_tensor(given["index"], _coded(images, given))
        run.invoke()
        return _decoded(run.get_tensor(made["index"]), made)


def interpreter(content, path, threads=None):
    """TensorFlow's interpreter of a TFLite file, XNNPACK in it.

    Args:
        content: bytes.
        path: Path, for the message.
        threads: int; as many as there are processors when None.

    Returns:
        tf.lite.Interpreter.

    Raises:
        ValueError: it cannot be read.
    """
    import tensorflow as tf

    threads = threads or processors()
    try:
        with quietly():
            made = tf.lite.Interpreter(
                model_content=content, num_threads=threads
            )
            made.allocate_tensors()  # it tells of XNNPACK
            return made
    except (ValueError, RuntimeError) as e:
        raise ValueError(f"{path} cannot be read: {e}") from e


def processors():
    """How many processors this process may use."""
    with contextlib.suppress(AttributeError):  # not Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def library(name):
    """Import one of the libraries that the extra `onnx` brings.

    Args:
        name: str.

    Returns:
        The module.

    Raises:
        ValueError: it is not installed.
    """
    try:
        for module in _ONNX_MODULES:
            importlib.import_module(module)
        return importlib.import_module(name)
    except ImportError as e:
        raise ValueError(
            f"ONNX needs {e.name or name}: pip install 'sr_keras[onnx]'"
        ) from e


def _coded(images, details):
    """Floats as an input takes them."""
    dtype = details["dtype"]
    if dtype == np.float32:
        return images
    scale, zero = details["quantization"]
    limits = np.iinfo(dtype)
    codes = np.round(images / scale) + zero
    return codes.clip(limits.min, limits.max).astype(dtype)


def _decoded(codes, details):
    if codes.dtype == np.float32:
        return codes
    scale, zero = details["quantization"]
    return (codes.astype("float32") - zero) * np.float32(scale)


class _ONNX:
    """An ONNX file and its session."""

    def __init__(self, path):
        runtime = library("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = processors()
        options.log_severity_level = 3
        try:
            self._session = runtime.InferenceSession(
                path.read_bytes(), options, ["CPUExecutionProvider"]
            )
        except Exception as e:
            reason = str(e).strip().partition("\n")[0]
            raise ValueError(f"{path} cannot be read: {reason}") from e
        known = self._session.get_modelmeta().custom_metadata_map
        self.facts = exported_metadata.of_text(
            known.get(exported_metadata.KEY), path
        )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images):
        return self._session.run(None, {self._input: images})[0]


class _SavedModel:
    """A SavedModel's float signature."""

    def __init__(self, path):
        import tensorflow as tf

        self.facts = exported_metadata.of_saved_model(path)
        try:
            self._model = tf.saved_model.load(str(path))
        except Exception as e:
            reason = str(e).strip().partition("\n")[0]
            raise ValueError(f"{path} cannot be read: {reason}") from e
        self._run = self._model.signatures["serving_default"]

    def __call__(self, images):
        import tensorflow as tf

        return self._run(images=tf.constant(images))["sr"].numpy()

"""Packing a prepared folder into TFRecord shards or one HDF5 file."""

import contextlib
import math
import os
from pathlib import Path

from sr_keras.imaging import images
from sr_keras.pipelines.prepare.prepare import digest
from sr_keras.pipelines.sources.items import rgb
from sr_keras.support import signals

# Images in a shard.
SHARD = 1000


def entries(records):
    """The images of a prepared folder.

    Args:
        records: list of dict, as `prepare.run` yields them.

    Returns:
        List of dict, {"hr": name of a file, "lr_x2": name of a file, ...}.
    """
    return [
        {key: file["file"] for key, file in entry.items()}
        for record in records
        for entry in record.get("files", ())
    ]


def to_tfrecord(folder, records, root, progress):
    """Pack a prepared folder into shards.

    Each record is a tf.train.Example with the PNG files `hr`, `lr_x2` and so
    on, and with `name`.

    Args:
        folder: Path, the prepared folder.
        records: list of dict, as `prepare.run` yields them.
        root: Path, where the shards go.
        progress: function, called for each image.

    Returns:
        List of dict, name and checksum of each shard.
    """
    import tensorflow as tf

    found = entries(records)
    count = math.ceil(len(found) / SHARD)
    shards = []
    for shard in range(count):
        path = root / f"images-{shard:05}-of-{count:05}.tfrecord"
        some = found[shard * SHARD : (shard + 1) * SHARD]
        with (
            whole(path) as temporary,
            tf.io.TFRecordWriter(str(temporary)) as writer,
        ):
            for entry in some:
                writer.write(_example(tf, folder, entry))
                progress()
        shards.append({"file": path.name, "sha256": digest(path)})
    return shards


def to_hdf5(folder, records, root, progress):
    """Pack a prepared folder into one HDF5 file.

    Groups `hr`, `lr_x2` and so on have a dataset (H, W, 3) uint8 an image.

    Args:
        folder: as for `to_tfrecord`.
        records: as for `to_tfrecord`.
        root: Path, where the file goes.
        progress: as for `to_tfrecord`.

    Returns:
        List of dict, name and checksum of the file.
    """
    import h5py

    path = root / "images.h5"
    with whole(path) as temporary, h5py.File(temporary, "w") as file:
        for entry in entries(records):
            name = _name(entry)
            for key, image in entry.items():
                pixels = rgb(images.read(folder / image), image)
                # Not compressed: it is read while a network waits.
                file[f"{key}/{name}"] = pixels
            progress()
    return [{"file": path.name, "sha256": digest(path)}]


def check_names(found):
    """Refuse a photo called like a folder beside it: HDF5 has one of a name.

    Args:
        found: list of (path, relative path), as `images.find` gives it.

    Raises:
        ValueError: there is such a photo.
    """
    folders = {parent for _, name in found for parent in name.parents}
    for path, name in found:
        if name.with_suffix("") in folders:
            raise ValueError(
                f"{path} would have the name of the folder "
                f"{path.with_suffix('')} in an HDF5 file: rename one of them, "
                "or use --to tfrecord"
            )


@contextlib.contextmanager
def whole(path):
    """Write a file under another name until it is complete.

    Args:
        path: Path.

    Yields:
        Path to write to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with signals.undone(temporary.unlink):
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _name(entry):
    """What an image is called: its HR file without HR/ and .png."""
    return Path(entry["hr"]).relative_to("HR").with_suffix("").as_posix()


def _example(tf, folder, entry):
    values = {key: (folder / name).read_bytes() for key, name in entry.items()}
    values["name"] = _name(entry).encode()
    features = {
        key: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for key, value in values.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString()

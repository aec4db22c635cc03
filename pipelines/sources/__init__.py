"""Where images come from: folders, archives, TFDS, TFRecord, HDF5.

`open_source` takes what was typed and finds out what it is. Everything that
holds images becomes a `Source`, which decodes any of them at any time.
"""

import os
from pathlib import Path

from sr_keras.pipelines.degradation.chain import DATASET
from sr_keras.pipelines.sources.source import Source
from sr_keras.support.suggest import meant

__all__ = ["Source", "open_source"]


def open_source(
    spec, scale, degradation="bicubic", split="train", data_dir=None
) -> Source:
    """Find images to learn from.

    Args:
        spec: a folder of images or of one of the known layouts; a zip file or
            a folder of DIV2K's; a folder that TFDS has prepared; TFRecord
            files (a file, a folder, or a pattern); an HDF5 file; or "div2k",
            or "div2k/unknown" and so on for the LR images of one of its
            kinds.
        scale: int, the factor, which says which LR images to take.
        degradation: how LR images are made of HR images; only "dataset" takes
            the LR images that the data has.
        split: "train" or "validation", of DIV2K.
        data_dir: folder of TFDS, of DIV2K's archives or of its folders.

    Returns:
        Source.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: there are no images, or no LR images where they are asked
            for; it lists the layouts that were looked for.
    """
    stored = degradation == DATASET
    if isinstance(spec, Source):
        return spec
    text = os.fspath(spec)
    if text.split("/")[0].lower() == "div2k" and not os.path.exists(text):
        from sr_keras.pipelines.sources.div2k import open_div2k

        return open_div2k(text, scale, stored, split, data_dir)
    if (Path(text) / "dataset_info.json").is_file():
        from sr_keras.pipelines.sources.div2k import open_prepared

        return open_prepared(text, split, scale, stored)
    if (found := _container(text)) is not None:
        return found(text, scale, stored)
    from sr_keras.pipelines.sources.layouts import open_folder

    try:
        return open_folder(text, scale, stored, split)
    except FileNotFoundError as error:
        near = meant(text.partition("/")[0], ["div2k"]).strip()
        text = f"{error}; {near}" if near else str(error)
        raise FileNotFoundError(text) from None


def _container(text):
    """The function that opens a file of many images; None for a folder."""
    suffix = Path(text).suffix.lower()
    if suffix in (".h5", ".hdf5"):
        from sr_keras.pipelines.sources.hdf5 import open_hdf5

        return open_hdf5
    from sr_keras.pipelines.sources.records import is_records, open_records

    return open_records if is_records(text) else None

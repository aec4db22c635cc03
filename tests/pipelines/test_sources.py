import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from checks import smooth
from cli_runs import save

import pipelines
from pipelines.sources import div2k
from sr_keras.imaging import images
from sr_keras.imaging.resize import imresize


def photo(seed, size=(16, 20)):
    rng = np.random.default_rng(seed)
    picture = smooth(*size) * 0.8 + 0.2 * rng.random((*size, 3))
    return images.quantize(picture, 8)


def put(path, array):
    return save(path, np.divide(array, 255, dtype="float32"))


def pairs(root, hr, lr, scale=2, count=3):
    """HR and LR images; hr and lr are names with {i}."""
    for i in range(1, count + 1):
        put(root / hr.format(i=f"{i:04}"), photo(i))
        small = imresize(photo(i), 1 / scale)
        # Nobody's own bicubic, so that the stored one is recognised.
        put(root / lr.format(i=f"{i:04}"), np.minimum(small, 200))
    return root


def check_pairs(source, scale=2, count=3):
    assert len(source) == count
    assert source.has_lr
    for i in range(count):
        np.testing.assert_array_equal(source.hr(i), photo(i + 1))
        small = np.minimum(imresize(photo(i + 1), 1 / scale), 200)
        np.testing.assert_array_equal(source.lr(i), small)
        assert source.sizes(i) == ((16, 20), (16 // scale, 20 // scale))


LAYOUTS = {
    "div2k": ("DIV2K_train_HR/{i}.png",
              "DIV2K_train_LR_bicubic/X2/{i}x2.png"),
    "div2k unknown": ("DIV2K_train_HR/{i}.png",
                      "DIV2K_train_LR_unknown/X2/{i}x2.png"),
    "edsr": ("HR/{i}.png", "LR_bicubic/X2/{i}x2.png"),
    "edsr, short": ("HR/{i}.png", "X2/{i}x2.png"),
    "basicsr": ("DIV2K_train_HR_sub/{i}_s001.png",
                "DIV2K_train_LR_bicubic/X2_sub/{i}_s001.png"),
    "basicsr benchmark": ("GTmod12/{i}.png", "LRbicx2/{i}.png"),
    "plain": ("hr/sub/{i}.png", "lr/sub/{i}.png"),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(tmp_path, name):
    pairs(tmp_path, *LAYOUTS[name])
    check_pairs(pipelines.open_source(tmp_path, 2, "dataset"))
    alone = pipelines.open_source(tmp_path, 2)
    assert not alone.has_lr
    assert len(alone) == 3
    assert "--degradation dataset" in alone.notes[0]
    inner = tmp_path / Path(LAYOUTS[name][0]).parts[0]
    check_pairs(pipelines.open_source(inner, 2, "dataset"))


def test_bicubic_comes_before_unknown(tmp_path):
    pairs(tmp_path, *LAYOUTS["div2k"])
    put(tmp_path / "DIV2K_train_LR_unknown/X2/0001x2.png", photo(1))
    check_pairs(pipelines.open_source(tmp_path, 2, "dataset"))


def test_several_lr_images_of_one(tmp_path):
    """DIV2K's wild track: 0001x4w1.png to 0001x4w4.png."""
    pairs(tmp_path, "DIV2K_train_HR/{i}.png",
          "DIV2K_train_LR_wild/{i}x4w1.png", 4)  # fmt: skip
    for i in (1, 2, 3):
        put(tmp_path / f"DIV2K_train_LR_wild/000{i}x4w2.png", photo(0)[:4, :5])
    source = pipelines.open_source(tmp_path, 4, "dataset")
    assert len(source) == 6
    assert source.names[0] == source.names[1]


def test_splits(tmp_path):
    pairs(tmp_path, *LAYOUTS["div2k"])
    put(tmp_path / "DIV2K_valid_HR" / "0801.png", photo(9))
    source = pipelines.open_source(tmp_path, 2, split="validation")
    np.testing.assert_array_equal(source.hr(0), photo(9))
    assert len(source) == 1


def test_zip_files(tmp_path):
    plain = pairs(tmp_path / "plain", *LAYOUTS["div2k"])
    for name, folder in (
        ("DIV2K_train_HR", "DIV2K_train_HR"),
        ("DIV2K_train_LR_bicubic_X2", "DIV2K_train_LR_bicubic"),
    ):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for path in sorted((plain / folder).rglob("*.png")):
                archive.write(path, path.relative_to(plain))
    check_pairs(pipelines.open_source(tmp_path, 2, "dataset"))
    archive = tmp_path / "DIV2K_train_HR.zip"
    check_pairs(pipelines.open_source(archive, 2, "dataset"))
    assert len(pipelines.open_source(archive, 2)) == 3
    (tmp_path / "bad.zip").write_bytes(b"PK nothing")
    with pytest.raises(ValueError, match="bad.zip is no zip file"):
        pipelines.open_source(tmp_path / "bad.zip", 2)


def test_any_folder(tmp_path):
    put(tmp_path / "a" / "b.png", photo(1))
    put(tmp_path / "a" / "c" / "d.png", photo(2)[..., :1])
    save(tmp_path / "a" / "c" / "e.png", np.full((5, 4, 3), 0.5, "float32"),
         alpha=np.zeros((5, 4, 1), "float32"))  # fmt: skip
    source = pipelines.open_source(tmp_path / "a", 2)
    assert [Path(n).name for n in source.names] == ["b.png", "d.png", "e.png"]
    grey = np.repeat(photo(2)[..., :1], 3, -1)
    np.testing.assert_array_equal(source.hr(1), grey)
    assert (source.hr(2) == 255).all()  # transparent: white
    pattern = pipelines.open_source(f"{tmp_path}/a/*.png", 2)
    assert len(pattern) == 1


def test_hr_and_lr_images_in_one_folder(tmp_path):
    pairs(tmp_path, "img_{i}_SRF_2_HR.png", "img_{i}_SRF_2_LR.png")
    check_pairs(pipelines.open_source(tmp_path, 2, "dataset"))
    source = pipelines.open_source(tmp_path, 2)
    assert not source.has_lr
    assert [source.hr(i).shape for i in range(len(source))] == [(16, 20, 3)] * 3
    assert "img_0001_SRF_2_LR.png for one" in source.notes[0]


def test_what_is_not_recognised(tmp_path):
    put(tmp_path / "high" / "1.png", photo(1))
    put(tmp_path / "LR_small" / "1.png", photo(1)[:8, :10])
    for degradation in ("dataset", "bicubic"):
        with pytest.raises(ValueError, match="no layout") as caught:
            pipelines.open_source(tmp_path, 2, degradation)
        text = str(caught.value)
        assert "DIV2K_train_HR with DIV2K_train_LR_bicubic/X2" in text
        assert "GTmod12 with LRbicx2" in text
        assert text.endswith("found LR_small/, high/")
    pairs(tmp_path / "x", *LAYOUTS["edsr"])
    with pytest.raises(ValueError, match="no LR images for x3.*LR_bicubic/X3"):
        pipelines.open_source(tmp_path / "x", 3, "dataset")
    (tmp_path / "x/LR_bicubic/X2/0002x2.png").unlink()
    with pytest.raises(ValueError, match="1 of 3 HR images.*: 0002.png;"):
        pipelines.open_source(tmp_path / "x", 2, "dataset")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        pipelines.open_source(tmp_path / "nowhere", 2)


def test_the_stored_lr_images_are_those_of_the_batches(tmp_path):
    pairs(tmp_path, *LAYOUTS["edsr"])
    source = pipelines.open_source(tmp_path, 2, "dataset")
    data = pipelines.whole(source, 2, degradation="dataset")
    for i, (lr, hr) in enumerate(data.as_numpy_iterator()):
        np.testing.assert_array_equal(images.quantize(lr[0], 8), source.lr(i))
        np.testing.assert_array_equal(images.quantize(hr[0], 8), source.hr(i))
    data = pipelines.paired(
        source, 2, degradation="dataset", batch_size=3, hr_patch_size=16,
        augment=False,
    )  # fmt: skip
    lr, _ = next(data.as_numpy_iterator())
    assert lr.max() <= np.float32(200 / 255)


def test_subsets(tmp_path):
    pairs(tmp_path, *LAYOUTS["edsr"], count=5)
    source = pipelines.open_source(tmp_path, 2)
    training, validation = source.divided(0.2, seed=1)
    assert len(training) == 4
    assert len(validation) == 1
    assert sorted(training.names + validation.names) == source.names
    assert source.divided(0.2, seed=1)[1].names == validation.names
    validation.skip(0, "is bad")
    assert source.skipped == [f"{validation.names[0]}: is bad"]
    with pytest.raises(ValueError, match="1 image, which cannot be divided"):
        validation.divided(0.5)


def png(array):
    return tf.io.encode_png(array).numpy()


def records(path, **features):
    """A TFRecord file; a list of bytes for each feature."""
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for values in zip(*features.values(), strict=True):
            example = tf.train.Example()
            for key, value in zip(features, values, strict=True):
                example.features.feature[key].bytes_list.value.append(value)
            writer.write(example.SerializeToString())
    return path


def test_tfrecord(tmp_path):
    hrs = [png(photo(i)) for i in (1, 2, 3)]
    lrs = [png(np.minimum(imresize(photo(i), 0.5), 200)) for i in (1, 2, 3)]
    root = tmp_path / "shards"
    records(root / "a-00000-of-00002.tfrecord", hr=hrs[:2], lr=lrs[:2])
    last = records(root / "a-00001-of-00002.tfrecord", hr=hrs[2:], lr=lrs[2:])
    check_pairs(pipelines.open_source(root, 2, "dataset"))
    check_pairs(pipelines.open_source(f"{root}/*.tfrecord", 2, "dataset"))
    assert not pipelines.open_source(last, 2).has_lr
    other = records(tmp_path / "b.tfrecord", other=hrs)
    with pytest.raises(ValueError, match="no HR images: .* found other"):
        pipelines.open_source(other, 2)
    plain = records(tmp_path / "c.tfrecord", image=hrs)
    with pytest.raises(ValueError, match="no LR images"):
        pipelines.open_source(plain, 2, "dataset")
    np.testing.assert_array_equal(
        pipelines.open_source(plain, 2).hr(2), photo(3)
    )
    last.write_bytes(last.read_bytes()[:-9])
    with pytest.raises(ValueError, match="is cut off after 0 records"):
        pipelines.open_source(root, 2)


def test_a_record_is_what_tensorflow_says(tmp_path):
    """Also with features of other types, and long ones."""
    example = tf.train.Example()
    feature = example.features.feature
    feature["scale"].int64_list.value.extend([2, 300, -1])
    feature["mean"].float_list.value.extend([0.5] * 40)
    feature["hr"].bytes_list.value.extend([png(photo(1)), b"other"])
    feature["empty"].bytes_list.value.extend([])
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(example.SerializeToString())
    source = pipelines.open_source(tmp_path / "a.tfrecord", 2)
    np.testing.assert_array_equal(source.hr(0), photo(1))
    assert source.sizes(0) == ((16, 20), None)
    with tf.io.TFRecordWriter(str(tmp_path / "b.tfrecord")) as writer:
        writer.write(b"\x0a\xff\xff\x7f no such thing")
    with pytest.raises(ValueError, match="is no tf.train.Example: it is cut"):
        pipelines.open_source(tmp_path / "b.tfrecord", 2)


def test_a_broken_record_is_left_out(tmp_path):
    contents = [png(photo(i)) for i in (1, 2, 3)]
    contents[1] = contents[1][:-30]
    path = records(tmp_path / "a.tfrecord", hr=contents)
    source = pipelines.open_source(path, 2)
    assert len(list(pipelines.whole(source, 2))) == 2
    assert "a.tfrecord, image 1 cannot be read as PNG" in source.skipped[0]


def test_hdf5(tmp_path):
    hrs = np.stack([photo(i) for i in (1, 2, 3)])
    lrs = [np.minimum(imresize(hr, 0.5), 200) for hr in hrs]
    with h5py.File(tmp_path / "arrays.h5", "w") as file:
        file["hr"], file["lr"] = hrs, np.stack(lrs)
    with h5py.File(tmp_path / "groups.hdf5", "w") as file:
        for i in range(3):
            file[f"hr/sub/{i}"], file[f"lr_x2/sub/{i}"] = hrs[i], lrs[i]
    for name in ("arrays.h5", "groups.hdf5"):
        check_pairs(pipelines.open_source(tmp_path / name, 2, "dataset"))
        assert not pipelines.open_source(tmp_path / name, 2).has_lr
    with pytest.raises(ValueError, match="no LR images for x3.*hr, lr_x2"):
        pipelines.open_source(tmp_path / "groups.hdf5", 3, "dataset")
    (tmp_path / "bad.h5").write_bytes(b"no")
    with pytest.raises(ValueError, match="bad.h5 is no HDF5 file"):
        pipelines.open_source(tmp_path / "bad.h5", 2)
    with pytest.raises(FileNotFoundError, match="none.h5 does not exist"):
        pipelines.open_source(tmp_path / "none.h5", 2)


@pytest.fixture
def archives(tmp_path, monkeypatch):
    """DIV2K's archives, as TFDS unpacks what it has downloaded."""
    root = tmp_path / "archives"
    for split in ("train", "valid"):
        pairs(root / split, f"DIV2K_{split}_HR/{{i}}.png",
              "LR/X2/{i}x2.png")  # fmt: skip
    asked = []

    def download_and_extract(self, urls):
        asked.append(urls)
        return {
            key: str(root / key.split("_")[0] / ("" if "hr" in key else "LR"))
            for key in urls
        }

    monkeypatch.setattr(
        tfds.download.DownloadManager,
        "download_and_extract",
        download_and_extract,
    )
    monkeypatch.setattr(div2k, "reachable", lambda: True)
    return asked


def by_content(source):
    """TFDS shuffles: the images in the order of their files."""
    order = [
        next(
            i
            for i in range(len(source))
            if np.array_equal(source.hr(i), photo(n))
        )
        for n in range(1, len(source) + 1)
    ]
    return source.subset(order)


def test_tfds_prepares_div2k(archives, tmp_path, monkeypatch, capfd):
    where = {"data_dir": tmp_path / "tfds"}
    source = pipelines.open_source("div2k", 2, "dataset", **where)
    check_pairs(by_content(source))
    assert archives[0]["train_lr_url"].endswith("LR_bicubic_X2.zip")
    assert not capfd.readouterr().out
    # From now on it is on disk.
    monkeypatch.setattr(div2k, "reachable", lambda: False)
    for split in ("train", "validation"):
        again = pipelines.open_source("div2k", 2, "dataset", split, **where)
        check_pairs(by_content(again))
    assert len(pipelines.open_source("div2k", 4, **where)) == 3
    folder = next((tmp_path / "tfds").rglob("dataset_info.json")).parent
    check_pairs(by_content(pipelines.open_source(folder, 2, "dataset")))
    assert len(archives) == 1
    with pytest.raises(FileNotFoundError, match="DIV2K_train_LR_bicubic_X4"):
        pipelines.open_source("div2k", 4, "dataset", **where)


def test_div2k_without_network(tmp_path, monkeypatch):
    monkeypatch.setattr(div2k, "reachable", lambda: False)
    where = {"data_dir": tmp_path}
    with pytest.raises(FileNotFoundError) as caught:
        pipelines.open_source("div2k/unknown", 2, "dataset", "validation",
                              **where)  # fmt: skip
    text = str(caught.value)
    assert "put DIV2K_valid_HR.zip (and DIV2K_valid_LR_unknown_X2.zip" in text
    assert str(tmp_path) in text
    assert "\n" not in text
    pairs(tmp_path / "DIV2K", *LAYOUTS["div2k"])
    check_pairs(pipelines.open_source("div2k", 2, "dataset", **where))


def test_a_download_that_breaks_off(archives, tmp_path, monkeypatch):
    def broken(self, urls):
        raise ConnectionResetError("the line is cut\nsomewhere")

    manager = tfds.download.DownloadManager
    monkeypatch.setattr(manager, "download_and_extract", broken)
    with pytest.raises(FileNotFoundError, match="put DIV2K_.*is cut\\)$"):
        pipelines.open_source("div2k", 2, data_dir=tmp_path / "tfds")


def test_div2k_that_does_not_exist(tmp_path):
    with pytest.raises(ValueError, match="no div2k/other: .*bicubic, unknown"):
        pipelines.open_source("div2k/other", 2, data_dir=tmp_path)
    for spec, scale in (("wild", 2), ("unknown", 8), ("bicubic_x4", 2)):
        with pytest.raises(ValueError, match="realistic_wild_x4"):
            pipelines.open_source(f"div2k/{spec}", scale, "dataset")


def test_nothing_answers():
    assert not div2k.reachable("http://127.0.0.1:9/", 2)


def test_images_are_decoded_from_memory(tmp_path):
    path = put(tmp_path / "a.png", photo(1))
    image = images.decode(path.read_bytes(), "a.png in b.zip")
    np.testing.assert_array_equal(image.pixels, images.read(path).pixels)
    with pytest.raises(ValueError, match="a.png in b.zip is not an image"):
        images.decode(b"nothing", "a.png in b.zip")


def test_every_level_is_kept(tmp_path):
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, -1)
    put(tmp_path / "a.png", levels)
    source = pipelines.open_source(tmp_path, 2)
    np.testing.assert_array_equal(source.hr(0), levels)

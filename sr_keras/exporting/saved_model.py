"""SavedModels with two signatures: of images, and of files."""

import collections

import tensorflow as tf

from sr_keras.imaging.quantize import quantized
from sr_keras.inference import exported_metadata

# Operations that compute nothing.
_NO_WORK = {"Const", "Identity", "NoOp", "StatefulPartitionedCall"}

# What a PNG or JPEG file can be decoded to: grey, RGB, RGBA.
_DECODED = (1, 3, 4)


def write(picture, settings, path):
    """Write a SavedModel.

    `serving_default` takes `images`, float32 (N, H, W, C) in [0, 1], and gives
    `sr`; `serve_bytes` takes `image_bytes`, PNG or JPEG files (N,), and gives
    `sr_bytes`, PNG files.

    Args:
        picture: graph.Picture.
        settings: settings.Settings.
        path: Path of the folder.
    """
    module = tf.Module()
    # What has no variables loads without them.
    module.weights = [v.value for v in picture.network.variables]
    specification = picture.specification()

    @tf.function(input_signature=[specification], jit_compile=False)
    def serve(images):
        return {"sr": picture(images)}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")],
        jit_compile=False,
    )
    def serve_bytes(image_bytes):
        found = tf.map_fn(
            lambda x: _enlarged_file(picture, x),
            image_bytes,
            fn_output_signature=tf.string,
        )
        return {"sr_bytes": found}

    signatures = {"serving_default": serve}
    # A file's grey is not the luma that such a network takes.
    luma_alone = picture.on_luma and not picture.colour
    if picture.channels in _DECODED and not luma_alone:
        signatures["serve_bytes"] = serve_bytes
    tf.saved_model.save(module, str(path), signatures=signatures)
    exported_metadata.to_saved_model(
        path, picture.facts() | {"format": "saved_model"}
    )


def operations(path):
    """What a SavedModel computes with.

    Args:
        path: Path of its folder.

    Returns:
        dict of str -> int, how often it has each operation.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    model.ParseFromString((path / "saved_model.pb").read_bytes())
    library = model.meta_graphs[0].graph_def.library
    counts = collections.Counter(
        node.op
        for function in library.function
        if "serve" in function.signature.name
        and "bytes" not in function.signature.name
        for node in function.node_def
        if node.op not in _NO_WORK
    )
    return dict(sorted(counts.items()))


def _enlarged_file(picture, content):
    count = picture.channels
    image = tf.io.decode_image(content, count, expand_animations=False)
    image.set_shape((None, None, count))
    sr = picture(tf.cast(image, tf.float32)[None] / 255.0)[0]
    return tf.io.encode_png(quantized(sr, 8))

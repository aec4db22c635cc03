"""What TensorBoard shows, written without it being installed."""

import tensorflow as tf
from tensorflow.core.framework import summary_pb2

# Plugin -> how its data are stored, as TensorBoard has it.
_CLASSES = {
    "scalars": summary_pb2.DATA_CLASS_SCALAR,
    "images": summary_pb2.DATA_CLASS_BLOB_SEQUENCE,
}


class EventLog:
    """Writes scalars and images to an event file.

    Args:
        folder: Path, made when something is written.
    """

    def __init__(self, folder):
        self._folder = folder
        self._writer = None

    def scalar(self, name, value, step):
        """Add a number.

        Args:
            name: str, the curve's.
            value: float.
            step: int.
        """
        self._write(name, tf.constant(value, tf.float32), step, "scalars")

    def image(self, name, content, size, step):
        """Add a picture.

        Args:
            name: str, the picture's.
            content: bytes, a PNG file.
            size: pair (height, width).
            step: int.
        """
        height, width = size
        parts = [str(width).encode(), str(height).encode(), content]
        self._write(name, tf.constant(parts), step, "images")

    def flush(self):
        """Put all of it on the disk."""
        if self._writer:
            self._writer.flush()

    def close(self):
        """End the file."""
        if self._writer:
            self._writer.close()

    def _write(self, name, tensor, step, plugin):
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._folder))
        data = summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin)
        metadata = summary_pb2.SummaryMetadata(
            plugin_data=data, data_class=_CLASSES[plugin]
        )
        with self._writer.as_default():
            tf.summary.write(name, tensor, step=step, metadata=metadata)

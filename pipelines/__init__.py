"""Data: tf.data pipelines that yield `(lr, hr)` batches."""

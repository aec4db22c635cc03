"""Networks as files that run without Keras and without this package."""

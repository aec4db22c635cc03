"""Arrays and image files; imports no Keras."""

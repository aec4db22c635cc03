"""One network at a time."""

import threading

# TensorFlow's convolutions by oneDNN keep what they compute with in one place
# for all threads: two runs of a function at once gave wrong pixels, or crashed
# (TensorFlow 2.21). A network has all processors to itself anyway.
ALONE = threading.RLock()

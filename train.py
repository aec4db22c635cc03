"""The `sr-keras train` command, runnable from a checkout."""

import sys

from sr_keras.cli import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))

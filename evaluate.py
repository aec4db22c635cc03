"""The `sr-keras evaluate` command, runnable from a checkout."""

import sys

from sr_keras.cli import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))

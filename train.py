"""The `sr-keras train` command, runnable from a checkout."""

import sys

from sr_keras.__main__ import main

if __name__ == "__main__":
    sys.exit(main("train"))

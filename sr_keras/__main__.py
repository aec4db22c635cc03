"""`python -m sr_keras COMMAND` is `sr-keras COMMAND`."""

import sys

from sr_keras.cli import main

if __name__ == "__main__":
    sys.exit(main())

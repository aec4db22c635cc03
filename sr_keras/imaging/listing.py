"""Listing the images that an argument means, and saying what is left out."""

import sys

from sr_keras.imaging import images, match_files
from sr_keras.support.console import miss, say
from sr_keras.support.progress import counted


def find_images(given):
    """List the images that an argument means; say what is left out.

    Args:
        given: str or Path, as `images.find` takes it.

    Returns:
        List of (Path, relative Path).
    """
    found = images.find(given)
    miss(found.unreadable)
    if found.left_out:
        say(found.left_out, sys.stderr)
    return found


def find_hr(given):
    """List the HR images of a folder; leave out LR images beside them.

    Args:
        given: str or Path, as `images.find` takes it.

    Returns:
        List of (Path, relative Path).
    """
    hr, lr = match_files.split(find_images(given))
    if lr:
        say(
            f"{counted(len(lr), 'LR image')} beside their HR images in {given} "
            f"left out, {lr[0][1]} for one",
            sys.stderr,
        )
    return hr

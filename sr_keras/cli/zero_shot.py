"""`train --model zssr`: which photos, with what settings, to which folder."""

import glob
import os

from sr_keras.imaging.listing import find_images
from sr_keras.training import config
from sr_keras.training.flags import SIZES, TOP, ZERO_SHOT
from sr_keras.training.zero_shot import batch
from sr_keras.training.zero_shot.photo import Photo
from sr_keras.training.zero_shot.zero_shot import free_folder, job_of, run_photo


def run(request, started):
    """Run the command.

    Args:
        request: training.config.Request.
        started: time.monotonic() at which the command began.

    Returns:
        The exit code.
    """
    job, layers = _settings(request)
    if not job["image"]:
        raise ValueError("no photo: give --image FILE, FOLDER or 'PATTERN*'")
    found = find_images(job["image"])
    if _is_many(job["image"]):
        return batch.run(found, job, layers, request, run_photo)
    photo = Photo(found[0][0], job, started)
    folder = free_folder(photo.name, request.output, request.overwrite)
    return run_photo(photo, layers, folder).code


def _settings(request):
    """The top level of config.json, and the layers of what is below it."""
    stored, stored_groups = {}, {}
    if request.config:
        stored, stored_groups = config.checked(
            config.read(request.config), ZERO_SHOT, request.config
        )
    if any(key in request.given for key in SIZES):
        stored = {k: v for k, v in stored.items() if k not in SIZES}
    if "recipe" in request.given:
        stored_groups = {}
    # An empty flag, --crop '', takes back what a config.json says.
    given = {
        key: None if value == "" and TOP[key] is None else value
        for key, value in request.given.items()
    }
    return job_of({**stored, **given}), (stored_groups, request.groups)


def _is_many(image):
    return os.path.isdir(image) or (
        not os.path.exists(image) and glob.has_magic(image)
    )

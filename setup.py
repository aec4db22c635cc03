"""The packages; everything else is in setup.cfg.

The folder `pipelines` is installed as `sr_keras.pipelines`: a top-level package
of that name would meet those of other projects.
"""

from setuptools import find_packages, setup

own = find_packages(include=["sr_keras*"])
pipelines = find_packages(include=["pipelines*"])

setup(
    packages=own + [f"sr_keras.{name}" for name in pipelines],
    package_dir={"sr_keras.pipelines": "pipelines"},
)

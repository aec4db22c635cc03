"""`import pipelines` in a checkout: another name of `sr_keras.pipelines`."""

import importlib
import importlib.abc
import importlib.util
import sys

NAME = "pipelines"


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers `pipelines.x` with the module `sr_keras.pipelines.x`."""

    def find_spec(self, name, path=None, target=None):
        """A spec for the modules below the name; None for others."""
        if not name.startswith(f"{NAME}."):
            return None
        return importlib.util.spec_from_loader(name, self)

    def create_module(self, spec):
        """The module under its own name."""
        module = importlib.import_module(f"sr_keras.{spec.name}")
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module):
        """It has been executed; it gets its own spec back."""
        module.__spec__ = module.__spec__.loader_state


def alias():
    """Let `pipelines` and all below it be the modules of sr_keras."""
    sys.modules[NAME] = importlib.import_module(f"sr_keras.{NAME}")
    sys.meta_path.insert(0, _Alias())

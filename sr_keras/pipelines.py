"""Finds `sr_keras.pipelines` in a checkout, where its folder lies beside.

An installation has the folder `pipelines` of the checkout as
`sr_keras/pipelines`, which Python takes in place of this file. In a checkout,
and in an editable installation, this file loads the same folder under the same
name. So no import of sr_keras asks for a top-level `pipelines`, a name that
other projects have, too.
"""

import importlib.util
import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[1] / "pipelines"

_spec = importlib.util.spec_from_file_location(
    __name__,
    _FOLDER / "__init__.py",
    submodule_search_locations=[str(_FOLDER)],
)
_module = importlib.util.module_from_spec(_spec)
# The import that has led here returns what stands under the name at its end.
sys.modules[__name__] = _module
_spec.loader.exec_module(_module)

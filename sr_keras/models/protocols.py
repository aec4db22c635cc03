"""Names of the protocols, today's and those in files written before.

`metrics.PROTOCOLS` defines them. NumPy is not imported here, so that
`--help` can list the names.
"""

from sr_keras.support.suggest import unknown

NAMES = ("y", "y8", "rgb", "yiq")

DEFAULT = "y"

# How LR and SR are made: of 8-bit files, or of rounded Y in floats.
FILES, LUMA = "files", "luma"

# Names in files of earlier versions, and today's.
_FORMER = {"matlab-y": "y"}


def check(name):
    """Return the name of a protocol that exists.

    Args:
        name: str.

    Returns:
        str, the same name.

    Raises:
        ValueError: no protocol has that name; for a former name the message
            has today's.
    """
    if name in _FORMER:
        raise ValueError(
            f"the protocol {name!r} is called {_FORMER[name]!r} now: give "
            "that, or 'y8', which rounds Y as MATLAB does"
        )
    if name not in NAMES:
        raise ValueError(unknown("there is no protocol", name, NAMES))
    return name


def update(content):
    """Replace the former names of protocols in the content of a JSON file.

    Args:
        content: a JSON value: metrics.json, config.json, a table of
            `evaluate`, a card of weights.

    Returns:
        The same value with today's names: as keys, and where the key is
        "protocol".
    """
    if isinstance(content, list):
        return [update(value) for value in content]
    if not isinstance(content, dict):
        return content
    found = {_FORMER.get(k, k): update(v) for k, v in content.items()}
    name = found.get("protocol")
    if isinstance(name, str):
        found["protocol"] = _FORMER.get(name, name)
    return found

"""Which machines train together, as TF_CONFIG says.

TensorFlow's form: {"cluster": {"worker": ["host:port", ...]}, "task": {"type":
"worker", "index": 0}}, with the same cluster on every machine.
"""

import dataclasses
import json
import os

VARIABLE = "TF_CONFIG"

# Who can train: see `distributed.team`.
STRATEGIES = ("auto", "one", "mirrored", "multi-worker")

# Jobs that train; the chief, where there is one, comes first.
_JOBS = ("chief", "worker")

_EXAMPLE = (
    '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Workers, and which of them this process is.

    Attributes:
        addresses: tuple of str "host:port", the chief's first.
        index: int, this worker's place in them.
        jobs: tuple of pairs (job, index), TensorFlow's names for them.
    """

    addresses: tuple
    index: int
    jobs: tuple

    def named(self, job, index):
        """Which worker TensorFlow means, for a person.

        Args:
            job: str, "chief" or "worker".
            index: int.

        Returns:
            str, as "worker 1 (host:port)".
        """
        number = self.jobs.index((job, index))
        return f"worker {number} ({self.addresses[number]})"


def cluster():
    """Read TF_CONFIG.

    Returns:
        Cluster, or None where it is not set or names no worker.

    Raises:
        ValueError: it says what cannot be.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        config = json.loads(text)
    except ValueError as e:
        raise ValueError(_wrong(f"is not JSON ({e})", text)) from e
    try:
        places = dict(config.get("cluster") or {})
        task = dict(config.get("task") or {})
        listed = {job: [str(a) for a in places[job]] for job in places}
    except (AttributeError, TypeError, ValueError) as e:
        raise ValueError(_wrong("has another form", text)) from e
    if not any(listed.values()):
        return None
    others = sorted(set(listed) - set(_JOBS))
    if others:
        raise ValueError(_wrong(f"has a job {others[0]!r}", text))
    jobs = tuple((job, i) for job in _JOBS
                 for i in range(len(listed.get(job, ()))))  # fmt: skip
    index = str(task.get("index"))
    own = (task.get("type"), int(index) if index.isdigit() else None)
    if own not in jobs:
        raise ValueError(
            _wrong(f"has no {own[0]} {index} in its cluster", text)
        )
    addresses = tuple(listed[job][i] for job, i in jobs)
    for address in addresses:
        if not address.rpartition(":")[2].isdigit():
            raise ValueError(_wrong(f"has {address!r} without a port", text))
    return Cluster(addresses, jobs.index(own), jobs)


def check(name, gpus, cluster):
    """Refuse what does not fit.

    Args:
        name: str, one of `STRATEGIES`.
        gpus: int, how many are asked for, or None.
        cluster: Cluster, or None.

    Raises:
        ValueError: it does not.
    """
    if name == "one" and (gpus or 1) > 1:
        raise ValueError(
            f"--strategy one is for one device, not --gpus {gpus}: leave out "
            "one of the two"
        )
    if name == "multi-worker" and cluster is None:
        raise ValueError(
            f"--strategy multi-worker needs {VARIABLE}, which names the "
            "workers: set it (docs/training.md), or leave out --strategy"
        )
    count = len(cluster.addresses) if cluster else 1
    if name in ("one", "mirrored") and count > 1:
        raise ValueError(
            f"--strategy {name} is for one machine, but {VARIABLE} names "
            f"{count} workers: unset it, or leave out --strategy"
        )


def _wrong(what, text):
    return f"{VARIABLE} {what}: {text[:100]!r}; set it like {_EXAMPLE}"

"""Which machines train together, and the launch files that say so."""

import json
import os
import re
import subprocess

import pytest
from checks import ROOT

from sr_keras.training.distributed import cluster

TWO = {
    "cluster": {"worker": ["a:1", "b:2"]},
    "task": {"type": "worker", "index": 1},
}


@pytest.fixture
def told(monkeypatch):
    """Sets TF_CONFIG and reads it."""

    def read(config):
        text = config if isinstance(config, str) else json.dumps(config)
        monkeypatch.setenv("TF_CONFIG", text)
        return cluster.cluster()

    return read


def test_the_cluster(told):
    found = told(TWO)
    assert found.addresses == ("a:1", "b:2")
    assert (found.index, found.named("worker", 0)) == (1, "worker 0 (a:1)")
    chief = {"cluster": {"worker": ["a:1"], "chief": ["c:9"]}}
    found = told({**chief, "task": {"type": "worker", "index": "0"}})
    assert found.addresses == ("c:9", "a:1")
    assert found.index == 1
    assert told({**chief, "task": {"type": "chief", "index": 0}}).index == 0
    assert told("") is None
    assert told({}) is None
    assert told({"cluster": {}, "task": {}}) is None


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", "TF_CONFIG is not JSON"),
        ("[]", "TF_CONFIG has another form"),
        ({"cluster": ["a:1"]}, "TF_CONFIG has another form"),
        ({"cluster": TWO["cluster"]}, "has no None None in its cluster"),
        ({**TWO, "task": {"type": "worker", "index": 2}}, "no worker 2 in its"),
        ({**TWO, "cluster": {"ps": ["a:1"]}}, "has a job 'ps'"),
        ({**TWO, "cluster": {"worker": ["a", "b:2"]}}, "'a' without a port"),
    ],
)
def test_a_cluster_that_cannot_be(told, config, says):
    with pytest.raises(ValueError, match=says):
        told(config)


def test_what_does_not_fit(told):
    two = told(TWO)
    one = told({**TWO, "cluster": {"worker": ["a:1"]},
                "task": {"type": "worker", "index": 0}})  # fmt: skip
    for name in ("auto", "multi-worker"):
        cluster.check(name, None, two)
    for name in ("auto", "one", "mirrored", "multi-worker"):
        cluster.check(name, 1, one)
    for name in ("one", "mirrored"):
        with pytest.raises(ValueError, match="TF_CONFIG names 2 workers"):
            cluster.check(name, None, two)
    with pytest.raises(ValueError, match="multi-worker needs TF_CONFIG"):
        cluster.check("multi-worker", None, None)
    with pytest.raises(ValueError, match="one is for one device, not --gpus 2"):
        cluster.check("one", 2, None)


# --- launch files ------------------------------------------------------------


def shown(kind):
    """The launch file of docs/training.md that has this word."""
    text = (ROOT / "docs/training.md").read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    (found,) = [block for block in blocks if kind in block]
    return found


def test_the_launch_file_for_slurm(tmp_path):
    """With stand-ins for Slurm's commands: every task has its TF_CONFIG."""
    tools = {
        "scontrol": "printf 'node%s\\n' 1 2",
        "srun": 'for SLURM_PROCID in 0 1; do export SLURM_PROCID; "$@"; done',
        "sr-keras": 'echo "$TF_CONFIG" "$@"',
    }
    for name, text in tools.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
    done = subprocess.run(
        ["bash"], input=shown("#SBATCH"), capture_output=True, text=True,
        cwd=tmp_path, check=True, timeout=60,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}",
             "SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_ID": "7"},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for i, line in enumerate(lines):
        config, end = json.JSONDecoder().raw_decode(line)
        assert config["task"] == {"type": "worker", "index": i}
        hosts = [a.split(":")[0] for a in config["cluster"]["worker"]]
        assert hosts == ["node1", "node2"]
        assert line[end:].split()[0] == "train"
        assert "--resume" in line


def test_the_launch_file_for_kubernetes(told):
    """The shell script in it makes each pod's TF_CONFIG."""
    text = shown("kind: Job")
    script = re.search(r"- \|\n(.*?)^ *resources:", text, re.M | re.S)[1]
    count = int(re.search(r"parallelism: (\d+)", text)[1])
    assert f'value: "{count}"' in text
    assert "--resume" in script
    script = script.replace("exec sr-keras", 'echo "$TF_CONFIG"; : sr-keras')
    for index in range(count):
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, check=True,
            env={**os.environ, "JOB_COMPLETION_INDEX": str(index),
                 "WORKERS": str(count)},
        )  # fmt: skip
        found = told(done.stdout.strip())
        assert found.index == index
        assert len(found.addresses) == count
        assert found.addresses[0].startswith("edsr-0.edsr:")

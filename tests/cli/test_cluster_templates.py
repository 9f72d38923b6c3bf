"""The templates for clusters: they can be read, and the zoo takes their commands."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from zoo.cli import main

TEMPLATES = Path(__file__).parents[2] / "docs" / "cluster"


def taken(command):
    """What the command line makes of a command, without running it."""
    program, name, *arguments = command
    assert program == "zoo"
    return main.commands[name].make_context(name, list(arguments)).params


def test_tfjob():
    (job,) = yaml.safe_load_all((TEMPLATES / "tfjob.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("kubeflow.org/v1", "TFJob")
    assert list(job["spec"]["tfReplicaSpecs"]) == ["Worker"]
    worker = job["spec"]["tfReplicaSpecs"]["Worker"]
    assert worker["replicas"] > 1
    pod = worker["template"]["spec"]
    (container,) = pod["containers"]
    # The operator looks for a container of this name.
    assert container["name"] == "tensorflow"
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        volume["name"] for volume in pod["volumes"]
    }
    options = taken(container["command"])
    assert options["folder"]
    assert options["resume"]
    assert not options["workers"]


def test_slurm():
    path = TEMPLATES / "slurm.sbatch"
    assert subprocess.run(["bash", "-n", path], capture_output=True).returncode == 0
    lines = path.read_text().splitlines()
    asked = dict(
        line.removeprefix("#SBATCH --").partition("=")[::2]
        for line in lines
        if line.startswith("#SBATCH ")
    )
    assert int(asked["nodes"]) * int(asked["ntasks-per-node"]) > 1
    (step,) = [shlex.split(line) for line in lines if line.startswith("srun ")]
    options = taken(step[step.index("zoo") :])
    # What was said before the job was queued again stays.
    assert asked["open-mode"] == "append"
    assert options["cluster"] == "slurm"
    assert options["folder"]
    assert options["resume"]


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (1, False), (130, True)])
def test_slurm_queues_a_job_again_whose_run_was_stopped(tmp_path, code, requeued):
    asked = tmp_path / "asked"
    programs = {"srun": f"exit {code}", "scontrol": f'echo "$@" >> "{asked}"'}
    for name, does in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    known = {"SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_JOB_ID": "71"}
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    ended = subprocess.run(
        ["bash", TEMPLATES / "slurm.sbatch"], env={**os.environ, **known, "PATH": path}
    )
    assert ended.returncode == code
    assert (asked.read_text() if asked.exists() else "") == ("requeue 71\n" if requeued else "")


@pytest.mark.parametrize("name", ["slurm.sbatch", "tfjob.yaml"])
def test_templates_are_named(name):
    assert f"({name})" in (TEMPLATES / "README.md").read_text()

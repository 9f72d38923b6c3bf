"""What a cluster says of itself, in TF_CONFIG or through Slurm, and who is to do what in it."""

import json

import pytest

import zoo
from zoo.errors import UserError
from zoo.training import cluster, tf_config
from zoo.training.recipe import DataOptions, InputOptions, Recipe
from zoo.training.watch import Watch


def write_config(kind="worker", index=0, **jobs):
    jobs = jobs or {"worker": ["a:1", "b:1"]}
    return json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (write_config(index=1), (1, 2)),
        (write_config("chief", 0, chief=["a:1"], worker=["b:1", "c:1"]), (0, 3)),
        (write_config("worker", 1, chief=["a:1"], worker=["b:1", "c:1"]), (2, 3)),
        (write_config("worker", 0, worker=["b:1"], ps=[]), (0, 1)),
        # As Kubeflow's operator writes it.
        (json.dumps(json.loads(write_config(index=1)) | {"environment": "cloud"}), (1, 2)),
    ],
)
def test_a_configuration_says_which_worker_this_is(text, wanted):
    assert tf_config.read_config(text) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"cluster": {"worker": ["a:1"]}}', "cannot be read"),
        (write_config(index=2), "no worker 2"),
        (write_config("ps", 0, ps=["a:1"], worker=["b:1"]), "tasks of type ps"),
        (write_config("chief", 0, chief=["a:1", "b:1"]), "no chief 0"),
    ],
)
def test_a_wrong_configuration_is_refused(text, said):
    with pytest.raises(UserError, match=said):
        tf_config.read_config(text)


def set_slurm(monkeypatch, **variables):
    values = {
        "SLURM_JOB_ID": "4711", "SLURM_PROCID": "2", "SLURM_STEP_NUM_TASKS": "4",
        "SLURM_STEP_NODELIST": "node[1-2]", "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
        "SLURMD_NODENAME": "node2",
    } | variables  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_slurm_says_who_is_where(monkeypatch):
    set_slurm(monkeypatch)
    resolver, worker, count = cluster._by_slurm()
    assert (worker, count) == (2, 4)
    # 10,000 + 4711 % 1,000 * 16
    assert resolver.cluster_spec().as_dict() == {
        "worker": ["node1:21376", "node1:21377", "node2:21376", "node2:21377"]
    }
    assert (resolver.task_type, resolver.task_id) == ("worker", 2)


def test_slurm_counts_nodes_where_tensorflow_sorts_them(monkeypatch):
    set_slurm(monkeypatch, SLURM_STEP_NODELIST="node[9-10]", SLURMD_NODENAME="node10")
    with pytest.raises(UserError, match=r"task 2 is on node10, .* equally many digits"):
        cluster._by_slurm()


def test_more_tasks_on_a_node_than_ports_are_refused(monkeypatch):
    set_slurm(
        monkeypatch, SLURM_STEP_NUM_TASKS="50", SLURM_STEP_NODELIST="node[1-3]",
        SLURM_STEP_TASKS_PER_NODE="16,17(x2)",
    )  # fmt: skip
    with pytest.raises(UserError, match=r"has 17 tasks on a node, .* --ntasks-per-node"):
        cluster._by_slurm()


def test_outside_of_slurm_that_is_said(monkeypatch):
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    with pytest.raises(UserError, match=r"no task of a Slurm job step .* srun"):
        cluster._by_slurm()


def test_a_single_task_trains_alone(monkeypatch):
    set_slurm(
        monkeypatch, SLURM_PROCID="0", SLURM_STEP_NUM_TASKS="1", SLURM_STEP_NODELIST="node1",
        SLURM_STEP_TASKS_PER_NODE="1", SLURMD_NODENAME="node1",
    )  # fmt: skip
    group = cluster._joined.__wrapped__("slurm")
    assert (group.worker, group.workers, group.devices, group.is_chief) == (0, 1, 1, True)


def test_an_empty_configuration_is_none(stripes_recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(tf_config.CONFIG, "")
    run = zoo.train(stripes_recipe, {"epochs": 1}, watch=Watch(quiet=True))
    assert run.folder.name == "stripes"


def test_on_processors_alone_nothing_is_mirrored():
    group = cluster.local_group()
    assert group.devices == group.workers == 1
    assert group.is_chief
    assert group.agreed(True)
    assert not group.agreed(False)


def test_too_little_for_all_devices_is_refused():
    class Many:
        num_replicas_in_sync = 8

    recipe = Recipe(
        task="classification", data=DataOptions(source="npz"), input=InputOptions(size=(8, 8))
    )
    group = cluster.Group(Many())  # pyright: ignore[reportArgumentType]
    group.check_sizes(recipe, train=8, validation=8)
    with pytest.raises(UserError, match=r"batch_size=7 .* between 8"):
        group.check_sizes(recipe.model_copy(update={"batch_size": 7}))
    with pytest.raises(UserError, match="7 validation pictures cannot be divided between 8"):
        group.check_sizes(recipe, train=8, validation=7)

"""The devices and machines that train one network together: found, joined, and asked.

A process is one worker of a group. Whoever starts the workers says so: in ``TF_CONFIG``, as
Kubeflow's TFJob and :mod:`zoo.training.workers` do, or through Slurm. Every worker does the same
things in the same order, since each step waits for all; what one alone decides, as that someone
pressed Ctrl-C, it asks the others for.
"""

import functools
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.compiler.xla.tsl.protobuf import coordination_config_pb2
from tensorflow.python.eager import context

from zoo.errors import UserError, WorkerLostError
from zoo.training.recipe import Recipe
from zoo.training.tf_config import CONFIG, read_config

# Slurm gives no ports: jobs that share a node are to have different ones.
_FIRST_PORT = 10_000
_PORTS_A_JOB = 16
_JOBS = 1_000
# Of a worker, until the others hold it to be gone, in seconds.
_SILENCE = 5
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)


@dataclass(frozen=True)
class Group:
    """The workers that train together, and which of them this process is.

    Attributes:
        strategy: Under whose scope variables are made and steps run.
        worker: Which one this is, from 0.
        workers: How many there are.
    """

    strategy: tf.distribute.Strategy
    worker: int = 0
    workers: int = 1

    @property
    def is_chief(self) -> bool:
        """Whether this is the one that writes files."""
        return self.worker == 0

    @property
    def devices(self) -> int:
        """How many share each batch."""
        return self.strategy.num_replicas_in_sync

    def agreed(self, wish: bool) -> bool:
        """Says whether any worker wishes something; all of them are to ask, and wait."""
        if self.workers == 1:
            return wish
        wishes = tf.constant([float(wish)])
        return bool(self.strategy.reduce("SUM", wishes, axis=None).numpy()[0])

    def alike(self, *numbers: int) -> bool:
        """Says whether all workers have the same numbers; all of them are to ask, and wait."""
        if self.workers == 1:
            return True
        own = tf.constant(numbers, tf.int64)
        total = self.strategy.reduce("SUM", own, axis=None)
        # One worker's may be the mean of all by chance; each one's are only where all are alike.
        return not self.agreed(bool(tf.reduce_any(total != self.workers * own)))

    def wait(self) -> None:
        """Waits until all workers have come here."""
        self.agreed(False)

    @contextmanager
    def chief_first(self) -> Iterator[None]:
        """Lets the chief go first, so that the others find what it leaves on disk."""
        if not self.is_chief:
            self.wait()
        yield
        if self.is_chief:
            self.wait()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Says in a sentence that another worker is gone, of which TensorFlow tells at length.

        Raises:
            WorkerLostError: If it is.
        """
        try:
            yield
        except tf.errors.OpError as error:
            told = isinstance(error, _LOST) or "Collective ops is aborted" in str(error)
            if self.workers == 1 or not told:
                raise
            raise WorkerLostError(
                f"worker {self.worker} of {self.workers} has lost touch with another one, which "
                "ended or cannot be reached any more"
            ) from error

    def check_sizes(self, recipe: Recipe, **pictures: int) -> None:
        """Checks that there is something for each device to do.

        Args:
            recipe: Says how large a batch is.
            **pictures: How many there are, by split.

        Raises:
            UserError: If there is not.
        """
        if recipe.batch_size < self.devices:
            raise UserError(
                f"batch_size={recipe.batch_size} is over all devices together and cannot be "
                f"divided between {self.devices}; raise it, or use fewer workers or GPUs"
            )
        for split, count in pictures.items():
            if count < self.devices:
                raise UserError(
                    f"{count} {split} pictures cannot be divided between {self.devices} devices; "
                    "use more pictures, or fewer workers or GPUs"
                )


def local_group() -> Group:
    """Returns the group of this process alone.

    Its strategy is the one in whose scope this is called, ``MirroredStrategy`` over all GPUs
    where there are several (``CUDA_VISIBLE_DEVICES`` chooses among them), and otherwise
    TensorFlow's default.
    """
    if not tf.distribute.has_strategy() and len(tf.config.list_logical_devices("GPU")) > 1:
        return Group(_mirrored())
    return Group(tf.distribute.get_strategy())


@functools.cache
def _mirrored() -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy()


def join(cluster: str | None = None) -> Group:
    """Joins the workers that this process was started among, and waits until all are there.

    A process can do so once, before TensorFlow has computed anything; after that it has the same
    group again.

    Args:
        cluster: ``"slurm"`` for the tasks of a Slurm job step; ``None`` for what ``TF_CONFIG``
            says, if it is set, and otherwise for this process alone.

    Raises:
        UserError: If there is no such cluster, or it has a part that is no worker.
    """
    if cluster is None and not os.environ.get(CONFIG):
        return local_group()
    return _joined(cluster)


@functools.cache
def _joined(cluster: str | None) -> Group:
    resolvers = {None: _by_config, "slurm": _by_slurm}
    if cluster not in resolvers:
        raise UserError(f"there is no cluster={cluster!r}; give 'slurm', or set {CONFIG}")
    resolver, worker, workers = resolvers[cluster]()
    if workers == 1:
        return local_group()
    _hear_soon(resolver.cluster_spec())
    try:
        strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    except tf.errors.OpError as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"worker {worker} cannot join the other {workers - 1} ({reason}); see that all of "
            "them run and reach each other"
        ) from error
    return Group(strategy, worker, workers)


def _hear_soon(cluster: Any) -> None:
    """Lets workers miss each other after ``_SILENCE`` seconds: TensorFlow's own are ten.

    The strategy configures its coordination service only where that was not done before, and
    takes no options for it.
    """
    jobs = [job for job in ("chief", "worker") if job in cluster.jobs]
    service: Any = context.context()
    job_of: Any = coordination_config_pb2.CoordinatedJob  # pyright: ignore[reportAttributeAccessIssue]
    service.configure_coordination_service(
        service_type="standalone",
        service_leader=f"/job:{jobs[0]}/replica:0/task:0",
        heartbeat_timeout_in_ms=_SILENCE * 1000,
        coordinated_jobs=[job_of(name=job, num_tasks=cluster.num_tasks(job)) for job in jobs],
    )


def _by_config() -> tuple[Any, int, int]:
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    return resolver, *read_config(os.environ[CONFIG])


def _by_slurm() -> tuple[Any, int, int]:
    tasks = re.findall(r"(?:^|,)(\d+)", os.environ.get("SLURM_STEP_TASKS_PER_NODE", ""))
    most = max(map(int, tasks), default=0)
    if most > _PORTS_A_JOB:
        raise UserError(
            f"the Slurm job step has {most} tasks on a node, and each job has {_PORTS_A_JOB} ports "
            f"there; ask for fewer with --ntasks-per-node, or set {CONFIG}"
        )
    try:
        job = int(os.environ.get("SLURM_JOB_ID", "0"))
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=_FIRST_PORT + job % _JOBS * _PORTS_A_JOB,
            # Which GPUs a task has is Slurm's business (--gpus-per-task). Left to itself the
            # resolver looks for nvidia-smi, and fails on a node without GPUs.
            gpus_per_node=_PORTS_A_JOB,
            gpus_per_task=1,
            auto_set_gpu=False,
        )
        addresses = resolver.cluster_spec().as_dict()["worker"]
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"this is no task of a Slurm job step ({error}); start it with srun"
        ) from error
    worker = int(os.environ["SLURM_PROCID"])
    host, _, _ = addresses[worker].rpartition(":")
    here = os.environ.get("SLURMD_NODENAME", host)
    if here != host:
        # TensorFlow sorts nodes as words, n10 before n9; Slurm counts.
        raise UserError(
            f"Slurm's task {worker} is on {here}, where TensorFlow's SlurmClusterResolver expects "
            f"the one on {host}; use nodes whose numbers have equally many digits, or set {CONFIG}"
        )
    return resolver, worker, len(addresses)


def check_shared(path: Path, group: Group) -> None:
    """Checks that a worker sees the file that the chief has written.

    Raises:
        UserError: If it does not.
    """
    group.wait()
    if not path.is_file():
        raise UserError(
            f"worker {group.worker} does not see {path}, which worker 0 has written; put the run "
            "folder on a file system that all of them share"
        )

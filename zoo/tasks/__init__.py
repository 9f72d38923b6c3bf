"""The three tasks, each one object: what differs between them, and nothing else.

Importing this package imports neither tensorflow nor keras, so that ``zoo list tasks``
and ``--help`` answer at once: the functions import them when called.
"""

from collections.abc import Iterable

from zoo.errors import UserError, nearest
from zoo.tasks.classification import CLASSIFICATION
from zoo.tasks.localization import LOCALIZATION
from zoo.tasks.segmentation import SEGMENTATION
from zoo.tasks.task import Task

__all__ = ["TASKS", "Task", "get", "of_outputs"]

TASKS: dict[str, Task] = {task.name: task for task in (CLASSIFICATION, LOCALIZATION, SEGMENTATION)}


def get(name: str) -> Task:
    """Returns the task of this name.

    Args:
        name: ``"classification"``, ``"localization"`` or ``"segmentation"``.

    Raises:
        UserError: If there is no such task, with the nearest name.
    """
    if name not in TASKS:
        raise UserError(f"there is no task {name!r}{nearest(name, TASKS)}")
    return TASKS[name]


def of_outputs(names: Iterable[str]) -> Task:
    """Returns the task that a model's outputs tell.

    Args:
        names: Of the outputs, in any order.

    Raises:
        UserError: If no task has these outputs.
    """
    names = set(names)
    for task in TASKS.values():
        if names == set(task.targets):
            return task
    raise UserError(
        f"a model with the outputs {', '.join(sorted(names))} is none of the zoo's; build it "
        f"with zoo.build, whose outputs are "
        f"{', or '.join(' and '.join(task.targets) for task in TASKS.values())}"
    )

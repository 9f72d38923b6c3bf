"""What a ``tensorflow/serving`` container needs to serve all that is published in a folder.

Imports no TensorFlow.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from zoo.errors import UserError
from zoo.export.published import is_served, models
from zoo.training.files import write_text
from zoo.versions import versions

CONFIG = "models.config"
COMPOSE = "compose.yaml"

_MARK = "# Written by `zoo models config`; without this line it is left as it is.\n"
_MOUNTED = "/models"
# Who has added a model sees it served within so many seconds.
_POLL_SECONDS = 10


def models_config(names: list[str]) -> str:
    """Returns a ``ModelServerConfig`` in protobuf's text format.

    Args:
        names: Of the models, whose folders lie below ``/models`` in the container.
    """
    config = model_server_config_pb2.ModelServerConfig()  # pyright: ignore
    for name in names:
        config.model_config_list.config.add(
            name=name, base_path=f"{_MOUNTED}/{name}", model_platform="tensorflow"
        )
    return text_format.MessageToString(config, as_utf8=True)


def compose() -> dict[str, Any]:
    """Returns what ``docker compose`` reads, as plain values."""
    return {
        "services": {
            "serving": {
                "image": "tensorflow/serving:${TENSORFLOW_SERVING_TAG:-latest}",
                "command": [
                    f"--model_config_file={_MOUNTED}/{CONFIG}",
                    f"--model_config_file_poll_wait_seconds={_POLL_SECONDS}",
                ],
                # This machine alone: the server asks nobody who he is.
                "ports": ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"],
                "volumes": [f".:{_MOUNTED}:ro"],
                "restart": "unless-stopped",
            }
        }
    }


def write_server_files(root: Path, tell: Callable[[str], Any] = lambda line: None) -> list[Path]:
    """Writes ``models.config`` and ``compose.yaml`` for all that is published in a folder.

    A model that a server cannot load is left out, since it would end the server when it starts,
    and all others with it. A file whose first line does not say that it was written here is
    somebody's own, and stays.

    Args:
        root: ``savedmodels/``.
        tell: Told of each model that is left out, in one line.

    Returns:
        The two files, whoever wrote them.

    Raises:
        UserError: If nothing is published there, or nothing that could be served.
    """
    found = models(root)
    if not found:
        raise UserError(f"nothing is published in {root}; `zoo export` publishes a run")
    left_out = [model for model in found if not is_served(model)]
    for model in left_out:
        tell(
            f"{model} is left out of {CONFIG}, since its newest version, "
            f"{versions(model)[-1].name}, holds no SavedModel; publish another, or take it back by "
            "`zoo models rollback`"
        )
    if left_out == found:
        raise UserError(
            f"no model in {root} can be served, since the newest version of each holds no "
            "SavedModel; `zoo models rollback NAME` takes one back"
        )
    texts = {
        root / CONFIG: models_config([model.name for model in found if model not in left_out]),
        root / COMPOSE: yaml.safe_dump(compose(), sort_keys=False),
    }
    for path, text in texts.items():
        if not path.exists() or path.read_bytes().startswith(_MARK.encode()):
            write_text(path, _MARK + text)
    return list(texts)

"""The command ``zoo``.

Heavy imports stand inside the commands, so that help and listings answer at once.
"""

import os

import click

# Before anything imports them: training and serving are TensorFlow's.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import zoo
from zoo.cli import check, compare, export, menu, models, new, pictures, published, serve, training
from zoo.cli.group import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__, prog_name="zoo")
def main() -> None:
    """Train image models, look at how good they are, and publish them.

    Start with: zoo run quickstart
    """


for _command in (
    menu.list_command,
    menu.describe,
    check.check,
    pictures.preview,
    new.new,
    training.run,
    training.train,
    compare.compare,
    models.evaluate,
    models.predict,
    export.export,
    published.models,
    serve.serve,
):
    main.add_command(_command)

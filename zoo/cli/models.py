"""Commands that ask a trained model: evaluate and predict."""

from pathlib import Path

import click

from zoo.cli.attack import attack_options, attacks_of
from zoo.cli.group import Failure, json_option, page_of, start_tensorflow


@click.command()
@click.argument("model", metavar="RUN|SAVEDMODEL")
@click.option("--data", metavar="PATH", help="The folder with the pictures.")
@click.option("--split", default="test", show_default=True, help="Which pictures to measure on.")
@click.option("-o", "--output", metavar="PAGE.html", help="Write the report to this file.")
@attack_options
@json_option
def evaluate(model, data, split, output, as_json, **attack) -> None:
    """Measure a model and write its report: a run's into the run, another's with -o."""
    attacks, restarts = attacks_of(**attack)
    page = page_of(output)
    start_tensorflow()
    from zoo import finish
    from zoo.evaluation.report import write_report
    from zoo.loading import load
    from zoo.model import evaluate_on
    from zoo.run import Run
    from zoo.training.files import write_text
    from zoo.training.folder import RunFolder
    from zoo.training.watch import Watch

    watch = Watch()
    report = None
    if RunFolder(model).holds_run:
        run = Run(model)
        result = run.evaluate(split, data, watch, attacks, restarts)
        report = run.report(split, result.other)
        if page is not None:
            write_text(page, report.read_text(encoding="utf-8"))
    else:
        asked = load(model)
        result = evaluate_on(asked, split, data, watch, attacks, restarts)
        if page is not None:
            assert asked.recipe is not None
            write_report(
                page,
                title=Path(model).resolve().name,
                recipe=asked.recipe,
                history=[],
                evaluation=result,
                data={"counts": {split: result.pictures}},
            )
    report = page or report
    finish.show_scores(result, as_json)
    if report and not as_json:
        click.echo(f"report   {report}")


@click.command()
@click.argument("model", metavar="RUN|SAVEDMODEL")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option("-o", "--output", metavar="DIR", help="Draw the answers into this folder.")
def predict(model, images, output) -> None:
    """Answer for pictures: one JSON line each, and drawn with -o."""
    start_tensorflow()
    from zoo import finish
    from zoo.loading import load
    from zoo.training.watch import Watch

    bad = finish.answer(load(model), images, Path(output) if output else None, Watch())
    if bad:
        raise Failure(bad, 2)

"""A network trained on attacked pictures against the same trained on pictures as they are.

    python benchmarks/adversarial.py --data FOLDER [--runs runs/adversarial] [--set KEY=VALUE]...

Trains `fashion_mnist_adversarial` with and without its `adversarial` (what was finished before is
not trained again), measures both on the test pictures as they are, under FGSM at several distances
and under PGD, and writes the table into docs/adversarial.md and the figure docs/adversarial.png.
"""

import argparse
import re
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import zoo
from zoo.adversarial import Attack
from zoo.evaluation.attack_report import amplified
from zoo.training.overrides import parse_overrides

DOCS = Path(__file__).parents[1] / "docs"
RECIPE = "fashion_mnist_adversarial"
CHANGES: dict[str, dict[str, None]] = {"as they are": {"adversarial": None}, "attacked": {}}
COLOURS = {"as they are": "#0072b2", "attacked": "#d55e00"}
FGSM = tuple(Attack(attack="fgsm", epsilon=epsilon) for epsilon in (2, 4, 8, 16))
PGD = (Attack(attack="pgd", epsilon=8, steps=20),)
ROWS = 4


def measure(run: zoo.Run):
    """Returns a run's accuracy on pictures as they are, by attack, and attacked samples."""
    by_pgd = run.evaluate(attacks=PGD, restarts=2)
    # Last, since each evaluation writes the report anew.
    by_fgsm = run.evaluate(attacks=FGSM)
    scores = {"as they are": by_fgsm.scores["accuracy"]}
    for evaluation in (by_fgsm, by_pgd):
        found = evaluation.robustness
        for attack, values in zip(found.attacks, found.scores, strict=True):
            scores[attack.text] = values["accuracy"]
    # At the distance that the network was trained for, not the last of the curve.
    shown = run.evaluate(attacks=[attack for attack in FGSM if attack.epsilon == 8])
    return scores, shown.robustness.samples, by_fgsm.pictures


def table(measured: dict, pictures: int) -> str:
    """Returns the scores in Markdown."""
    names = list(measured)
    lines = [
        f"Accuracy on {pictures:,} test pictures of Fashion-MNIST, one seed:",
        "",
        "| test pictures | trained on pictures " + " | trained on pictures ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for attack in measured[names[0]]:
        values = [f"{measured[name][attack]:.3f}" for name in names]
        lines.append(f"| {attack} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def draw(measured: dict, samples: list, class_names: tuple[str, ...]) -> Figure:
    """Draws accuracy by distance, and what the attack did to some pictures."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1))
    axes = left.subplots()
    distances = [0, *(attack.epsilon for attack in FGSM)]
    for name, scores in measured.items():
        values = [scores["as they are"], *(scores[attack.text] for attack in FGSM)]
        axes.plot(distances, values, "o-", color=COLOURS[name], label=f"trained {name}: FGSM")
        pgd = [scores[attack.text] for attack in PGD]
        at = [attack.epsilon for attack in PGD]
        axes.plot(at, pgd, "x", color=COLOURS[name], markersize=9, label=f"trained {name}: PGD")
    axes.set(xlabel="epsilon, of 0 to 255", ylabel="accuracy", ylim=(0, 1), xlim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    axes.grid(color="#d9dce1", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    shown = samples[:ROWS]
    cells = right.subplots(len(shown), 3, squeeze=False)
    for row, sample in zip(cells, shown, strict=True):
        change, factor = amplified(sample.after - sample.before)
        said = [f"{_label(one)} {float(one.values['score']):.0%}" for one in sample.answers]
        titles = [said[0], f"change, x {factor:.3g}", said[1]]
        pictures = [sample.before, change, sample.after]
        for cell, title, picture in zip(row, titles, pictures, strict=True):
            cell.imshow(np.asarray(picture)[..., 0], cmap="gray", vmin=0, vmax=255)
            cell.set_title(title, fontsize=8)
            cell.axis("off")
        row[0].set_title(f"{said[0]}\n(true: {class_names[sample.truth['class']]})", fontsize=8)
    right.suptitle("trained as they are, FGSM at epsilon 8", fontsize=9)
    return figure


def _label(answer) -> str:
    return answer.values["label"].decode()


def main() -> None:
    """Trains, measures, and writes table and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="the folder with the published files of Fashion-MNIST")
    parser.add_argument("--runs", default="runs/adversarial", type=Path)
    parser.add_argument("--docs", default=DOCS, type=Path, help="where adversarial.md lies")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    options = parser.parse_args()
    overrides = parse_overrides(tuple(options.settings))
    if options.data:
        overrides["data.path"] = options.data
    measured, samples, pictures, class_names = {}, [], 0, ()
    for name, change in CHANGES.items():
        place = options.runs / name.replace(" ", "_")
        run = zoo.train(RECIPE, {**overrides, **change}, run=place, resume=True)
        measured[name], found, pictures = measure(run)
        samples, class_names = samples or found, run.class_names
    text = table(measured, pictures)
    print(text)
    page = options.docs / "adversarial.md"
    marks = r"(<!-- results -->\n).*(<!-- end of results -->)"
    written = f"{text}\n\n![Accuracy by epsilon, and pictures under attack](adversarial.png)\n"
    old = page.read_text(encoding="utf-8")
    new = re.sub(marks, lambda found: f"{found[1]}{written}{found[2]}", old, flags=re.DOTALL)
    page.write_text(new, encoding="utf-8")
    draw(measured, samples, class_names).savefig(options.docs / "adversarial.png", dpi=130)


if __name__ == "__main__":
    main()

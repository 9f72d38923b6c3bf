"""What augmentation makes of a recipe's training pictures, as a sheet to look at."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from zoo import tasks
from zoo.augment import Augmentation
from zoo.data import Split
from zoo.data.pipeline import Foreground, Prepared, batches, prepare_split
from zoo.errors import UserError
from zoo.tasks.sheet import Section, contact_sheet
from zoo.training.data import open_data
from zoo.training.files import write_whole
from zoo.training.recipe import Recipe
from zoo.training.sampling import check_background, plan_sampling
from zoo.training.watch import Watch

# The named sets, and what the recipe itself asks for.
STRENGTHS = ("recipe", "none", "light", "medium", "strong")

SUFFIXES = (".png", ".jpg", ".webp")

_NOTHING = Augmentation()

# Of so many pictures for each one shown some may be unreadable or without an object.
_SPARE = 4


@dataclass(frozen=True)
class Preview:
    """A sheet, and what it shows.

    Attributes:
        path: The picture.
        changes: For each augmentation shown its options that are switched on, by name.
        pictures: Names of the training pictures.
    """

    path: Path
    changes: dict[str, dict[str, Any]]
    pictures: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Returns it as plain values."""
        return {
            "sheet": str(self.path),
            "augmentations": self.changes,
            "pictures": list(self.pictures),
        }


def preview(
    recipe: Recipe,
    path: Path,
    watch: Watch,
    *,
    strengths: tuple[str, ...] = STRENGTHS,
    pictures: int = 3,
    versions: int = 5,
) -> Preview:
    """Draws some training pictures, each beside augmented versions of it.

    Boxes and masks are drawn on, as training gets them. What is drawn depends on the recipe's
    seed alone.

    Args:
        recipe: With overrides applied.
        path: Of the sheet.
        watch: Told what goes on.
        strengths: Which augmentations: the recipe's, and named ones.
        pictures: How many.
        versions: Augmented ones of each.

    Raises:
        UserError: For anything in recipe or data that keeps the run from going on, or if the
            sheet could not be written.
    """
    _check_path(path)
    recipe.check_options()
    task = tasks.get(recipe.task)
    with watch.bar(f"opening {recipe.data.source}"):
        dataset = open_data(recipe)
    class_names = dataset.class_names(task.targets)
    check_background(recipe, class_names)
    chosen = {}
    for name in strengths:
        changed = recipe if name == "recipe" else recipe.with_overrides({"augment": name})
        chosen[name] = changed.augmentation(dataset.mirrored) or _NOTHING
    own = [name for name in chosen if name != "recipe" and chosen[name] == chosen.get("recipe")]
    if own:
        del chosen["recipe"]
    with watch.bar("reading pictures"):
        prepared = _some(dataset.split("train"), recipe, task.targets, pictures)
    shown = np.arange(min(pictures, prepared.length))
    foreground = plan_sampling(recipe, prepared, class_names).foreground
    sections, changes = [], {}
    with watch.bar("drawing", len(chosen)) as bar:
        for name, augmentation in chosen.items():
            changes[name] = switched_on(augmentation)
            rows = _versions(prepared, shown, augmentation, foreground, recipe.seed, versions)
            title = "as the recipe says" if name == "recipe" else name
            title += ", as the recipe says" if name in own else ""
            # Where nothing changes one row shows it.
            rows = rows if changes[name] else rows[:1]
            sections.append(Section(title, described(changes[name]), rows))
            bar.advance()
    headings = ["original", *(f"version {number + 1}" for number in range(versions))]
    sheet = contact_sheet(sections, class_names, headings=headings)
    write_whole(path, sheet.save)
    names = tuple(prepared.split.label(int(prepared.indices[at])) for at in shown)
    return Preview(path, changes, names)


def _check_path(path: Path) -> None:
    if path.suffix not in SUFFIXES:
        raise UserError(f"{path} is no picture's name; let it end in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise UserError(f"the folder {path.parent} of {path.name} does not exist; make it first")


def switched_on(augmentation: Augmentation) -> dict[str, Any]:
    """Returns the options that differ from those of no augmentation at all, by name."""
    values = {field.name: getattr(augmentation, field.name) for field in fields(augmentation)}
    return {name: value for name, value in values.items() if value != getattr(_NOTHING, name)}


def described(options: dict[str, Any]) -> str:
    """Returns options in a few words.

    Example:
        >>> described({"flip": True, "zoom": 0.1})
        'flip, zoom 0.1'
    """
    words = [name if value is True else f"{name} {value}" for name, value in options.items()]
    return ", ".join(words) or "no change"


def _some(split: Split, recipe: Recipe, targets: tuple[str, ...], pictures: int) -> Prepared:
    """Reads a few pictures from all over a split; those that cannot be used are passed over."""
    if not split.length:
        raise UserError("there are no training pictures to show; give data.splits another value")
    import tensorflow as tf

    order = np.random.default_rng(recipe.seed).permutation(split.length)
    places = tf.constant(order[: _SPARE * pictures], tf.int64)
    part = Split(
        name=split.name,
        length=len(places),
        read=lambda index: split.read(places[index]),
        label=lambda index: split.label(int(places[index])),
        explain=lambda index: split.explain(int(places[index])),
    )
    return prepare_split(part, recipe.preprocessing(), targets, unreadable="skip")


def _versions(
    prepared: Prepared,
    shown: np.ndarray,
    augmentation: Augmentation,
    foreground: Foreground | None,
    seed: int,
    versions: int,
) -> list[list[dict[str, Any]]]:
    """Returns each picture as it is, and its augmented versions, a row each."""
    (plain,) = batches(prepared, batch_size=len(shown), order=shown)
    count = len(shown) * versions
    random = np.random.default_rng([seed, 1])
    changed = batches(
        prepared,
        batch_size=len(shown),
        order=np.tile(shown, versions),
        augmentation=augmentation,
        # Column by column, as in training: augmentations differ in what they ask for alone.
        uniforms=random.random((augmentation.draws, count), np.float32).T,
        foreground=foreground and foreground.places(count, seed, 0),
        seed=seed,
    )
    columns = [plain, *changed]
    return [
        [{key: value[row].numpy() for key, value in column.items()} for column in columns]
        for row in range(len(shown))
    ]

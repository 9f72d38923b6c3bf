"""All rules but that of the time, applied one after the other."""

import math
from collections.abc import Mapping
from typing import Any

from zoo import models
from zoo.amounts import plural
from zoo.plan import network, picture, schedule
from zoo.plan.choice import Choice
from zoo.plan.draft import Draft
from zoo.plan.fingerprint import Fingerprint
from zoo.training.recipe import DataOptions, Recipe

_CACHE_SHARE = 0.4


def draft_recipe(
    fingerprint: Fingerprint,
    data: DataOptions,
    task: str,
    given: Mapping[str, Any],
    *,
    memory: int,
    width: int,
    side: int | None = None,
    own_validation: bool = False,
) -> Draft:
    """Chooses everything but the number of epochs.

    Args:
        fingerprint: Of the data.
        data: Where it is.
        task: Name of the task.
        given: Settled fields.
        memory: Of the machine, in bytes.
        width: Filters of the first stage.
        side: The largest side of the input; ``None`` for any.
        own_validation: Whether the set has a validation split of its own.

    Raises:
        UserError: If a settled value is none that a recipe may have.
    """
    draft = Draft(task, data, given)
    # What is settled is checked before anything goes by it.
    draft.recipe()
    _choose_data(draft, fingerprint, data, own_validation)
    size = draft.take("input.size", picture.choose_size(fingerprint, side))
    draft.take("input.channels", _channels(fingerprint))
    draft.take("input.fit", picture.choose_fit(fingerprint, size))
    patch = None
    if task == "segmentation":
        patch = draft.take("input.patch", picture.choose_patch(fingerprint, size))
    pretrained = _choose_model(draft, fingerprint, task, patch or size, width, patch is not None)
    _choose_training(draft, fingerprint, task, patch is not None, None if pretrained else width)
    # Built once, for the memory that it takes, which is more once it is thawed.
    recipe = draft.recipe()
    thawed = {"freeze": None} if recipe.thaw else {}
    model = recipe.build_model(len(fingerprint.class_names), **thawed)
    found = models.describe(model, size=patch or size)
    batch = draft.take(
        "batch_size",
        schedule.choose_batch(
            fingerprint,
            task,
            patch or size,
            found.training_memory or 0,
            found.parameter_memory,
            memory,
        ),
    )
    repeat = schedule.choose_repeat(fingerprint.train, batch)
    if repeat.value > 1:
        draft.take("repeat", repeat)
    _choose_cache(draft, fingerprint, memory)
    return draft


def prepared_bytes(recipe: Recipe, fingerprint: Fingerprint) -> int:
    """Returns what the pictures of training and validation take once they fit the input."""
    pixels = math.prod(recipe.input.size)
    layers = recipe.input.channels + (fingerprint.masks is not None)
    pictures = fingerprint.train + fingerprint.pictures.get("validation", 0)
    return pixels * layers * pictures


def _choose_data(
    draft: Draft, fingerprint: Fingerprint, data: DataOptions, own_validation: bool
) -> None:
    draft.take("data.source", Choice(data.source))
    if data.path is not None:
        draft.take("data.path", Choice(data.path))
    if not own_validation:
        draft.take(
            "data.validation",
            Choice(
                data.validation,
                f"{plural(fingerprint.pictures.get('validation', 0), 'picture')} of those to train "
                "on, always the same ones",
            ),
        )
    draft.take("data.unreadable", Choice("skip", _why_to_skip(fingerprint)))


def _why_to_skip(fingerprint: Fingerprint) -> str:
    looked, total = fingerprint.decoded, sum(fingerprint.pictures.values())
    follows = 'training counts, names and leaves out what cannot be used; "fail" stops at it'
    if fingerprint.unusable:
        of = max(fingerprint.sized, looked)
        return (
            f"{fingerprint.unusable:,} of the {of:,} that were looked at cannot be used: {follows}"
        )
    return (
        f"of {plural(total, 'picture')} the pixels of {looked:,} were looked at, and others may be "
        f"damaged: {follows}"
    )


def _channels(fingerprint: Fingerprint) -> Choice:
    looked = f"of the {plural(fingerprint.decoded, 'picture')} looked at"
    if fingerprint.channels == 1:
        return Choice(1, f"all {looked} are gray")
    if fingerprint.channels == 3:
        return Choice(3, f"{fingerprint.coloured:.0%} {looked} have colour")
    return Choice(fingerprint.channels, "as the pictures have")


def _choose_model(
    draft: Draft,
    fingerprint: Fingerprint,
    task: str,
    seen: tuple[int, int],
    width: int,
    patches: bool,
) -> bool:
    """Chooses the network; returns whether it is pretrained."""
    chosen = network.choose_network(
        fingerprint, task, seen, width=width, patches=patches, weights=network.weights_at_hand()
    )
    if draft.given("model.encoder") not in (None, chosen["encoder"].value):
        # What is planned for one encoder another need not know.
        chosen = {name: chosen[name] for name in ("encoder", "head", "decoder") if name in chosen}
    for name, choice in chosen.items():
        draft.take(f"model.{name}", choice)
    pretrained = "weights" in chosen
    if not pretrained and network.suits_pretraining(fingerprint):
        draft.remarks["model"] = (
            "ImageNet weights would help so few photographs, and are not on this machine. Where "
            f'they can be fetched: {{"encoder": "{network.PRETRAINED}", "weights": "imagenet"}}, '
            f"and learning_rate={schedule.PRETRAINED_RATE:g}."
        )
    return pretrained


def _choose_training(
    draft: Draft, fingerprint: Fingerprint, task: str, patches: bool, width: int | None
) -> None:
    strength = draft.take("augment", schedule.choose_augmentation(fingerprint, task))
    if fingerprint.mirrored is None and isinstance(strength, str):
        asked = strength if strength != "none" else "light"
        draft.remarks["augment"] = (
            "Is a mirrored picture as good an example of its class (of a cat it is, of a letter "
            f'not)? If so: augment={{"strength": "{asked}", "flip": True}}'
        )
    for name, choice in schedule.choose_sampling(fingerprint, patches).items():
        draft.take(f"sampling.{name}", choice)
    draft.take("learning_rate", schedule.choose_rate(width))
    draft.take("weight_decay", Choice(0.02, "of kernels: few pictures are soon learnt by heart"))
    draft.take("publish", schedule.choose_publish(fingerprint.pictures.get("validation", 0)))


def _choose_cache(draft: Draft, fingerprint: Fingerprint, memory: int) -> None:
    needed = prepared_bytes(draft.recipe(), fingerprint) / 2**30
    if needed <= DataOptions(source="").cache_gib:
        return
    if needed <= _CACHE_SHARE * memory / 2**30:
        draft.take(
            "data.cache_gib",
            Choice(math.ceil(needed), f"{needed:.1f} GiB of prepared pictures fit into memory"),
        )
    else:
        draft.remarks["data"] = (
            f"The prepared pictures are {needed:,.1f} GiB, too much for the memory here: they are "
            "read anew each epoch. With more memory, raise cache_gib."
        )

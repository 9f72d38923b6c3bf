"""A recipe: everything one training run needs to know, as plain, typed values.

Reading and checking a recipe needs neither TensorFlow nor Keras, so that a typing
mistake is answered at once. The options of models, losses and augmentation belong
to the functions that take them; :meth:`Recipe.check_options` asks those.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from zoo.errors import UserError, nearest
from zoo.options import first_error, validated
from zoo.training.sections import (
    AdversarialOptions,
    CheckpointOptions,
    DataOptions,
    InputOptions,
    OptimizerOptions,
    PositiveInt,
    SamplingOptions,
    ScheduleOptions,
    Section,
    Share,
    ThawOptions,
)

_SECTIONS = (
    "data",
    "input",
    "model",
    "loss",
    "augment",
    "sampling",
    "adversarial",
    "optimizer",
    "schedule",
    "thaw",
    "checkpoint",
)


class Recipe(Section):
    """One run, from data to published model, as plain values.

    Attributes:
        task: ``"classification"``, ``"localization"`` or ``"segmentation"``.
        data: Where the pictures are.
        input: What the network is shown.
        model: Options of :func:`zoo.build`: ``encoder``, ``head`` or ``decoder``, the
            options of those, ``weights`` to begin with and what to ``freeze``.
        loss: Options of the task's loss; ``zoo list tasks`` names them. Each part has a weight,
            as ``dice_weight``. ``class_weights`` are numbers by class name, or ``"balanced"``:
            each class then weighs the same over the training data.
        augment: A strength (``"none"``, ``"light"``, ``"medium"``, ``"strong"``) or
            fields of :class:`zoo.augment.Augmentation`, to which ``"strength"`` may be
            added: these then change the named set, as in ``{"strength": "medium", "mixup":
            0.2}``. A named set flips left and right where the data set says that a mirrored
            picture is as good an example. ``zoo preview`` shows what becomes of the pictures.
        sampling: Which pictures and patches come how often.
        adversarial: An attack on the pictures, to make the network robust; ``None`` for none.
        epochs: Passes over the training pictures.
        repeat: Times that an epoch shows each training picture, each time augmented
            anew: for sets so small that once is only a few steps.
        batch_size: Pictures a step, over all devices together.
        accumulate: Steps whose gradients make one update: about what a batch that many times as
            large would do, in the memory of one. Not quite, where the pictures of a batch meet:
            in batch normalization, as partners of mixup and cutmix, and in losses that are a
            ratio over them (with class weights or ignored pixels, Dice, Tversky, Lovasz).
            Steps at the end of the run that are too few for an update make none.
        optimizer: Which one, and how gradients are clipped.
        learning_rate: The peak, reached after warm-up; from there ``schedule`` says how it
            falls.
        warmup: Share of all steps in which the learning rate rises from zero.
        schedule: How the learning rate falls: to zero as a cosine unless given.
        thaw: After how many epochs ``model.freeze`` ends, and the learning rate from there on;
            ``None``: it holds for the whole run.
        weight_decay: Decoupled, of kernels only.
        ema: Decay of the exponential moving average of the weights, such as 0.999, which is
            then validated and published instead of the weights themselves; ``None`` for none.
        remat: Compute feature maps again on the way back rather than keep them all, for less
            memory and up to a third more time.
        publish: Which weights: ``"best"``, of the epoch with the best validation score,
            or ``"last"``, where so few pictures validate that the best is chance.
        early_stopping: Epochs without a better validation score before the run ends;
            ``None`` to train all epochs.
        minutes: Time to train for: when it is up, the epoch under way ends where it is, is
            validated, and is the last. ``None`` for as long as it takes.
        checkpoint: How often the run is saved within an epoch.
        precision: ``"float32"``, ``"bfloat16"``, ``"float16"`` (under a loss scale that follows
            the gradients) or ``"auto"``, the fastest on the machine: bfloat16 on GPUs of compute
            capability 8 and more and on processors that have it, float16 on GPUs of capability 7.
        seed: Of weights, order and augmentation.
        name: Filled in from the file's name; one made in Python may have none.

    Example:
        >>> Recipe(
        ...     task="classification",
        ...     data=DataOptions(source="digit_scenes"),
        ...     input=InputOptions(size=(64, 64), channels=1),
        ... ).with_overrides({"model.head": "flatten"}).model
        {'head': 'flatten'}
    """

    task: Literal["classification", "localization", "segmentation"]
    data: DataOptions
    input: InputOptions
    model: dict[str, Any] = Field(default_factory=dict)
    loss: dict[str, Any] = Field(default_factory=dict)
    augment: Literal["none", "light", "medium", "strong"] | dict[str, bool | float | str] = "none"
    sampling: SamplingOptions = Field(default_factory=SamplingOptions)
    adversarial: AdversarialOptions | None = None
    epochs: PositiveInt = 20
    repeat: PositiveInt = 1
    batch_size: PositiveInt = 32
    accumulate: PositiveInt = 1
    optimizer: OptimizerOptions = Field(default_factory=OptimizerOptions)
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    warmup: Share = 0.05
    schedule: ScheduleOptions = Field(default_factory=ScheduleOptions)
    thaw: ThawOptions | None = None
    weight_decay: Annotated[float, Field(ge=0.0)] = 1e-4
    ema: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    remat: bool = False
    publish: Literal["best", "last"] = "best"
    early_stopping: PositiveInt | None = None
    minutes: Annotated[float, Field(gt=0.0)] | None = None
    checkpoint: CheckpointOptions = Field(default_factory=CheckpointOptions)
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    name: str = ""

    @property
    def title(self) -> str:
        """What to call it: its name, or its task where it was made in Python without one."""
        return self.name or self.task

    def with_overrides(self, overrides: Mapping[str, Any]) -> "Recipe":
        """Returns a recipe with some fields changed.

        Args:
            overrides: Values by field, dotted for fields of a section
                (``{"model.head": "flatten", "epochs": 5}``).

        Raises:
            UserError: If a key is unknown (with the nearest valid name) or a value
                has the wrong type.
        """
        values = self.model_dump()
        for key, value in overrides.items():
            *sections, field = key.split(".")
            target = values
            for section in sections:
                if section not in target:
                    raise UserError(
                        f"the recipe has no section {section!r} (in {key!r})"
                        f"{nearest(section, _SECTIONS)}"
                    )
                if section == "augment" and not isinstance(target[section], dict):
                    named = target[section]
                    target[section] = {} if named == "none" else {"strength": named}
                if section in _SECTIONS and target[section] is None:
                    target[section] = {}
                target = target[section]
                if not isinstance(target, dict):
                    raise UserError(f"{section!r} in {key!r} is a value of the recipe, no section")
            target[field] = value
        return parse_recipe(values)

    def check_options(self) -> None:
        """Asks the model, the loss and the augmentation about their options.

        Imports Keras and TensorFlow.

        Raises:
            UserError: For the first option that is unknown or has the wrong type.
        """
        from zoo.training.recipe_checks import check_options

        check_options(self)

    def augmentation(self, mirrored: bool | None = None):
        """Returns the :class:`zoo.augment.Augmentation`, or ``None`` for none at all.

        Args:
            mirrored: Whether the data set says that a mirrored picture is as good an
                example; ``None`` where it does not say.

        Raises:
            UserError: If a field is unknown or has the wrong type, or asks for a flip
                that the data set forbids.
        """
        from zoo.augment import Augmentation

        fields = {"strength": self.augment} if isinstance(self.augment, str) else self.augment
        changes = {name: value for name, value in fields.items() if name != "strength"}
        strength = str(fields.get("strength", "none"))
        options = validated(Augmentation, changes, "augment", given=("patch",))
        for name in ("flip", "vertical_flip"):
            if options.get(name) and mirrored is False:
                raise UserError(
                    f"augment.{name} would teach what is not so: a mirrored picture of "
                    f"{self.data.source} is no example of its class; leave it out"
                )
        chosen = Augmentation.strength(
            strength,
            mirror=bool(mirrored),
            channels=self.input.channels,
            patch=self.input.patch,
            **options,
        )
        return None if chosen == Augmentation() else chosen

    def preprocessing(self):
        """Returns the :class:`zoo.preprocess.Preprocessing` of this recipe.

        Raises:
            UserError: If ``fit="crop"``, which loses what lies outside, is asked of a
                task whose answers are places in the picture.
        """
        from zoo.preprocess import Preprocessing

        if self.input.fit == "crop" and self.task != "classification":
            raise UserError(
                f'input.fit="crop" loses what lies outside the crop, which {self.task} cannot '
                'answer for; use "pad" or "stretch"'
            )
        return Preprocessing(self.input.size, self.input.channels, self.input.fit, self.data.values)

    def build_model(self, classes: int, **options: Any):
        """Builds the recipe's network, with initial weights unless ``weights`` is given.

        Args:
            classes: How many the data set has.
            **options: Options of :func:`zoo.build` that override the recipe's.

        Returns:
            An uncompiled ``keras.Model``.
        """
        from zoo import models

        arguments = {
            "classes": classes,
            "input_shape": (*self._height_and_width(), self.input.channels),
            **self.model,
            # A run's beginning alone loads them: later its checkpoints say what they became.
            "weights": None,
            **options,
        }
        return models.build(self.task, **arguments)

    def _height_and_width(self) -> tuple[int | None, int | None]:
        # Trained on patches and asked about whole pictures, it has to take both.
        return (None, None) if self.input.patch else self.input.size

    def to_json(self) -> str:
        """Returns the recipe as indented JSON, which :func:`parse_recipe` reads back."""
        return json.dumps(self.model_dump(mode="json"), indent=2) + "\n"


def parse_recipe(values: Mapping[str, Any]) -> Recipe:
    """Returns the recipe that plain values stand for.

    Args:
        values: As :meth:`Recipe.model_dump` gives them, or read from JSON.

    Raises:
        UserError: One sentence for the first field that is unknown, missing or of the
            wrong type.
    """
    try:
        return Recipe.model_validate(dict(values))
    except ValidationError as error:
        raise UserError(first_error(error, Recipe)) from None

"""The sections of a recipe: groups of plain, typed values."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from zoo.adversarial import Attack

PositiveInt = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class Section(BaseModel):
    """Fields of a recipe: no others, of the types annotated, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataOptions(Section):
    """Where the pictures are and how they are divided.

    Attributes:
        source: A format or a data set, one of those that ``zoo list datasets`` shows.
        path: The folder, as ``--data`` gives it. Without it ``place`` is looked for.
        place: The folder's usual name below ``$ZOO_DATA``.
        options: What the source takes besides; see ``open`` in its module.
        splits: What serves as ``train``, ``validation`` and ``test``: splits of TFDS,
            slices such as ``"train[:95%]"`` included; of files, list files, folders or
            names (:func:`zoo.data.open_dataset`).
        validation: Share of the training pictures set aside for choices, where no
            validation split is given.
        test: Share of all pictures set aside for the test, where no test split is given.
        divide: What a hash is taken of to decide which pictures are set aside: their
            ``"content"``, so that identical pictures stay together, or their ``"name"``.
        group: A regular expression on a picture's path whose first group in brackets names
            what stays together when pictures are set aside: ``"(film_[0-9]+)_"``.
        seed: Decides which pictures are set aside. It is not the recipe's, so that runs
            of several seeds are tested on the same pictures.
        unreadable: What to do about a picture that cannot be read: ``"fail"`` names
            it and stops, ``"skip"`` names it and goes on without it.
        values: What becomes 0 and what 255, of pictures of more than 8 bits: ``[0, 4095]``
            for a camera of 12 bits in files of 16. ``None`` for the full range of their
            integers, and for 0 to 1 of floats. Pictures of 8 bits are taken as they are.
        cache: Where decoded pictures are kept: ``"memory"``, ``"disk"`` (beside the run,
            until it ends), ``"none"`` to decode them for each batch, or ``"auto"``: the
            first of these whose budget they are within.
        cache_gib: The budget in memory, GiB, of each split.
        cache_disk_gib: The budget on disk, GiB, of each split.
        threads: How many threads prepare batches; ``None`` for as many as there are cores
            to run on.
    """

    source: str
    path: str | None = None
    place: str | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    splits: dict[str, str | list[str]] = Field(default_factory=dict)
    validation: Share = 0.1
    test: Share = 0.2
    divide: Literal["content", "name"] = "content"
    group: str | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    unreadable: Literal["fail", "skip"] = "fail"
    values: tuple[float, float] | None = None
    cache: Literal["auto", "memory", "disk", "none"] = "auto"
    cache_gib: Annotated[float, Field(ge=0.0)] = 2.0
    cache_disk_gib: Annotated[float, Field(ge=0.0)] = 20.0
    threads: PositiveInt | None = None


class InputOptions(Section):
    """What the network is shown.

    Attributes:
        size: Height and width of the model's input in pixels.
        channels: 1 (gray), 3 (RGB) or 4 (RGBA) for encoded pictures; of TIFF and NumPy
            files as many as they have.
        fit: How a picture is brought to ``size``: ``"pad"`` (letterbox), ``"stretch"``
            or ``"crop"``.
        patch: Height and width of the parts that training sees of a picture, each time
            others; evaluation and serving see it whole, validation too: as many at a time as
            have no more pixels than a batch of patches, one at least. Segmentation only.
            ``None`` for whole pictures.
    """

    size: tuple[PositiveInt, PositiveInt]
    channels: PositiveInt = 3
    fit: Literal["pad", "stretch", "crop"] = "pad"
    patch: tuple[PositiveInt, PositiveInt] | None = None


class SamplingOptions(Section):
    """Which training pictures, and which parts of them, are shown how often.

    Attributes:
        balanced: Draw each class equally often, in epochs as long as ever: pictures of a rare
            class come again, all of them equally often. Not for segmentation, whose pictures
            hold several classes.
        foreground: Share of the patches (``input.patch``) that are laid around a pixel of the
            foreground, as nnU-Net does (Isensee et al. 2021): of a class chosen among those in
            the picture. A third unless given; 0 lays all patches anywhere.
        background: The class that is no foreground. Unless given it is the one named
            ``background``, or else the most frequent of the training pixels.
    """

    balanced: bool = False
    foreground: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    background: str | None = None


class OptimizerOptions(Section):
    """Which optimizer turns gradients into updates; the rate is the recipe's.

    Attributes:
        name: One of Keras': ``"adamw"``, ``"adam"``, ``"sgd"``, ``"rmsprop"``, ``"adagrad"``,
            ``"adadelta"``, ``"adamax"``, ``"nadam"``, ``"lion"``, ``"lamb"`` or ``"muon"``.
        options: Further arguments of that Keras class: ``{"momentum": 0.9, "nesterov": True}``
            of ``"sgd"``.
        clip_norm: The longest that the gradient of all weights together may be; a longer one
            is shortened (Pascanu et al. 2013, arXiv:1211.5063). ``None`` to leave it.
        clip_value: The largest magnitude of each number of the gradient. ``None`` to leave
            them.
    """

    name: str = "adamw"
    options: dict[str, Any] = Field(default_factory=dict)
    clip_norm: Annotated[float, Field(gt=0.0)] | None = None
    clip_value: Annotated[float, Field(gt=0.0)] | None = None


class ScheduleOptions(Section):
    """How the learning rate goes from its peak, and up to it.

    Attributes:
        name: ``"cosine"`` (Loshchilov & Hutter 2017, arXiv:1608.03983), ``"constant"``,
            ``"step"``, ``"polynomial"``, or ``"one_cycle"`` (Smith & Topin 2018,
            arXiv:1708.07120), which rises for long instead of the recipe's ``warmup``; both
            its parts are half cosines, and it leaves the momentum alone.
        final: Share of the peak at the end of the run; of ``"step"`` the least share.
        milestones: Shares of the run after which ``"step"`` lowers the rate.
        factor: What it is multiplied by at each of them.
        power: Of ``"polynomial"``: 1 falls linearly, 0.9 as in DeepLab (Chen et al. 2018,
            arXiv:1606.00915).
        rise: Share of the run in which ``"one_cycle"`` rises.
        start: Share of the peak that it rises from.
    """

    name: Literal["constant", "cosine", "one_cycle", "step", "polynomial"] = "cosine"
    final: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    milestones: tuple[float, ...] = (0.5, 0.75)
    factor: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    power: Annotated[float, Field(gt=0.0)] = 0.9
    rise: Share = 0.3
    start: Annotated[float, Field(gt=0.0, le=1.0)] = 0.04


class ThawOptions(Section):
    """The second of two phases: what ``model.freeze`` names is trained too (Howard & Ruder 2018).

    Its optimizer begins anew, with a warm-up and a schedule of its own over what is left of the
    run: gradients that were never seen before have no history to be measured by.

    Attributes:
        epoch: Epochs of the first phase.
        learning_rate: The peak of the second; a tenth of the recipe's unless given.
    """

    epoch: PositiveInt
    learning_rate: Annotated[float, Field(gt=0.0)] | None = None


class CheckpointOptions(Section):
    """How often a run is saved while an epoch goes on; after each epoch it is in any case.

    Attributes:
        steps: After so many training steps; ``None`` for no such rule.
        minutes: After so many minutes; ``None`` for no such rule.
    """

    steps: PositiveInt | None = None
    minutes: Annotated[float, Field(gt=0.0)] | None = 5.0


class AdversarialOptions(Attack):
    """An attack on the pictures that training shows; see :class:`zoo.adversarial.Attack`.

    Attributes:
        share: Of each batch, how much is attacked; the rest is shown as it is, in the same
            step (Kurakin et al. 2017, arXiv:1611.01236). 1 is Madry et al.'s training.
    """

    share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5

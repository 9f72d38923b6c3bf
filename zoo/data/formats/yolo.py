"""YOLO: a text file of boxes or outlines for each picture, and a `data.yaml` of the classes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.files.boxes import Objects, with_boxes
from zoo.data.files.counting import carried, counting_of
from zoo.data.files.dataset import dataset_of
from zoo.data.files.pictures import (
    FOLDERS_OF_PICTURES,
    PICTURES,
    examples_of,
    files_in,
    find_folder,
    find_root,
    natural,
)
from zoo.data.files.yolo import labels_path, read_shapes
from zoo.data.files.yolo_description import (
    Description,
    describe,
    find_description,
    is_description,
    named_classes,
)
from zoo.data.files.yolo_objects import (
    annotations_of,
    outlined,
    read_labels,
    used_names,
    with_drawn,
)
from zoo.data.findings import Finding, decision, found_in
from zoo.data.request import Request
from zoo.errors import UserError

SOURCE = "yolo"
SUMMARY = "your pictures with YOLO labels: data.yaml, images/ and a text file for each"
TARGETS = ("class", "box", "mask")

_IMAGES = (*FOLDERS_OF_PICTURES, "obj_train_data")
_ENDINGS = (".yaml", ".yml")
# So many files of text are looked into before a folder is said to hold no labels.
_LOOKED_INTO = 20


def recognize(path: Path) -> str | None:
    """Says what shows that a folder holds YOLO labels; see `zoo.data.formats`."""
    if path.is_file():
        if path.suffix.lower() in _ENDINGS and is_description(path):
            return f"there is {path.name}, which names classes and pictures"
        return None
    described = find_description(path)
    if described is not None:
        return f"there is {described.name}, which names classes and pictures"
    for picture in files_in(path, PICTURES)[0][:_LOOKED_INTO]:
        labels = labels_path(picture, path)
        if labels.is_file() and _holds_labels(labels):
            name = labels.relative_to(path).as_posix()
            return f"there are labels of boxes beside the pictures: {name}"
    return None


def _holds_labels(path: Path) -> bool:
    try:
        shapes, faults = read_shapes(path)
    except ValueError:
        return False
    return bool(shapes) and not faults


def open(
    name: str,
    path: Path | None,
    request: Request,
    *,
    objects: Objects = "largest",
    classes: Sequence[str] | Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
) -> DataSet:
    """Opens pictures with YOLO labels (Redmon et al. 2016, in Ultralytics' layout).

    A picture's labels are in `labels/` where it is in `images/`, or beside it; an empty file
    says that the picture has no object. A line is a class and a box, or a class and a polygon,
    whose bounds are the box; where `data.yaml` says `kpt_shape`, it is a class, a box and key
    points, which are not read. Classes are numbered by their names' order, as in any format; the
    numbers in the files are only what `names` calls them. Polygons are masks as well: background
    is 0, the classes follow, a smaller object covers a larger one, and an object of a box alone
    is ignored.

    Args:
        name: Empty: this source takes no name.
        path: The `data.yaml`, or the folder that holds it; without one, the folder that holds
            `images/` and `labels/`, with the names in `classes.txt`.
        request: What is asked for. Without splits those of `data.yaml`, else lists or folders
            of the usual names.
        objects: What to do about a picture with several objects: "largest", "skip" or "crop".
        classes: Names of the objects that count, or from these to the names of the classes that
            they are to be; all that an object has if None. In masks the others are background.
        ignore: Names of objects that are neither learnt nor scored in masks, and do not count
            elsewhere.

    Raises:
        UserError: If there is no such folder or class, or no example to train on.
    """
    del name
    place = find_root(path, SOURCE, "data.yaml, or images/ and labels/", _ENDINGS)
    described = place if place.is_file() else find_description(place)
    description = describe(described) if described else _undescribed(place)
    named = [set(some) for some in description.pictures.values()]
    split_of = {path: split for split, some in description.pictures.items() for path in some}
    paths = sorted(split_of, key=lambda path: natural(str(path.relative_to(description.root))))
    examples, looks, findings = examples_of(description.root, paths)
    several = [path for path in paths if sum(path in one for one in named) > 1]
    findings += found_in(
        {path.relative_to(description.root).as_posix(): split_of[path] for path in several},
        "in-several-splits",
        "named for several splits and taken for the last of them",
        effect="mended",
    )
    examples = [
        replace(example, split=split_of[path])
        for example, path in zip(examples, paths, strict=True)
    ]
    labels = {one.file: labels_path(Path(one.path), description.root) for one in examples}
    found = read_labels(description, labels)
    names = {str(name) for name in description.names.values()}
    unseen = sorted(names - used_names(found), key=natural) if described else []
    if unseen and classes is None:
        text = f"no object is of the classes {', '.join(unseen)} of {description.source}"
        findings.append(Finding("class-absent", "", text))
    findings += _without_picture(description.root, labels.values())
    used = sorted(used_names(found), key=natural)
    counting = counting_of(used, names, classes, ignore, "class")
    carries = carried(counting, outlined(found), request)
    wanted = request.wanted(carries)
    if "mask" in wanted:
        examples, decided = with_drawn(examples, looks, found, counting)
        findings += decided
    if wanted & {"class", "box"}:
        sizes = {one.file: look.size for one, look in zip(examples, looks, strict=True)}
        annotations = annotations_of(found, sizes, counting)
        chosen = None if classes is None else list(dict.fromkeys(counting.classes.values()))
        examples, decided = with_boxes(
            examples, looks, annotations, objects=objects, classes=chosen
        )
        findings += decided
    return dataset_of(
        description.root,
        examples,
        request,
        carries=carries,
        findings=[*description.findings, *findings],
        classes=counting.mask_classes if "mask" in wanted else None,
    )


def _undescribed(root: Path) -> Description:
    """Returns what is known of a folder without `data.yaml`."""
    try:
        pictures = find_folder(root, None, _IMAGES, "pictures")
    except UserError:
        pictures = root
    source, names = named_classes(root)
    said = f"there is no data.yaml: the classes' names are those of {source}"
    if not names:
        said = "there is no data.yaml and no classes.txt: classes are called by their numbers"
    paths = files_in(pictures, PICTURES)[0]
    return Description(root, source, names, {"": paths}, [decision(said)])


def _without_picture(root: Path, labels: Iterable[Path]) -> list[Finding]:
    """Names the files in folders of labels that are no picture's."""
    paths = set(labels)
    folders = {one.parent for one in paths if "labels" in one.relative_to(root).parts[:-1]}
    tops = {folder for folder in folders if folder.is_dir() and not folders & set(folder.parents)}
    alone = [
        one.relative_to(root).as_posix()
        for folder in tops
        for one in files_in(folder, {".txt"})[0]
        if one not in paths and one.name != "classes.txt"
    ]
    return found_in(
        dict.fromkeys(sorted(alone, key=natural), ""),
        "missing-picture",
        "labels without a picture",
        effect="left out",
    )

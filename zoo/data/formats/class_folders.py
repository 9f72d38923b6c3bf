"""A folder per class: PATH/CLASS/*.jpg, or PATH/train/CLASS/*.jpg and so on."""

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.amounts import plural
from zoo.data.dataset import DataSet
from zoo.data.files.dataset import dataset_of
from zoo.data.files.example import Example
from zoo.data.files.mask_places import IMAGES
from zoo.data.files.pictures import PICTURES, files_in, find_root, natural
from zoo.data.files.splits import SPLIT_FOLDERS
from zoo.data.findings import Finding, found_in
from zoo.data.places import hidden
from zoo.data.request import Request, Wanted
from zoo.errors import UserError

SOURCE = "class_folders"
SUMMARY = "your pictures: a folder per class, also inside train/, validation/ and test/"
TARGETS = ("class",)
KNOWN_BY = "a folder per class"

_INSIDE = "folders"
_MASK_OF = re.compile(r"(?P<picture>.+?)[ _-](?:mask|label)s?(?:[ _-]?\d+)?", re.IGNORECASE)


def recognize(path: Path) -> str | None:
    """Says what shows that a folder holds a folder per class; see `zoo.data.formats`."""
    if not path.is_dir():
        return None
    places = [folder for folder in _of_splits(path) if _folders(folder)]
    classes = {f.name for place in places or [path] for f in _folders(place) if _has_picture(f)}
    if len(classes) < 2 or _are_parts(classes):
        return None
    inside = f" in {' and '.join(place.name for place in places)}" if places else ""
    return f"there are {len(classes):,} folders of pictures{inside}"


def _are_parts(folders: Collection[str]) -> bool:
    """Says whether folders are called as splits are, or as that of pictures beside their masks."""
    own = {_picture_of(name.lower()) or name.lower() for name in folders}
    return own <= SPLIT_FOLDERS.keys() or not own.isdisjoint(map(str.lower, IMAGES))


def _picture_of(name: str) -> str | None:
    """Returns what a mask of this name would be the mask of: "7" of "7_mask"."""
    match = _MASK_OF.fullmatch(name)
    return match["picture"] if match else None


def _has_picture(folder: Path) -> bool:
    return any(child.suffix.lower() in PICTURES for child in folder.iterdir())


def open(
    name: str,
    path: Path | None,
    request: Request,
) -> DataSet:
    """Opens a folder of class folders.

    Classes are the folders' names in natural order. A split that has no folder of its own is cut
    from the files of train: of each class the same share, chosen by a hash of the seed and of
    each file, so that the same files give the same splits on every machine. Pictures beside the
    class folders, and in folders inside them, are of no class: they are left out, and named,
    as are those of a split without class folders. Hidden files, AppleDouble files (`._x.jpg`)
    among them, are passed over.

    Args:
        name: Empty: this source takes no name.
        path: The folder; a relative one is also looked for under `$ZOO_DATA`.
        request: What is asked for; its splits may name folders, as in {"train": "training"}.

    Raises:
        UserError: If there is no such folder, no class in it, only one, or one without pictures.
    """
    del name
    root = find_root(path, SOURCE, "a folder per class")
    skipped: Counter[str] = Counter()
    if request.splits:
        places = list(dict.fromkeys(_given(root, wanted) for wanted in request.splits.values()))
    else:
        folders = _split_folders(root)
        places = [root / folder for folder in folders.values()] or [root]
        request = replace(request, splits=folders)
    findings: list[Finding] = []
    found = {one.name: one for place in places for one in _examples(root, place, skipped, findings)}
    if skipped:
        inside = skipped.pop(_INSIDE, 0)
        kinds = [f"{count} {kind}" for kind, count in sorted(skipped.items())]
        if inside:
            kinds.append(f"{plural(inside, 'folder')} inside")
        text = f"passed over what is no picture in a class folder: {', '.join(kinds)}"
        findings.append(Finding("other-files", "", text))
    findings += found_in(
        {path.relative_to(root).as_posix(): "" for path in _of_no_class(root, places)},
        "missing-label",
        "pictures of no class, which lie not in a class folder itself",
        effect="left out",
    )
    findings += _masks_among(list(found.values()))
    labels = {str(example.label) for example in found.values()}
    if len(labels) < 2:
        stops = next((one.text for one in findings if one.effect == "stops"), None)
        if stops is not None:
            raise UserError(stops)
        only = f"only one class, {labels.pop()!r}" if labels else "no class folder with pictures"
        raise UserError(
            f"{root} holds {only}: put the pictures of each class into a folder named for it, "
            "at least two of them"
        )
    return dataset_of(
        root,
        sorted(found.values(), key=lambda one: natural(one.name)),
        request,
        carries=frozenset(TARGETS),
        findings=findings,
    )


def _given(root: Path, wanted: Wanted) -> Path:
    """Returns the folder that a split is, or the whole set's where it is a list."""
    folder = root / wanted.partition("[")[0] if isinstance(wanted, str) else root
    return folder if os.path.isdir(folder) else root


def _folders(folder: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if child.is_dir() and not hidden(child.name))


def _of_splits(root: Path) -> list[Path]:
    return [folder for folder in _folders(root) if folder.name.lower() in SPLIT_FOLDERS]


def _split_folders(root: Path) -> dict[str, str]:
    """Returns the folder of each split that has one."""
    found: dict[str, str] = {}
    for folder in _of_splits(root):
        # A class may be called "test": it is a split only where it holds folders.
        if not _folders(folder):
            continue
        split = SPLIT_FOLDERS[folder.name.lower()]
        if split in found:
            raise UserError(
                f"{root} has two folders for {split}: {found[split]} and {folder.name}; remove one"
            )
        found[split] = folder.name
    if found and "train" not in found:
        raise UserError(f"{root} has a folder for {', '.join(found)} but none named train; add it")
    if found:
        # A split's folder without folders is of a test whose classes are kept back.
        others = [f.name for f in _folders(root) if f.name.lower() not in SPLIT_FOLDERS]
        if others:
            raise UserError(
                f"{root} holds train and also {others[0]!r}, which is no split; move it into "
                "train if it is a class, or remove it"
            )
    return found


def _examples(
    root: Path, folder: Path, skipped: Counter[str], findings: list[Finding]
) -> list[Example]:
    """Returns the pictures of a split, by class and name.

    What is none of them is counted, and a class without any is added to what was found.
    """
    classes = _folders(folder)
    if not classes:
        loose = sum(child.suffix.lower() in PICTURES for child in folder.iterdir())
        holds = f"{plural(loose, 'picture')} but no folder" if loose else "no folder"
        raise UserError(
            f"{folder} holds {holds}: put the pictures of each class into a folder named for it"
        )
    found = []
    for child in classes:
        before = len(found)
        for path in sorted(child.iterdir()):
            if hidden(path.name):
                continue
            if path.is_dir():
                skipped[_INSIDE] += 1
            elif path.suffix.lower() not in PICTURES:
                skipped[f"{path.suffix.lower() or 'without an ending'}"] += 1
            else:
                file = path.relative_to(root).as_posix()
                found.append(Example(name=file, file=file, path=str(path), label=child.name))
        if len(found) == before:
            text = f"class folder {child} holds no picture; add some, or remove the folder"
            findings.append(Finding("unusable-set", "", text, "stops"))
    return found


def _masks_among(examples: Sequence[Example]) -> list[Finding]:
    """Finds pictures that go by the name of another in their folder as its masks do."""
    stems = {os.path.splitext(one.file)[0] for one in examples}
    masks = [one.file for one in examples if _picture_of(os.path.splitext(one.file)[0]) in stems]
    return found_in(
        dict.fromkeys(masks, ""),
        "mask-as-picture",
        "masks by their names, learnt from as pictures of the class; move them out of its folder",
        effect="misleads",
    )


def _of_no_class(root: Path, places: Sequence[Path]) -> list[Path]:
    """Returns the pictures beside class folders and in folders inside them."""
    inside = [
        path
        for place in places
        for child in _folders(place)
        for path in files_in(child, PICTURES)[0]
        if path.parent != child
    ]
    unsorted = [] if root in places else _of_splits(root)
    beside = [
        child
        for folder in dict.fromkeys([root, *places, *unsorted])
        for child in sorted(folder.iterdir())
        if child.is_file() and child.suffix.lower() in PICTURES and not hidden(child.name)
    ]
    return [*beside, *inside]

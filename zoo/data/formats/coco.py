"""COCO: one JSON file, or one a split, with the boxes and shapes of all objects."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.files.boxes import Objects, with_boxes
from zoo.data.files.coco import (
    Listed,
    Listing,
    annotation_of,
    find_listings,
    is_listing,
    mask_of,
    place_pictures,
    read_listing,
    unlisted,
)
from zoo.data.files.counting import Counting, carried, counting_of
from zoo.data.files.dataset import dataset_of
from zoo.data.files.example import Example
from zoo.data.files.pictures import (
    PICTURES,
    Look,
    examples_in,
    files_in,
    find_folder,
    find_root,
    folder_around,
)
from zoo.data.files.splits import splits_named
from zoo.data.findings import Finding, Reason, decision
from zoo.data.request import Request
from zoo.errors import UserError

SOURCE = "coco"
SUMMARY = "your pictures with boxes or masks: COCO's JSON files, one or one a split"
TARGETS = ("class", "box", "mask")

_ENDING = ".json"


def recognize(place: Path) -> str | None:
    """Says what shows that a folder holds COCO's JSON files, or that a file is one."""
    root = place if place.is_dir() else place.parent
    for path in files_in(root, {_ENDING})[0] if place == root else [place]:
        if path.suffix.lower() == _ENDING and is_listing(path):
            return f"{path.relative_to(root).as_posix()} begins as COCO's JSON files do"
    return None


def open(
    name: str,
    path: Path | None,
    request: Request,
    *,
    images: str | None = None,
    annotations: str | Sequence[str] | None = None,
    objects: Objects = "largest",
    classes: Sequence[str] | Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
) -> DataSet:
    """Opens pictures with annotations as COCO has them (Lin et al. 2014).

    The class of a picture is that of its object. Masks hold the background, and a class for
    each category: polygons and both run-length encodings are drawn by the rule of the COCO
    tools. Where objects overlap, the smaller is on top. Regions marked as a crowd are no object,
    and are ignored in masks. In messages, the number of an object is its id in the file.

    Args:
        name: Empty: this source takes no name.
        path: The folder, or the one JSON file that counts, beside the pictures or in a folder
            beside theirs; a relative one is also looked for under `$ZOO_DATA`.
        request: What is asked for. Without splits each JSON file named for a split is one
            (`instances_train2017.json`, `train/_annotations.coco.json`); a file may also be
            asked for by its path, as a list may: `"annotations/all.json[:80%]"`.
        images: Folder of the pictures below `path`; without it all below `path` are looked
            through.
        annotations: The JSON file or files below `path`; without it all that look like COCO's.
        objects: What to do about a picture with several objects, where boxes or classes are
            learnt: "largest", "skip" or "crop".
        classes: Names of the categories that count, or from these to the names of the classes
            that they are to be; all that an object has if None. In masks, what does not count
            is background.
        ignore: Names of categories that are neither learnt nor scored in masks, and do not
            count elsewhere.

    Raises:
        UserError: If there is no such folder or JSON file, or no example to train on.
    """
    del name
    place = find_root(path, SOURCE, "pictures and their COCO annotations", (_ENDING,))
    root = place
    if place.is_file():
        root = folder_around(place, lambda folder: bool(files_in(folder, PICTURES)[0]))
        annotations = annotations or place.relative_to(root).as_posix()
    paths, findings = find_listings(root, annotations)
    listings = [read_listing(root, one) for one in paths]
    counting = _counting(listings, classes, ignore, findings)
    carries = carried(counting, _outlined(listings), request)
    wanted = request.wanted(carries)
    pictures = root if images is None else find_folder(root, images, (), "pictures")
    examples, looks, odd = examples_in(root, pictures)
    placed, lists, said = place_pictures(listings, examples)
    others, beside = unlisted(examples, list(placed))
    findings += [one for one in odd if one.file not in others and one.kind != "other-files"]
    findings += [*(one for listing in listings for one in listing.findings), *said, *beside]
    both = [(one, look) for one, look in zip(examples, looks, strict=True) if one.file in placed]
    examples, looks = [one for one, _ in both], [look for _, look in both]
    if "mask" in wanted:
        examples, said = _with_masks(examples, looks, placed, counting)
        findings += said
    if wanted & {"class", "box"}:
        annotated = {
            file: annotation_of(listed, listing.source, counting)
            for file, (listing, listed) in placed.items()
        }
        names = list(dict.fromkeys(counting.classes.values())) if classes is not None else None
        examples, said = with_boxes(examples, looks, annotated, objects=objects, classes=names)
        findings += said
    if request.splits is None and (splits := splits_named(lists)):
        findings += [decision(f"{split} is {source}") for split, source in splits.items()]
        request = replace(request, splits=splits)
    return dataset_of(
        root,
        examples,
        request,
        carries=carries,
        findings=findings,
        classes=counting.mask_classes if "mask" in wanted else None,
        lists=lists,
    )


def _counting(
    listings: Sequence[Listing],
    classes: Sequence[str] | Mapping[str, str] | None,
    ignore: Sequence[str],
    findings: list[Finding],
) -> Counting:
    known = list(dict.fromkeys(name for listing in listings for name in listing.names))
    unused = {name: "" for listing in listings for name in listing.unused if name not in known}
    counting = counting_of(known, unused, classes, ignore, "category")
    if classes is None and unused:
        findings.append(decision(f"no object is of, and no class is: {', '.join(unused)}"))
    if not counting.classes:
        raise UserError(
            f"{', '.join(one.source for one in listings)}: no object is of a category; add some"
        )
    return counting


def _outlined(listings: Sequence[Listing]) -> bool:
    return any(
        mark.segmentation
        for listing in listings
        for listed in listing.pictures
        for mark in listed.marks
    )


def _with_masks(
    examples: Sequence[Example],
    looks: Sequence[Look],
    placed: Mapping[str, tuple[Listing, Listed]],
    counting: Counting,
) -> tuple[list[Example], list[Finding]]:
    """Gives each picture the mask of its objects, turned with it where it was drawn unturned."""
    masked, findings = [], []
    for example, look in zip(examples, looks, strict=True):
        listing, listed = placed[example.file]
        size = listed.size or look.size
        known = all(look.size)
        turned = known and size != look.size and size == look.stored
        mask, faults = mask_of(listed, listing.source, size if known else None, counting)
        if known and size != look.size and not turned:
            (height, width), text = look.size, f"is for a picture of {size[1]}x{size[0]} pixels"
            why = Reason("annotation-size", f"{_has(listing)}, which {text}, not {width}x{height}")
        elif isinstance(mask, Reason):
            why = Reason(mask.kind, f"{_has(listing)}: {mask}")
        else:
            turn = look.orientation if turned else 1
            masked.append(replace(example, mask=mask, mask_orientation=turn))
            about = f"{listing.source} of {example.file}"
            findings += [
                Finding(one.kind, example.file, f"{about}: {one}", "mended") for one in faults
            ]
            continue
        masked.append(replace(example, lacks={**example.lacks, "mask": why}))
    regions = sum(mark.crowd for _, listed in placed.values() for mark in listed.marks)
    said = "where objects overlap in masks, the smaller is on top"
    if regions:
        said += f"; {regions:,} crowd region{'s are' if regions > 1 else ' is'} ignored"
    return masked, [*findings, decision(said)]


def _has(listing: Listing) -> str:
    return f"has the annotation {listing.source}"

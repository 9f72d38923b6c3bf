"""From examples on disk to a data set under the contract of `zoo.data`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from zoo.data.dataset import DataSet
from zoo.data.files.decoding import Pictures, digests_of_files
from zoo.data.files.example import Example, Store
from zoo.data.files.pictures import natural
from zoo.data.files.reading import reader_of_masks, split_of
from zoo.data.files.splits import divide
from zoo.data.findings import Finding
from zoo.data.mask_classes import find_classes, mask_classes
from zoo.data.request import Request
from zoo.errors import UserError


def dataset_of(
    root: Path,
    examples: Sequence[Example],
    request: Request,
    *,
    carries: frozenset[str],
    findings: Sequence[Finding] = (),
    classes: Mapping[str, str] | None = None,
    ignore: Sequence[int] = (),
    mirrored: bool | None = None,
    lists: Mapping[str, Sequence[str]] | None = None,
    store: Store | None = None,
    name: str = "",
) -> DataSet:
    """Divides examples and makes them readable by index.

    Classes are numbered in natural order of their names, whatever the format's order is, so that
    the same data set in another format trains the same network. One without an example in train
    is a finding that stops training.

    Args:
        root: Folder of the data set.
        examples: All there are, in natural order.
        request: What is asked for.
        carries: Which of "class", "box" and "mask" the format has.
        findings: What was decided and found so far.
        classes: As `mask_classes` takes them; None to find out.
        ignore: Mask ids to ignore.
        mirrored: As in `DataSet`.
        lists: As `divide` takes them.
        store: Where the pictures are; in the files that the examples name if None.
        name: Of the set; its folder's if empty.

    Raises:
        UserError: If no example is left in a split.
    """
    wanted = request.wanted(carries)
    needed = wanted & {"mask"} if request.targets is None else wanted
    parts, divided = divide(
        examples,
        request,
        root=root,
        lacks=lambda example: example.reason_against(needed),
        lists=lists,
        digests=digests_of_files if store is None else store.digests,
    )
    findings = [*findings, *divided]
    if not parts["train"]:
        lost = [one.text for one in divided if one.text.startswith("left out of train")]
        # Where an annotation names none of the pictures, none was asked for.
        lost += [one.text for one in findings if one.effect == "left out"]
        why = next(iter(lost), "")
        raise UserError(
            f"{root} has no example to train on" + (f"; {why}" if why else "; add some")
        )
    labels: tuple[str, ...] = ()
    if "class" in wanted:
        names = {one.label for found in parts.values() for one in found if one.label}
        labels = tuple(sorted(names, key=natural))
        findings += _absent(root, parts, labels)
    ids = None
    if "mask" in wanted:
        if classes is None:
            masks = reader_of_masks(parts["train"])
            ids, said = find_classes(masks, len(parts["train"]), ignore, root.name)
            findings.append(said)
        else:
            ids = mask_classes(classes, ignore)
    used = {example.name for found in parts.values() for example in found}
    unused = [one for one in examples if one.name not in used and not one.reason_against(needed)]
    chosen = [one for found in parts.values() for one in found]
    pictures = store or Pictures([*chosen, *unused], request)
    findings += pictures.findings
    return DataSet(
        name=name or root.name,
        targets=wanted,
        label_names=labels,
        mask_names=ids.names if ids else (),
        splits={
            name: split_of(name, found, pictures, wanted, labels, ids)
            for name, found in parts.items()
        },
        findings=tuple(findings),
        mirrored=mirrored,
        root=root,
        unused=split_of("unused", unused, pictures, wanted, labels, ids) if unused else None,
    )


def _absent(
    root: Path, parts: Mapping[str, Sequence[Example]], labels: Sequence[str]
) -> list[Finding]:
    findings = []
    for split, found in parts.items():
        absent = sorted(set(labels) - {example.label for example in found})
        if absent and split == "train":
            findings += [
                Finding(
                    "unusable-set",
                    "",
                    f"class {name!r} of {root} has no picture to train on; add some, or remove it",
                    "stops",
                )
                for name in absent
            ]
        elif absent:
            text = f"without a picture in {split}: {', '.join(absent)}"
            findings.append(Finding("class-absent", "", text))
    return findings

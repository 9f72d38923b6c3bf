"""What is said of a data set: what was decided about it, and what is wrong with its files."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

KINDS = {
    "unreadable-picture": "a picture that is damaged, or of a format that is not read",
    "unreadable-folder": "a folder that cannot be read, whatever is in it",
    "truncated-picture": "a picture whose file ends before its pixels do",
    "damaged-picture": "a picture that is read, and that others take for damaged",
    "missing-picture": "a picture that a list, an annotation or a mask is for, and is not there",
    "extension-mismatch": "a picture named for another format than it holds",
    "orientation-turned": "a picture stored turned or mirrored, as its EXIF orientation says",
    "orientation-invalid": "a picture with an EXIF orientation that there is not",
    "precision-lost": "a picture of more than 8 bits, scaled to 8",
    "picture-layout": "a picture of which a part is read, or whose layout was told by its shape",
    "other-channels": "a picture of other channels than most of the set",
    "blank-picture": "a picture of one colour",
    "duplicate-exact": "a picture whose file holds the same bytes as another's",
    "duplicate-near": "a picture that looks the same as another",
    "duplicate-labels": "pictures of the same bytes with different labels",
    "split-leak": "a picture held out that looks the same as one in another split",
    "missing-label": "a picture that no class can be told of",
    "missing-annotation": "a picture without an annotation",
    "unreadable-annotation": "an annotation that is damaged, or none",
    "ambiguous-annotation": "an annotation whose picture has another, or which could be several's",
    "annotation-size": "an annotation for a picture of another size",
    "object-incomplete": "an object without a name, or without a box of numbers",
    "object-shape": "an object whose outline or runs cannot be drawn",
    "no-object": "a picture in which no object is marked that counts",
    "corners-swapped": "a box whose corners are swapped",
    "box-no-area": "a box of no width or no height",
    "box-outside": "a box that reaches outside of its picture, or lies outside",
    "several-objects": "a picture with several objects, of which one is learnt",
    "objects-overlap": "an object that cannot be cut out without another",
    "missing-mask": "a picture without a mask",
    "unreadable-mask": "a mask that is damaged, or none",
    "mask-size": "a mask of another size than its picture",
    "mask-unknown-id": "a mask with ids or colours that are no class",
    "mask-one-class": "a mask of one class alone",
    "mask-as-picture": "a mask beside its picture, learnt from as a picture itself",
    "class-absent": "a class without an example, in a split or at all",
    "in-several-splits": "examples that several splits ask for",
    "in-no-split": "examples that no split asks for",
    "other-files": "files that are passed over, being none of the data set's",
    "system-file": "a file that an operating system left behind",
    "unusable-set": "what keeps the data set from being learnt from at all",
    "decision": "what was decided where the files leave a choice",
}
"""What may be found, with a line that says what it is."""

Effect = Literal["none", "mended", "misleads", "left out", "stops"]

EFFECTS: Mapping[Effect, str] = {
    "none": "nothing is wrong: it is merely said",
    "mended": "something is wrong and was put right; it is learnt from",
    "misleads": "it is learnt from or measured on as it is, which misleads",
    "left out": "it is not learnt from",
    "stops": "training stops at it, unless told to leave it out",
}
"""What follows for training."""

_NAMED = 20


@dataclass(frozen=True)
class Finding:
    """One thing found in a data set.

    Attributes:
        kind: One of `KINDS`.
        file: The picture it is about, else the annotation, mask, list or folder; its path below
            the data set's folder, or "" where it is about the whole set.
        text: The sentence that says it, without a full stop.
        effect: One of `EFFECTS`.
        together: How the sentence begins that names all files of which the same is said.
        detail: What stands behind the file's name in that sentence, in brackets.
    """

    kind: str
    file: str
    text: str
    effect: Effect = "none"
    together: str = ""
    detail: str = ""

    def __post_init__(self):
        if self.kind not in KINDS or self.effect not in EFFECTS:
            raise ValueError(f"there is no finding {self.kind!r} of effect {self.effect!r}")

    def __str__(self) -> str:
        return self.text

    @property
    def affects_training(self) -> bool:
        """Whether something is not learnt from that the data set holds, or misleads."""
        return self.effect in ("misleads", "left out", "stops")


@dataclass(frozen=True)
class Reason:
    """Why an example or an object cannot be used.

    Attributes:
        kind: One of `KINDS`.
        text: The end of a sentence that begins with its name: "has no mask masks/1.png".
        together: As in `Finding`.
    """

    kind: str
    text: str
    together: str = ""

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"there is no finding {self.kind!r}")

    def __str__(self) -> str:
        return self.text


class UnfitMaskError(ValueError):
    """A mask that cannot be used; its message is the end of a sentence with its name.

    Args:
        kind: One of `KINDS`.
        text: The message.
    """

    def __init__(self, kind: str, text: str):
        super().__init__(text)
        self.kind = Reason(kind, text).kind


def decision(text: str) -> Finding:
    """Returns what was decided about the whole set as a finding."""
    return Finding("decision", "", text)


def found_in(
    files: Mapping[str, str],
    kind: str,
    one: str,
    many: str = "",
    effect: Effect = "none",
) -> list[Finding]:
    """Returns a finding for each file of which the same is said, to be said together.

    Args:
        files: From each file to what is to stand behind its name in brackets, or "".
        kind: One of `KINDS`.
        one: How the sentence about a single file begins, up to the colon.
        many: How the sentence about several begins, where it is another.
        effect: One of `EFFECTS`.

    Example:
        >>> [str(one) for one in found_in({"a.jpg": "PNG"}, "extension-mismatch", "misnamed")]
        ['misnamed: a.jpg (PNG)']
    """
    together = (many or one) if len(files) > 1 else one
    return [
        Finding(kind, file, f"{one}: {_behind(file, detail)}", effect, together, detail)
        for file, detail in files.items()
    ]


def sentences(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Returns findings as people read them: what is the same of many files is said once.

    Args:
        findings: In the order in which they are to be said.

    Returns:
        A sentence each; of very many files it names the first, and says how many more.
    """
    said: dict[tuple[str, ...], list[Finding]] = {}
    for place, finding in enumerate(findings):
        alike = (finding.kind, finding.together) if finding.together else (str(place),)
        said.setdefault(alike, []).append(finding)
    return tuple(
        f"{alike[0].together}: {named([_behind(one.file, one.detail) for one in alike])}"
        if len(alike) > 1
        else alike[0].text
        for alike in said.values()
    )


def named(names: Sequence[str]) -> str:
    """Returns names as a list in a sentence; of very many the first, and how many more."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _behind(file: str, detail: str) -> str:
    return f"{file} ({detail})" if detail else file

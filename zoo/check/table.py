"""A check as a person reads it on a terminal: findings by kind, classes, sizes."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from zoo.amounts import plural
from zoo.check.checking import Check, quantiles
from zoo.data.findings import EFFECTS, KINDS, Effect, Finding
from zoo.evaluation.pages import encodable

_FILES = 3
_CLASSES = 20
_DECISIONS = 12
_STYLES = {
    "none": "dim",
    "mended": "cyan",
    "misleads": "yellow",
    "left out": "yellow",
    "stops": "bold red",
}


def by_kind(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Returns findings by their kind, those first that matter most to training."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.kind, []).append(finding)
    kinds = list(KINDS)
    return dict(sorted(found.items(), key=lambda one: (-_weight(one[1]), kinds.index(one[0]))))


def _weight(findings: Sequence[Finding]) -> int:
    return max(list(EFFECTS).index(finding.effect) for finding in findings)


def worst_effect(findings: Sequence[Finding]) -> Effect:
    """Returns the effect that matters most to training."""
    return list(EFFECTS)[_weight(findings)]


def show(check: Check, console: Console) -> None:
    """Prints a check: what was found, how the classes are balanced, what the pictures are."""
    counts = [f"{count:,} {name}" for name, count in check.splits.items()]
    console.print(_text(check.opened.name, "bold"), soft_wrap=True)
    console.print(plural(len(check.seen), "picture") + (f"; {', '.join(counts)}" if counts else ""))
    console.print()
    if check.findings:
        console.print(_findings(check.findings))
    else:
        console.print("Nothing is wrong with any file.")
    for table in (_classes(check), _masks(check)):
        if table is not None:
            console.print()
            console.print(table)
    console.print()
    for name, value in facts(check):
        console.print(Text(f"{name:<9} {value}"))
    for decision in check.decisions[:_DECISIONS]:
        console.print(_text(f"note: {decision}"), soft_wrap=True)
    console.print()
    console.print(verdict(check), style="bold")


def verdict(check: Check) -> str:
    """Returns what the check means for training, as a sentence."""
    counts = Counter(one.effect for one in check.findings if one.affects_training)
    if not counts:
        return "Training is not affected."
    words = {"stops": "stops at", "left out": "leaves out", "misleads": "is misled by"}
    parts = [f"{said} {counts[effect]:,}" for effect, said in words.items() if counts[effect]]
    return f"Training is affected: it {' and '.join(parts)}."


def _findings(findings: Sequence[Finding]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("found", no_wrap=True)
    table.add_column("", justify="right")
    table.add_column("training", no_wrap=True)
    table.add_column("where", overflow="fold", ratio=1)
    for kind, found in by_kind(findings).items():
        effect = worst_effect(found)
        where = Text()
        where.append(f"{KINDS[kind]}\n", "dim")
        for finding in found[:_FILES]:
            where.append_text(_text(f"{_where(finding)}\n"))
        if len(found) > _FILES:
            where.append(f"and {len(found) - _FILES:,} more\n", "dim")
        where.right_crop(1)
        style = _STYLES[effect]
        table.add_row(Text(kind, style), f"{len(found):,}", Text(effect, style), where)
    return table


def _where(finding: Finding) -> str:
    if not finding.together:
        # The sentence says more than the file alone, and names it.
        return finding.text
    return f"{finding.file} ({finding.detail})" if finding.detail else finding.file


def _text(text: str, style: str = "") -> Text:
    # As it is: names may look like markup or emoji, and hold what no encoding can write.
    return Text(encodable(text), style)


def _classes(check: Check) -> Table | None:
    return _by_split("class", check.labels.classes, _counted)


def _masks(check: Check) -> Table | None:
    pixels = check.labels.mask_pixels
    shares = {
        split: {name: count / max(1, sum(counts.values())) for name, count in counts.items()}
        for split, counts in pixels.items()
    }
    return _by_split("share of the masks' pixels", shares, _percent)


def _counted(number: float) -> str:
    return f"{number:,}"


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _by_split(title: str, tables: Mapping[str, Mapping[str, float]], text) -> Table | None:
    if not tables:
        return None
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(title, overflow="fold")
    for split in tables:
        table.add_column(split, justify="right")
    names = sorted(
        {name for counts in tables.values() for name in counts},
        key=lambda name: -sum(counts.get(name, 0) for counts in tables.values()),
    )
    # Of many, the largest and the smallest: between them lies nothing that surprises.
    shown = names if len(names) <= _CLASSES else [*names[: _CLASSES // 2], "", *names[-9:]]
    for name in shown:
        if name:
            values = [text(counts.get(name, 0)) for counts in tables.values()]
            table.add_row(_text(name), *values)
        else:
            table.add_row(Text(f"... {len(names) - _CLASSES + 1:,} classes between", "dim"))
    return table


def facts(check: Check) -> list[tuple[str, str]]:
    """Returns what the pictures are: sizes, formats, channels, and how large the boxes."""
    sizes = check.sizes()
    found = []
    if sizes:
        smallest = min(sizes, key=lambda size: size[0] * size[1])
        largest = max(sizes, key=lambda size: size[0] * size[1])
        usual, count = Counter(sizes).most_common(1)[0]
        text = f"{_size(smallest)} to {_size(largest)}, most often {_size(usual)} ({count:,})"
        found.append(("sizes", f"{_size(usual)}" if smallest == largest else text))
    for name, counts in (
        ("formats", check.counts(lambda one: one.format)),
        ("channels", check.counts(lambda one: one.samples)),
    ):
        if counts:
            found.append((name, ", ".join(f"{key or '?'} {n:,}" for key, n in counts.items())))
    if check.labels.box_shares:
        low, middle, high = quantiles(check.labels.box_shares).values()
        text = f"{low:.1%} to {high:.1%} of their pictures, the median {middle:.1%}"
        found.append(("boxes", text))
    return found


def _size(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"

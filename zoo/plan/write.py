"""Writing a plan as a recipe that people read, change and run."""

import os
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from zoo.amounts import by, plural
from zoo.plan.fingerprint import Fingerprint
from zoo.plan.plan import Plan
from zoo.training.files import write_text

_WIDTH = 100
_INDENT = 4
_NAMED = 10
# Sections that are objects in Python; the others are dicts there.
_CALLS = {"data": "DataOptions", "input": "InputOptions"}
_ORDER = ("task", "data", "input", "model", "loss", "augment", "sampling", "adversarial")


def write_recipe(plan: Plan, path: Path) -> None:
    """Writes a plan as a recipe, whole or not at all."""
    write_text(path, recipe_text(plan, path))


def recipe_text(plan: Plan, path: Path) -> str:
    """Returns a plan as the Python of a recipe, with a reason beside each value.

    Args:
        plan: What to write.
        path: Where it is to lie, for the command that runs it.
    """
    environment = Environment(
        loader=PackageLoader("zoo", "plan"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("recipe.py.jinja")
    return template.render(
        title=_of_docstring(_title(plan)),
        file=_of_docstring(path.as_posix()),
        provenance=_paragraph(
            f"Planned by `zoo new` for {plan.minutes:g} minutes of training on a machine with "
            f"{plural(os.cpu_count() or 1, 'core')}. Score: none yet. docs/plan.md has the rules."
        ),
        measured=[_paragraph(f"- {line}", "  ") for line in _measured(plan.fingerprint)],
        sections=list(_sections(plan)),
    )


def _title(plan: Plan) -> str:
    classes = len(plan.fingerprint.class_names)
    what = {
        "classification": f"Tell {classes} classes of pictures apart",
        "localization": f"Find one object in each picture, of {classes} class"
        + ("es" if classes > 1 else ""),
        "segmentation": f"Mark every pixel as one of {classes} classes",
    }[plan.recipe.task]
    return f"{what}: {plan.fingerprint.name}."


def _measured(found: Fingerprint) -> Iterable[str]:
    splits = ", ".join(f"{name} {count:,}" for name, count in found.pictures.items())
    yield f"pictures: {splits}"
    low, middle, high = found.aspect
    if found.one_size:
        yield f"size: all {by(found.size)} pixels (height by width)"
    else:
        yield (
            f"size: {by(found.size)} pixels (height by width, the median), from "
            f"{by(found.smallest)} to {by(found.largest)}; width by height {middle:.2f}, "
            f"{low:.2f} to {high:.2f}"
        )
    if found.counts is not None:
        counts = [
            f"{name} {count:,}"
            for name, count in zip(found.class_names, found.counts["train"], strict=True)
        ]
        more = f" and {len(counts) - _NAMED:,} more" if len(counts) > _NAMED else ""
        yield f"classes: {', '.join(counts[:_NAMED])}{more}"
    if found.boxes is not None:
        yield (
            f"boxes: the median one covers {found.boxes.share:.0%} of its picture; nine in ten "
            f"are at least {found.boxes.small:.0%} of the longer side wide and high"
        )
    if found.masks is not None:
        for region in found.masks.regions[:_NAMED]:
            yield (
                f"mask {region.name}: {region.share:.1%} of the pixels, in {region.pictures:.0%} "
                f"of the pictures, {region.thickness:.1f} pixels thick, a connected region "
                f"{region.component:.2%} of the picture"
            )
        if len(found.masks.regions) > _NAMED:
            yield f"masks: {len(found.masks.regions) - _NAMED:,} classes more"
        if found.masks.ignored:
            yield f"mask pixels that are ignored: {found.masks.ignored:.1%}"


def _sections(plan: Plan) -> Iterable[str]:
    values = plan.recipe.model_dump(exclude={"name"})
    fields = {"task": "", **plan.reasons}
    tops = list(dict.fromkeys(field.partition(".")[0] for field in fields))
    tops.sort(key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))
    for top in tops:
        lines = []
        if remark := plan.remarks.get(top):
            lines += _comment(remark, _INDENT)
        inside = [field.split(".")[1] for field in fields if field.startswith(f"{top}.")]
        if inside and top not in fields:
            lines += _group(top, values[top], dict.fromkeys(inside), fields)
        else:
            lines += _comment(fields[top], _INDENT)
            lines.append(
                f"{' ' * _INDENT}{top}={_literal(values[top], _INDENT, _INDENT + len(top) + 2)},"
            )
        yield "\n".join(lines)


def _group(
    top: str, values: Mapping[str, Any], names: Iterable[str], reasons: Mapping[str, str]
) -> Iterable[str]:
    call = _CALLS.get(top)
    yield f"{' ' * _INDENT}{top}={call + '(' if call else '{'}"
    deeper = 2 * _INDENT
    for name in names:
        given = next(f for f in reasons if f == f"{top}.{name}" or f.startswith(f"{top}.{name}."))
        yield from _comment(reasons[given], deeper)
        key = f"{name}=" if call else f"{_inline(name)}: "
        yield f"{' ' * deeper}{key}{_literal(values[name], deeper, deeper + len(key) + 1)},"
    yield f"{' ' * _INDENT}{')' if call else '}'},"


def _comment(text: str, indent: int) -> list[str]:
    if not text:
        return []
    sentence = " ".join(text.split())
    sentence = sentence[0].upper() + sentence[1:]
    if sentence[-1] not in ".?!}":
        sentence += "."
    lead = " " * indent + "# "
    return textwrap.wrap(
        sentence,
        _WIDTH,
        initial_indent=lead,
        subsequent_indent=lead,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _literal(value: Any, indent: int, used: int) -> str:
    """Returns a plain value as Python, on lines of its own where it is long.

    Args:
        value: Of a recipe.
        indent: Columns before the line that it begins on.
        used: Columns of that line that are taken before and behind it.
    """
    line = _inline(value)
    if used + len(line) <= _WIDTH or not isinstance(value, dict | list | tuple) or not value:
        return line
    deeper = indent + _INDENT
    if isinstance(value, dict):
        items = [(f"{_inline(key)}: ", one) for key, one in value.items()]
    else:
        items = [("", one) for one in value]
    inner = "\n".join(
        f"{' ' * deeper}{key}{_literal(one, deeper, deeper + len(key) + 1)}," for key, one in items
    )
    return f"{line[0]}\n{inner}\n{' ' * indent}{line[-1]}"


def _inline(value: Any) -> str:
    """Returns a plain value as Python on one line, as a formatter would write it."""
    if isinstance(value, str):
        text = repr(value)
        return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text else text
    if isinstance(value, dict):
        pairs = [f"{_inline(key)}: {_inline(one)}" for key, one in value.items()]
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(_inline, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def _paragraph(text: str, indent: str = "") -> str:
    text = _of_docstring(" ".join(text.split()))
    return textwrap.fill(
        text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _of_docstring(text: str) -> str:
    """Returns text that means itself between three quotes."""
    return text.replace("\\", "\\\\").replace('"""', "'''")

"""Telling data from those that something was begun with. Imports no TensorFlow."""

from collections.abc import Mapping
from typing import Any


def changes(begun: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Returns in what data are others than those begun with; nothing where they are the same.

    Args:
        begun: ``class_names``, ``counts`` by split and the ``fingerprint`` of those begun with.
        now: The same of those there are.

    Example:
        >>> changes({"counts": {"train": 24}, ...}, {"counts": {"train": 25}, ...})
        '24 train pictures became 25'
    """
    before, after = begun["counts"], now["counts"]
    found = [
        f"{before.get(split, 0):,} {split} pictures became {after.get(split, 0):,}"
        for split in {**before, **after}
        if before.get(split, 0) != after.get(split, 0)
    ]
    if now["class_names"] != begun["class_names"]:
        were, are = (", ".join(map(repr, one["class_names"])) for one in (begun, now))
        found.append(f"the classes {were} became {are}")
    # Runs of before there were fingerprints have none.
    if not found and begun.get("fingerprint") in (None, now["fingerprint"]):
        return ""
    return "; ".join(found) or (
        "as many as before, but pictures or what is known of them were replaced, renamed or changed"
    )

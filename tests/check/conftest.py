"""Checking a folder as the command does, and what was found by file."""

from collections import defaultdict

import pytest

from zoo.check import check_data, find_data, open_for_check
from zoo.training.watch import Watch


def run_check(data, task=None, source=None, **overrides):
    recipe, name = find_data(str(data), task=task, source=source, overrides=overrides)
    return check_data(open_for_check(recipe, name), Watch(quiet=True))


@pytest.fixture(scope="session")
def check():
    """Checks a folder: check(folder, task=..., source=..., **fields of the recipe)."""
    return run_check


def kinds_by_file(checked):
    found = defaultdict(set)
    for finding in checked.findings:
        found[finding.file].add(finding.kind)
    return dict(found)


@pytest.fixture(scope="session")
def by_file():
    """Returns the kinds of what was found, by file."""
    return kinds_by_file

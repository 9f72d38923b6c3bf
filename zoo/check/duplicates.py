"""Pictures that are the same: byte for byte, or to look at; and what that means for the splits."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from zoo.check.pictures import THUMBNAIL, Seen
from zoo.data.dataset import SPLITS
from zoo.data.findings import Finding, found_in

HASH_DISTANCE = 6
"""Bits of 64 in which the hashes of two pictures may differ that are compared at all."""

_CORRELATION = 0.98
_LEVELS = 12.0
_LOW = 8
_ROWS = 1024


def find_duplicates(
    seen: Sequence[Seen], splits: Mapping[str, str], labels: Mapping[str, str]
) -> list[Finding]:
    """Names pictures that there are several of.

    Two pictures look the same whose perceptual hashes differ in few bits and whose copies of
    32x32 gray pixels are nearly equal: re-encoded, resized, retouched a little.

    Args:
        seen: The pictures.
        splits: The split of each picture that is in one, by name.
        labels: The class of each picture that has one, by name.

    Returns:
        For each group of the same pictures a finding about each but the first; besides, one
        for each that is held out from a split and in another, and for each whose label
        contradicts that of the same bytes.
    """
    by_digest: dict[bytes, list[str]] = defaultdict(list)
    for one in seen:
        if one.digest:
            by_digest[one.digest].append(one.name)
    exact = [names for names in by_digest.values() if len(names) > 1]
    firsts = {names[0]: names for names in by_digest.values()}
    distinct = [one for one in seen if one.name in firsts and one.thumbnail is not None]
    near = _groups([one for one in distinct if not one.blank])
    findings = [
        *_repeated(exact, "duplicate-exact", "holds the same bytes as another"),
        *_repeated(near, "duplicate-near", "looks the same as another"),
    ]
    alike = [[name for first in group for name in firsts[first]] for group in near]
    grouped = {name for group in alike for name in group}
    alike += [names for names in exact if names[0] not in grouped]
    findings += _leaks(alike, splits)
    findings += _contradictions(exact, labels)
    return findings


def _repeated(groups: Iterable[Sequence[str]], kind: str, said: str) -> list[Finding]:
    others = {name: group[0] for group in groups for name in group[1:]}
    return found_in(others, kind, said)


def _leaks(groups: Iterable[Sequence[str]], splits: Mapping[str, str]) -> list[Finding]:
    leaks = {}
    for group in groups:
        placed = [(SPLITS.index(splits[name]), name) for name in group if name in splits]
        for place, name in placed:
            earlier = min((one for one in placed if one[0] < place), default=None)
            if earlier is not None:
                leaks[name] = f"{SPLITS[place]}; {SPLITS[earlier[0]]} has {earlier[1]}"
    return found_in(leaks, "split-leak", "held out, and in another split", effect="misleads")


def _contradictions(groups: Iterable[Sequence[str]], labels: Mapping[str, str]) -> list[Finding]:
    contradictions = {}
    for group in groups:
        labelled = [name for name in group if name in labels]
        for name in labelled[1:]:
            if labels[name] != labels[labelled[0]]:
                contradictions[name] = f"{labels[name]}; {labelled[0]} is {labels[labelled[0]]}"
    said = "labelled otherwise than the same picture"
    return found_in(contradictions, "duplicate-labels", said, effect="misleads")


def perceptual_hashes(thumbnails: np.ndarray) -> np.ndarray:
    """Returns a hash of each picture that changes little where the picture does.

    pHash (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions"):
    which of the 8x8 lowest frequencies of a 32x32 gray copy's cosine transform are above their
    median.

    Args:
        thumbnails: uint8 [n, 32, 32].

    Returns:
        uint64 [n].

    Example:
        >>> perceptual_hashes(np.zeros((1, 32, 32), np.uint8)).shape
        (1,)
    """
    steps = np.pi * (2 * np.arange(THUMBNAIL) + 1) / (2 * THUMBNAIL)
    cosines = np.cos(np.outer(np.arange(_LOW), steps)).astype(np.float32)
    low = cosines @ thumbnails.astype(np.float32) @ cosines.T
    low = low.reshape(len(thumbnails), _LOW * _LOW)
    above = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(above, axis=1).view(np.uint64)[:, 0]


def similar_pairs(hashes: np.ndarray, distance: int = HASH_DISTANCE) -> np.ndarray:
    """Finds all pairs of hashes that differ in few bits, without comparing all with all.

    Multi-index hashing (Norouzi et al. 2012, "Fast Search in Hamming Space with Multi-Index
    Hashing"): of d + 1 parts of two hashes that differ in d bits, one is the same in both.

    Args:
        hashes: uint64 [n], all different.
        distance: Bits in which two may differ.

    Returns:
        int64 [m, 2], the smaller index first, without repetition.

    Example:
        >>> similar_pairs(np.array([0, 1, 255], np.uint64), 2).tolist()
        [[0, 1]]
    """
    edges = np.linspace(0, 64, distance + 2).astype(int)
    found = []
    for start, stop in pairwise(edges):
        part = (hashes >> np.uint64(start)) & np.uint64(2 ** int(stop - start) - 1)
        order = np.argsort(part, kind="stable")
        runs = np.split(order, np.flatnonzero(np.diff(part[order])) + 1)
        found += [_close(run, hashes, distance) for run in runs if len(run) > 1]
    pairs = np.concatenate([np.empty((0, 2), np.int64), *found])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _close(run: np.ndarray, hashes: np.ndarray, distance: int) -> np.ndarray:
    held = hashes[run]
    found = []
    # In blocks: the hashes of pictures that are much alike share their parts.
    for start in range(0, len(run), _ROWS):
        differ = np.bitwise_count(held[start : start + _ROWS, np.newaxis] ^ held)
        rows, columns = np.nonzero(differ <= distance)
        later = columns > rows + start
        found.append(np.stack([run[rows[later] + start], run[columns[later]]], axis=1))
    return np.concatenate(found)


def _groups(seen: Sequence[Seen]) -> list[list[str]]:
    """Returns groups of two and more pictures that look the same, their names in order."""
    if len(seen) < 2:
        return []
    thumbnails = np.stack([one.thumbnail for one in seen if one.thumbnail is not None])
    hashes = perceptual_hashes(thumbnails)
    different, first, which = np.unique(hashes, return_index=True, return_inverse=True)
    pairs = first[similar_pairs(different)]
    # Those of one hash each with the first of them.
    same = np.stack([first[which], np.arange(len(seen))], axis=1)
    pairs = np.concatenate([pairs, same[same[:, 0] != same[:, 1]]])
    leader = np.arange(len(seen))

    def leader_of(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = int(leader[index])
        return index

    for one, other in pairs[_look_the_same(thumbnails, pairs)].tolist():
        low, high = sorted((leader_of(one), leader_of(other)))
        leader[high] = low
    groups: dict[int, list[str]] = defaultdict(list)
    for index, one in enumerate(seen):
        groups[leader_of(index)].append(one.name)
    return [names for names in groups.values() if len(names) > 1]


def _look_the_same(thumbnails: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Returns bool [m]: which pairs of gray copies are nearly equal."""
    equal = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), _ROWS):
        part = pairs[start : start + _ROWS]
        one, other = (
            thumbnails[part[:, side]].reshape(len(part), -1).astype(np.float32) for side in (0, 1)
        )
        near = np.abs(one - other).mean(axis=1) <= _LEVELS
        one = one - one.mean(axis=1, keepdims=True)
        other = other - other.mean(axis=1, keepdims=True)
        product = (one * other).sum(axis=1)
        lengths = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
        equal[start : start + _ROWS] = near & (product >= _CORRELATION * lengths)
    return equal

"""Splits that are made: what is identical or of one group stays together."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data import Request
from zoo.data.files.cutting import cut
from zoo.data.files.decoding import digests_of_files
from zoo.data.files.example import Example
from zoo.data.files.splits import divide
from zoo.errors import UserError


def example(file: str, label: str = "cat") -> Example:
    return Example(name=file, file=file, path=f"/data/{file}", label=label)


def numbered(count: int) -> list[Example]:
    return [example(f"images/{number}.jpg") for number in range(count)]


def names_of(examples: list[Example]) -> list[bytes]:
    """Pictures that all differ."""
    return [one.file.encode() for one in examples]


def divided(examples, root, digests=names_of, **request):
    return divide(examples, Request(**request), root=root, lacks=lambda one: None, digests=digests)


def contents(of: dict[str, bytes]):
    return lambda examples: [of[one.file] for one in examples]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.integers(0, 12), min_size=12, max_size=40),
    st.lists(st.integers(0, 5), min_size=40, max_size=40),
    st.integers(0, 9),
)
def test_what_is_identical_or_of_one_group_is_in_one_split(tmp_path_factory, pictures, films, seed):
    names = [f"film{film}_{n}.png" for n, film in zip(range(len(pictures)), films, strict=False)]
    examples = [example(name) for name in names]
    content = {name: bytes([picture]) for name, picture in zip(names, pictures, strict=True)}
    root = tmp_path_factory.getbasetemp()
    for group in (None, "(film[0-9])_"):
        parts, _ = divided(examples, root, contents(content), group=group, seed=seed)
        split_of = {one.file: split for split, found in parts.items() for one in found}
        assert sorted(split_of) == sorted(names)
        # Whatever the order in which the files are found.
        turned, _ = divided(examples[::-1], root, contents(content), group=group, seed=seed)
        assert {split: found[::-1] for split, found in turned.items()} == parts
        kept = [content.__getitem__] + ([lambda name: name[:5]] if group else [])
        for key in kept:
            for value in set(map(key, names)):
                assert len({split_of[name] for name in names if key(name) == value}) == 1


def test_content_decides_wherever_a_file_lies_and_whatever_it_is_called(tmp_path):
    def tested(place, content_of):
        content = {f"{place}/{n}.png": b"%d" % content_of(n) for n in range(40)}
        parts, _ = divided([example(file) for file in content], tmp_path, contents(content))
        return {content[one.file] for one in parts["test"]}

    first = tested("a", lambda n: n)
    # 7 and 40 have no divisor in common: each content comes once.
    assert tested("b/c", lambda n: 7 * n % 40) == first
    assert len(first) == 8


def test_names_alone_decide_where_that_is_asked_for(tmp_path):
    examples = numbered(10)
    # A cut by names is what it always was, identical pictures or not.
    parts, _ = divided(examples, tmp_path, None, divide="name", validation=0, test=0.3)
    assert parts["test"] == cut(examples, 0.3, seed=0)[1]


def test_the_files_bytes_are_their_content(tmp_path):
    paths = [tmp_path / name for name in ("a", "b", "gone")]
    for path in paths[:2]:
        path.write_bytes(b"same")
    of = digests_of_files([Example(path.name, path.name, str(path)) for path in paths])
    assert of[:2] == [hashlib.blake2b(b"same").digest()] * 2
    assert of[2] != of[0]


def test_groups_larger_than_a_share_are_cut_all_the_same(tmp_path):
    # Four films of five: 20 % of 20 are four, fewer than any film has.
    examples = [example(f"film{n // 5}_{n}.png") for n in range(20)]
    parts, notes = divided(examples, tmp_path, group="(film.)_", validation=0)
    assert {split: len(found) for split, found in parts.items()} == {"train": 15, "test": 5}
    assert len({one.file[:5] for one in parts["test"]}) == 1
    assert str(notes[0]) == "the files are of 4 groups, each in one split"


def test_a_class_of_one_group_stays_in_train(tmp_path):
    examples = [example(f"film{n // 5}_{n}.png", "cat" if n < 15 else "dog") for n in range(20)]
    parts, _ = divided(examples, tmp_path, group="(film.)_", validation=0)
    assert [one.label for one in parts["test"]] == ["cat"] * 5


def test_groups_that_share_a_picture_stay_together(tmp_path):
    examples = [example(f"film{n // 5}_{n}.png") for n in range(20)]
    content = {one.file: one.file.encode() for one in examples}
    content["film0_0.png"] = content["film1_5.png"] = content["film2_10.png"] = b"same"
    parts, notes = divided(
        examples, tmp_path, contents(content), group="(film.)_", validation=0, test=0.3
    )
    # 30 % of 20 are 6: films 0 to 2 are one of 15, which is too large; film 3 has five.
    assert {one.file[:5] for one in parts["test"]} == {"film3"}
    assert str(notes[1]) == "2 groups share identical pictures with others, and stay with them"


def test_a_format_may_say_the_groups_which_a_pattern_overrides(tmp_path):
    examples = [replace(one, group=f"g{n // 4}") for n, one in enumerate(numbered(16))]
    parts, _ = divided(examples, tmp_path, validation=0, test=0.25)
    assert len({one.group for one in parts["test"]}) == 1
    assert len(parts["test"]) == 4
    # By the first digit 1 and 10 to 15 are one group of seven.
    parts, notes = divided([*examples, example("odd.png")], tmp_path, group=r"/(\d)")
    split_of = {one.file: split for split, found in parts.items() for one in found}
    assert len({split_of[f"images/{n}.jpg"] for n in (1, *range(10, 16))}) == 1
    assert str(notes[0]).endswith("is not in the paths of 1 files, each a group of its own")


def test_splits_that_the_format_says_are_taken_and_can_be_sliced(tmp_path):
    examples = [
        replace(one, split="test" if n % 3 == 0 else "train") for n, one in enumerate(numbered(9))
    ]
    parts, notes = divided(examples, tmp_path, validation=0)
    assert parts == {
        "train": [one for one in examples if one.split == "train"],
        "test": [one for one in examples if one.split == "test"],
    }
    assert notes == []
    splits = {"train": "train[:4]", "validation": "train[4:]", "test": "test"}
    parts, _ = divided(examples, tmp_path, splits=splits)
    assert [one.file for one in parts["validation"]] == ["images/7.jpg", "images/8.jpg"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"group": "("}, "is no regular expression"),
        ({"group": "film"}, "has no brackets"),
        ({"divide": "names"}, "no way to divide by 'names'; did you mean 'name'"),
    ],
)
def test_nonsense_groups_are_refused(given, says):
    with pytest.raises(UserError, match=says):
        Request(**given)


def test_a_pattern_that_no_path_has_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"is found in the path of no file, as images/0\.jpg"):
        divided(numbered(9), tmp_path, group="(film)")

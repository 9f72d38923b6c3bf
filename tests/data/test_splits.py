"""Which example goes to which split: lists, slices, folders, names, and a hash for the rest."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data import Request, sentences
from zoo.data.files.cutting import cut
from zoo.data.files.example import Example
from zoo.data.files.pictures import natural
from zoo.data.files.splits import divide
from zoo.data.findings import Reason
from zoo.errors import UserError


def example(file: str, label: str = "cat", lacks: str = "", name: str = "") -> Example:
    return Example(
        name=name or file,
        file=file,
        path=f"/data/{file}",
        label=label,
        lacks={"class": Reason("missing-label", lacks)} if lacks else {},
    )


def names_of(examples: list[Example]) -> list[bytes]:
    """Pictures that all differ."""
    return [one.file.encode() for one in examples]


def numbered(count: int) -> list[Example]:
    return [example(f"images/{number}.jpg") for number in range(count)]


def split_up(examples, root, splits=None, *, seed=0, validation=0.0, test=0.0):
    """Names of each split's pictures, without folder and ending, and the notes."""
    parts, findings = divide(
        examples,
        Request(splits=splits, seed=seed, validation=validation, test=test),
        root=root,
        lacks=lambda one: one.reason_against(frozenset({"class"})),
        digests=names_of,
    )
    short = {
        split: [one.name.removeprefix("images/").removesuffix(".jpg") for one in found]
        for split, found in parts.items()
    }
    return short, list(sentences(findings))


FORMS = {
    "without ending": "3\n1",
    "with ending": "3.jpg\n1.jpg",
    "with columns": "3 1 1 2\n1.jpg\t-1",
    "with comments": "# first\n3\n\n  # second\n1\n",
    "below the set": "images/3.jpg\nimages/1",
    "from Windows": "3.jpg\r\nimages\\1.jpg\r\n",
    "with a mark": "\ufeff3\n1",
    "from here": "./images/3.jpg\n./1",
    "twice": "3\n1\n3\n",
    "indented": "  3  \n\t1\n",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_a_list_gives_its_pictures_in_its_order(tmp_path, text):
    (tmp_path / "held_out.txt").write_bytes(text.encode())
    parts, notes = split_up(numbered(4), tmp_path, {"test": "held_out.txt"})
    assert parts == {"train": ["0", "2"], "test": ["3", "1"]}
    assert notes == []


def test_a_name_with_spaces_is_a_name_and_not_columns(tmp_path):
    (tmp_path / "list.txt").write_text("my cat.jpg\nmy 1 1")
    examples = [example("images/my cat.jpg"), example("images/my.jpg"), example("images/a.jpg")]
    parts, _ = split_up(examples, tmp_path, {"test": "list.txt"})
    assert parts == {"train": ["a"], "test": ["my cat", "my"]}


def test_a_name_that_two_pictures_have_is_refused_unless_it_is_ones_whole_path(tmp_path):
    examples = [example("a.jpg"), example("x/a.jpg"), example("x/b.jpg"), example("y/b.jpg")]
    with pytest.raises(UserError, match=r"'b' is named for test, and there are x/b\.jpg and y/b"):
        split_up(examples, tmp_path, {"test": ["b"]})
    for name in ("a", "a.jpg"):
        assert split_up(examples, tmp_path, {"test": [name]})[0]["test"] == ["a"]
    assert split_up(examples, tmp_path, {"test": ["x/a", "y/b.jpg"]})[0]["test"] == ["x/a", "y/b"]


def test_the_parts_of_one_picture_share_its_name(tmp_path):
    examples = [example("a.jpg", name=f"a.jpg object {n}") for n in (1, 2)] + [example("b.jpg")]
    parts, _ = split_up(examples, tmp_path, {"test": ["a"]})
    assert parts == {"train": ["b"], "test": ["a.jpg object 1", "a.jpg object 2"]}


def test_names_that_no_picture_has_are_noted_and_the_others_taken(tmp_path):
    (tmp_path / "list.txt").write_text("1\ngone 1 1\n")
    notes = split_up(numbered(3), tmp_path, {"test": "list.txt"})[1]
    assert notes == ["left out of test: gone is listed in list.txt, but there is no such picture"]
    notes = split_up(numbered(3), tmp_path, {"test": ["1", "", "gone"]})[1]
    assert notes == [
        "left out of test:  is named for test, but there is no such picture",
        "left out of test: gone is named for test, but there is no such picture",
    ]


SLICES = {
    # Of the numbers 0 to 11 as people count; "10" comes after "9".
    "all[::4]": ["0", "4", "8"],
    "all[9:11]": ["9", "10"],
    "all[-2:]": ["10", "11"],
    # 75 % of 12 is 9; 12.5 % is 1.5, which is rounded to 2.
    "all[75%:]": ["9", "10", "11"],
    "all[:12.5%]": ["0", "1"],
    " all [ :1 ]": ["0"],
    "[:2]": ["0", "1"],
    ".[:2]": ["0", "1"],
    "images[1:3]": ["1", "2"],
    "list.txt[:2]": ["7", "5"],
}


@pytest.mark.parametrize(("wanted", "expected"), SLICES.items(), ids=SLICES)
def test_a_slice_counts_in_the_lists_order_else_as_people_do(tmp_path, wanted, expected):
    (tmp_path / "images").mkdir()
    (tmp_path / "list.txt").write_text("7\n5\n6\n")
    examples = sorted(numbered(12), key=lambda one: natural(one.name))
    parts, _ = split_up(examples, tmp_path, {"test": wanted})
    assert parts["test"] == expected
    assert len(parts["train"]) == 12 - len(expected)


def test_a_slice_counts_only_what_can_be_used(tmp_path):
    examples = numbered(5)
    examples[1] = example("images/1.jpg", lacks="has no box")
    parts, notes = split_up(examples, tmp_path, {"test": "all[::2]"})
    assert parts == {"train": ["2", "4"], "test": ["0", "3"]}
    assert notes == ["left out of test: images/1.jpg has no box"]


@pytest.mark.parametrize(
    ("splits", "says"),
    [
        ({"test": "all[80%]"}, r"\[80%\] is no slice; write it as"),
        ({"test": "all[]"}, r"\[\] is no slice"),
        ({"test": "all[::0]"}, r"\[::0\] is no slice"),
        ({"test": "all[::5%]"}, r"\[::5%\] is no slice"),
        ({"test": "all[:inf%]"}, r"\[:inf%\] is no slice"),
        ({"test": "all[a:b]"}, r"\[a:b\] is no slice"),
        ({"test": "all[1:2:3:4]"}, r"\[1:2:3:4\] is no slice"),
        ({"test": "gone.txt"}, "has no list or folder 'gone.txt', named for split 'test'"),
        ({"test": "binary.txt"}, "is no list of names in UTF-8 text"),
        ({"test": "empty.txt"}, r"can be used as test \('empty\.txt'\)$"),
        ({"test": ["x", "y"]}, r"as test \(.*\); left out of test: x is named for test, but"),
        ({"train": ["x", "1"], "test": "all[9:]"}, "; the slice takes none of 4$"),
        ({"train": "all", "test": "all"}, r"nothing left for train \('all'\): .* for as test as"),
        ({"test": "all"}, "nothing left for train: all of it is asked for as test$"),
        ({"validation": ["1"], "test": "all[:2]"}, r"nothing left for validation \(\['1'\]\)"),
    ],
)
def test_what_cannot_be_a_split_is_refused_in_one_sentence(tmp_path, splits, says):
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe1\0")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    with pytest.raises(UserError, match=says) as error:
        split_up(numbered(4), tmp_path, splits)
    assert "\n" not in str(error.value)


def test_what_is_asked_for_twice_goes_to_the_later_split(tmp_path):
    splits = {"test": "all[4:]", "train": "all[:4]", "validation": "all[3:5]"}
    parts, notes = split_up(numbered(8), tmp_path, splits)
    assert parts == {"train": list("012"), "validation": ["3"], "test": list("4567")}
    assert notes == [
        "1 example asked for as train and validation is in validation",
        "1 example asked for as validation and test is in test",
    ]
    _, notes = split_up(numbered(8), tmp_path, {"train": "all", "test": "all[:3]"})
    assert notes == ["3 examples asked for as train and test are in test"]


def test_what_no_split_asks_for_is_named(tmp_path):
    parts, notes = split_up(numbered(25), tmp_path, {"train": ["0", "1"], "test": ["2"]})
    assert parts == {"train": ["0", "1"], "test": ["2"]}
    names = ", ".join(f"images/{number}.jpg" for number in range(3, 23))
    # Twenty are named; 25 less 3 are 22.
    assert notes == [f"in no split: {names} and 2 more"]


def test_lists_of_the_usual_names_come_before_folders_and_the_shorter_name_first(tmp_path):
    (tmp_path / "annotations").mkdir()
    for name, text in (("trainval", "0\n1\n2"), ("train", "0\n1"), ("valid", "2"), ("test", "3")):
        (tmp_path / "annotations" / f"{name}.txt").write_text(text)
    parts, notes = split_up(numbered(4), tmp_path)
    assert parts == {"train": ["0", "1"], "validation": ["2"], "test": ["3"]}
    assert notes[0] == "train is annotations/train.txt"


def test_missing_splits_take_their_share_of_all_that_train_held(tmp_path):
    examples = [example(f"{n}.jpg", "cat" if n < 40 else "dog") for n in range(120)]
    request = Request(validation=0.1, test=0.2)
    parts, findings = divide(
        examples, request, root=tmp_path, lacks=lambda one: None, digests=names_of
    )
    counts = {split: Counter(one.label for one in found) for split, found in parts.items()}
    # 20 % of 40 and 80 are 8 and 16; 10 % of the same are 4 and 8.
    assert counts == {
        "train": {"cat": 28, "dog": 56},
        "validation": {"cat": 4, "dog": 8},
        "test": {"cat": 8, "dog": 16},
    }
    assert list(map(str, findings)) == [
        "there is no test split: 24 examples of train went to it",
        "there is no validation split: 12 examples of train went to it",
    ]


def test_a_cut_depends_on_names_and_seed_alone_and_leaves_one_of_each_class():
    examples = [*numbered(10), example("images/rare.jpg", "dog")]
    left, gone = cut(examples, 0.5, seed=3)
    assert cut(examples[::-1], 0.5, seed=3) == (left[::-1], gone[::-1])
    assert cut(examples, 0.5, seed=4)[1] != gone
    assert len(gone) == 5
    assert "dog" in {one.label for one in left}
    # The three lowest of hashlib.blake2b(b"images/N.jpg", key=b"0", digest_size=8): another
    # version may not cut otherwise, or a model is tested on what it was trained on.
    assert [one.file[7:-4] for one in cut(numbered(10), 0.3, seed=0)[1]] == ["0", "1", "6"]


def test_too_few_examples_leave_no_split(tmp_path):
    parts, notes = split_up(numbered(2), tmp_path, test=0.2)
    assert parts == {"train": ["0", "1"]}
    assert notes == ["there are too few examples for a test split"]


wanted = st.one_of(
    st.just("all"),
    st.builds("all[{}:{}:{}]".format, st.integers(-30, 30), st.integers(-30, 30), st.just(1)),
    st.builds("all[{}%:]".format, st.integers(0, 100)),
    st.builds("all[::{}]".format, st.integers(1, 9)),
    st.lists(st.integers(0, 19).map(str), min_size=1, max_size=9),
)
specs = st.dictionaries(st.sampled_from(["train", "validation", "test"]), wanted, max_size=3)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(specs, st.integers(0, 5), st.sampled_from([0.0, 0.1, 0.4]), st.sampled_from([0.0, 0.2]))
def test_every_example_is_in_one_split_or_named(tmp_path_factory, spec, seed, validation, test):
    root = tmp_path_factory.getbasetemp()
    examples = [example(f"images/{n}.jpg", "cat" if n % 3 else "dog") for n in range(20)]
    shares = {"seed": seed, "validation": validation, "test": test}
    try:
        parts, notes = split_up(examples, root, spec, **shares)
    except UserError as error:
        said = str(error)
    else:
        said = ""
    if said:
        # Only for a good reason: a slice takes nothing, or a later split wants it all.
        sliced = any(isinstance(one, str) and "[" in one for one in spec.values())
        assert (" slice takes none " in said and sliced) or (" nothing left for " in said and spec)
        return
    assert all(parts.get(split) for split in {"train", *spec})
    everything = Counter(name for found in parts.values() for name in found)
    assert max(everything.values()) == 1
    (unused,) = [note for note in notes if note.startswith("in no split: ")] or [""]
    unused = [name for name in unused.removeprefix("in no split: ").split(", ") if name]
    everything.update(name.removeprefix("images/").removesuffix(".jpg") for name in unused)
    assert everything == {str(n): 1 for n in range(20)}
    assert split_up(examples, root, spec, **shares) == (parts, notes)

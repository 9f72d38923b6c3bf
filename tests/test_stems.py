"""Names of what is written of several files."""

from pathlib import Path

import pytest

from zoo.stems import distinct_stems, write_new


def test_equal_names_are_numbered():
    files = [Path("a/1.png"), Path("b/1.jpg"), Path("2.png"), Path("c/1.png")]
    assert distinct_stems(files) == ["1", "1_2", "2", "1_3"]


def test_a_number_gives_no_name_that_another_file_has():
    assert distinct_stems([Path("1_2.png"), Path("a/1.png"), Path("b/1.png")]) == [
        "1_2",
        "1",
        "1_3",
    ]
    assert distinct_stems([Path("a/1.png"), Path("b/1.png"), Path("1_2.png")]) == [
        "1",
        "1_2",
        "1_2_2",
    ]


def test_names_that_differ_in_case_alone_are_equal():
    """To the file systems of macOS and Windows."""
    assert distinct_stems([Path("IMG.png"), Path("b/img.png")]) == ["IMG", "img_2"]


@pytest.mark.parametrize("names", [["a", "a_mask"], ["a_mask", "a"], ["a", "A_MASK", "a"]])
def test_with_endings_no_two_files_are_one(names):
    stems = distinct_stems([Path(f"{name}.jpg") for name in names], ("", "_mask"))
    written = [(stem + ending).casefold() for stem in stems for ending in ("", "_mask")]
    assert len(set(written)) == 2 * len(names)
    assert stems[0] == names[0]


def test_a_new_file_is_whole_or_not_there(tmp_path):
    file = tmp_path / "mask.png"
    with pytest.raises(TypeError):
        write_new(file, "no bytes")
    assert not file.exists()
    write_new(file, b"whole")
    with pytest.raises(FileExistsError):
        write_new(file, b"another")
    assert file.read_bytes() == b"whole"

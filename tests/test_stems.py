"""Names of what is written of several files."""

from pathlib import Path

from zoo.stems import distinct_stems


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

"""Numbers and sizes as people read them."""

import pytest

from zoo.amounts import by, count, in_bytes, plural, square


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "?"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (99 * 1024, "99.0 KiB"),
        (100 * 1024, "100 KiB"),
        # 999.5 KiB would be rounded to "1000 KiB".
        (int(999.5 * 1024), "1.0 MiB"),
        (3 * 2**29, "1.5 GiB"),
        (5 * 2**40, "5120 GiB"),
    ],
)
def test_bytes(size, text):
    assert in_bytes(size) == text


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "picture", "0 pictures"),
        (1, "picture", "1 picture"),
        (2000, "picture", "2,000 pictures"),
        (1, "class", "1 class"),
        (3, "class", "3 classes"),
    ],
)
def test_a_count_and_its_noun(number, noun, text):
    assert plural(number, noun) == text


def test_sizes():
    assert by((32, None, 3)) == "32x?x3"
    assert square((3, 3)) == "3"
    assert square((3, 5)) == "3x5"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "?"),
        (0, ""),
        (9999, "9999"),
        (10_000, "10.0k"),
        (99_960, "100.0k"),
        (123_456, "123k"),
        # 999,950 would be rounded to "1000k".
        (999_950, "1.0M"),
        (25_557_032, "25.6M"),
        (7.1e9, "7.1G"),
    ],
)
def test_counts_in_six_characters(number, text):
    assert count(number) == text
    assert len(text) <= 6

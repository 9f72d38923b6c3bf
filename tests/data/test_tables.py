"""Tables in text: how they are read, which column is what, and what a box's numbers mean."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.data.files.box_formats import Written, edges_of, guess_format
from zoo.data.files.columns import find_columns
from zoo.data.files.tables import number_in, read_table
from zoo.errors import UserError

ODD = ["a b", "", 'say "no"', "x,y", "x;y", "Ä 狗", "1,5", "it's", "two\nlines"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(ODD)), min_size=1, max_size=9),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_the_standard_library_writes_is_read_back(
    tmp_path_factory, rows, delimiter, end, encoding
):
    path = tmp_path_factory.getbasetemp() / "table.csv"
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter, lineterminator=end)
    cells = [(f"{number}.png", text, str(number)) for number, text in rows]
    writer.writerows(cells)
    path.write_bytes(stream.getvalue().encode(encoding))
    told = read_table(path, delimiter)
    assert [row.cells for row in told.rows] == cells
    # A row begins in the line after the one before, which a cell may have ended in another line.
    lines, line = [], 1
    for _, text, _ in cells:
        lines.append(line)
        line += 1 + text.count("\n")
    assert [row.line for row in told.rows] == lines


@pytest.mark.parametrize(
    ("text", "delimiter", "cells"),
    [
        ("a.png,cat\nb.png,dog\n", ",", ("a.png", "cat")),
        ("a.png;0,5;0,25\nb.png;1;0,5\n", ";", ("a.png", "0,5", "0,25")),
        ("sep=;\na,b;c\n", ";", ("a,b", "c")),
        ("a b.png\tcat, wild\nc d.png\tdog\n", "\t", ("a b.png", "cat, wild")),
        ("a.png  cat\nb.png dog\n", " ", ("a.png", "cat")),
        ('"a.png" , "cat, wild"\n', ",", ("a.png", "cat, wild")),
        ("my cat.png\nmy dog.png\n", " ", ("my", "cat.png")),
    ],
)
def test_the_delimiter_is_found(tmp_path, text, delimiter, cells):
    path = tmp_path / "t.csv"
    path.write_text(text)
    table = read_table(path)
    assert (table.delimiter, table.rows[0].cells) == (delimiter, cells)


def test_numbers_have_a_point_or_where_it_is_free_a_comma():
    assert number_in("0,5", ";") == 0.5
    assert [number_in(text, ",") for text in ("0,5", "nan", "inf", "", "x")] == [None] * 5
    assert number_in("-1.5e2", ",") == -150


def columns_of(tmp_path, text, header=None, **given):
    path = tmp_path / "t.csv"
    path.write_text(text)
    return find_columns(read_table(path), lambda cell: cell == "seven", given, header)


@pytest.mark.parametrize(
    ("text", "at", "box", "corners"),
    [
        ("image,species\na.png,cat", {"file": 0, "label": 1}, (), None),
        ("id,x0,what\n7,a.png,cat\n8,b.png,dog", {"file": 1}, (), None),
        (
            "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,9,9,cat,1,2,3,4",
            {"file": 0, "label": 3, "picture_width": 1, "picture_height": 2},
            (4, 5, 6, 7),
            "xyxy",
        ),
        ("ImageID,LabelName,XMin,XMax,YMin,YMax\na,b,0,1,0,1", {"file": 0}, (2, 4, 3, 5), "xyxy"),
        ("path,x1,y1,x2,y2,class\na.png,1,2,3,4,cat", {"label": 5}, (1, 2, 3, 4), "xyxy"),
        ("path,x0,y0,x1,y1\na.png,1,2,3,4", {"file": 0}, (1, 2, 3, 4), "xyxy"),
        ("img;x;y;w;h\na.png;1;2;3;4", {"file": 0}, (1, 2, 3, 4), "xywh"),
        ("img,left,top,width,height\na.png,1,2,3,4", {"file": 0}, (1, 2, 3, 4), "xywh"),
        ("img,xmin,ymin,width,height\na.png,1,2,3,4", {"file": 0}, (1, 2, 3, 4), "xywh"),
        ("x1,y1,w,h,img\n1,2,3,4,a.png", {"file": 4}, (0, 1, 2, 3), "xywh"),
        ("img;cx;cy;w;h\na.png;1;2;3;4", {"file": 0}, (1, 2, 3, 4), "center_xywh"),
        ('image_id,bbox\na.png,"[1, 2, 3, 4]"', {"file": 0}, (1,), None),
        ("a.png,cat\nb.png,dog", {"file": 0, "label": 1}, (), None),
        ("seven,3", {"file": 0, "label": 1}, (), None),
        ("cat,train,a.png", {"file": 2, "label": 0, "split": 1}, (), None),
        ("a.png,1,2,3,4,cat\nb.png,,,,,", {"file": 0, "label": 5}, (1, 2, 3, 4), None),
        ("a.png,1,.2,.3,.4,.5\nb.png,2,.2,.3,.4,1", {"label": 1}, (2, 3, 4, 5), None),
        ("a.png,1,2,3,4", {"file": 0}, (1, 2, 3, 4), None),
    ],
)
def test_columns_are_told_by_names_or_by_cells(tmp_path, text, at, box, corners):
    columns, (said,) = columns_of(tmp_path, text)
    assert at.items() <= columns.at.items()
    assert (columns.box, columns.corners) == (box, corners)
    assert said.kind == "decision"
    assert said.text.startswith("t.csv")


def test_columns_may_be_said_by_name_and_by_number(tmp_path):
    text = "a,b\nx.png,y.png"
    assert columns_of(tmp_path, text, file="b", label=1)[0].at == {"file": 1, "label": 0}
    columns = columns_of(tmp_path, "seven,b.png,3", header=False, file=2)[0]
    assert columns.at["file"] == 1
    assert len(columns.rows) == 1


@pytest.mark.parametrize(
    ("text", "given", "says"),
    [
        ("a,b\n1,2", {}, "has no column that names pictures"),
        ("", {}, "is empty"),
        ("a,b\nx.png,1", {"label": "c"}, "has no column 'c'"),
        ("a,b\nx.png,1", {"label": 3}, "has no column 3"),
        ("a,b\nx.png,1", {"lable": 1}, "there is no 'lable' in a table; did you mean 'label'"),
        ("a.png,1,2,3,4,5", {}, "may be labels and boxes: say which is what"),
    ],
)
def test_columns_that_are_not_clear_are_asked_for(tmp_path, text, given, says):
    with pytest.raises(UserError, match=says) as error:
        columns_of(tmp_path, text, **given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("data", [b"a\0b", b"\xff\xfea"], ids=["zero", "half a letter"])
def test_what_is_no_text_is_refused(tmp_path, data):
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(UserError, match="is no table of text"):
        read_table(tmp_path / "t.csv")


def test_old_windows_text_is_read_and_a_delimiter_is_one_character(tmp_path):
    (tmp_path / "t.csv").write_bytes("a.png,K\xe4tzchen".encode("cp1252"))
    assert read_table(tmp_path / "t.csv").rows[0].cells == ("a.png", "K\xe4tzchen")
    with pytest.raises(UserError, match="is not one character"):
        read_table(tmp_path / "t.csv", "\\t")


def test_boxes_are_brought_to_edges():
    # The picture is 20 wide and 10 high; the box has its corners at (5, 2) and (15, 6).
    expected = (5, 2, 15, 6)
    for box_format, numbers in {
        "xyxy": (5, 2, 15, 6),
        "xywh": (5, 2, 10, 4),
        "center_xywh": (10, 4, 10, 4),
        "rel_xyxy": (0.25, 0.2, 0.75, 0.6),
        "rel_xywh": (0.25, 0.2, 0.5, 0.4),
        "rel_center_xywh": (0.5, 0.4, 0.5, 0.4),
    }.items():
        assert edges_of(numbers, box_format, (10, 20)) == pytest.approx(expected)


boxes_drawn = st.lists(
    st.tuples(st.integers(0, 59), st.integers(0, 39), st.integers(2, 40), st.integers(2, 30)),
    min_size=40,
    max_size=60,
)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(boxes_drawn, st.sampled_from(["xyxy", "xywh", "center_xywh"]), st.booleans())
def test_the_guess_takes_no_meaning_that_fits_fewer_boxes(drawn, truth, relative):
    width, height = 100, 70
    rows = []
    for x, y, w, h in drawn:
        numbers = {
            "xyxy": (x, y, x + w, y + h),
            "xywh": (x, y, w, h),
            "center_xywh": (x + w / 2, y + h / 2, w, h),
        }[truth]
        if relative:
            numbers = tuple(n / side for n, side in zip(numbers, (width, height) * 2, strict=True))
        rows.append(Written(tuple(map(float, numbers)), (height, width)))
    box_format, said = guess_format(rows, "t.csv")
    assert box_format.startswith("rel_") == relative
    assert f"{len(drawn):,} as {truth}" in said.text
    # All of them fit what they were written as: the guess is that, or fits all as well.
    assert f"{len(drawn):,} as {box_format.removeprefix('rel_')}" in said.text
    if box_format.removeprefix("rel_") != truth:
        assert truth in said.text.partition(";")[2]


def test_a_guess_says_its_evidence():
    rows = [Written((60.0, 10.0, 30.0, 20.0), (50, 100)), Written((5, 5, 90, 40), (50, 100))]
    # As corners the first is swapped; as a centre the second leaves the picture.
    assert str(guess_format(rows, "t.csv")[1]) == (
        "the boxes of t.csv are taken as xywh (x_min, y_min, width, height, in pixels): numbers go "
        "up to 90, and of 2 boxes lie inside of their pictures 1 as xyxy, 2 as xywh, 1 as "
        "center_xywh; if that is wrong, say box_format in data.options"
    )
    assert "its columns are named so, and no number is above 0.5" in str(
        guess_format([Written((0, 0, 0.5, 0.5), (9, 9))], "t.csv", "xywh")[1]
    )

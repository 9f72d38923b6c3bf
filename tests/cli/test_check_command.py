"""zoo check as a user calls it: the table, JSON, the page, and exit codes."""

import json
import os
import re
from pathlib import Path

import pytest


@pytest.fixture
def faulty(here, colour_picture):
    """Sixteen pictures in two classes, and four that something is wrong with."""
    red = here / "pictures" / "red"
    (red / "[torn] one.png").write_bytes((red / "3.png").read_bytes()[:60])
    (red / "empty.jpg").write_bytes(b"")
    (here / "pictures" / "blue" / "copy.png").write_bytes((red / "4.png").read_bytes())
    (red / "._4.png").write_bytes(b"\x00\x05\x16\x07")
    return here


def test_a_table_of_80_columns_names_kinds_files_and_what_follows(faulty, zoo, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    result = zoo("check", "pictures", code=1)
    assert "\x1b" not in result.stdout
    # The first line is the folder, however long its name.
    assert max(map(len, result.stdout.splitlines()[1:])) <= 80
    text = re.sub(r"\s+", " ", result.stdout)
    assert re.search(r"truncated-picture 1 stops .*red/\[torn\] one\.png \(is cut short\)", text)
    assert re.search(r"unreadable-picture 1 stops .*red/empty\.jpg \(is empty\)", text)
    assert re.search(r"extension-mismatch 2 mended .*blue/0\.jpg \(PNG\)", text)
    assert re.search(r"system-file 1 none .*red/\._4\.png", text)
    assert re.search(
        r"duplicate-labels 1 misleads .*red/4\.png \(red; blue/copy\.png is blue\)", text
    )
    assert "Training is affected: it stops at 2 and is misled by" in text


def test_names_that_no_encoding_can_write_are_named_all_the_same(here, zoo):
    for name in (b"\xff.png", b"[red] :cat:.png"):
        Path(os.fsdecode(b"pictures/red/" + name)).write_bytes(b"torn")
    result = zoo("check", "pictures", "-o", "page.html", code=1)
    assert "red/?.png (is not a JPEG" in result.stdout
    assert "red/[red] :cat:.png (is not a JPEG" in result.stdout
    assert "red/?.png" in Path("page.html").read_text()
    found = json.loads(zoo("check", "pictures", "--json", code=1).stdout)["findings"]
    assert os.fsdecode(b"red/\xff.png") in [one["file"] for one in found]


def test_json_holds_everything_and_a_page_shows_it(faulty, zoo):
    result = zoo("check", "pictures", "--task", "classification", "--json", "-o", "p.html", code=1)
    found = json.loads(result.stdout)
    assert found["affects_training"] is True
    assert found["task"] == "classification"
    # 16 pictures and three more; the hidden file is none.
    assert found["pictures"] == 19
    assert sum(sum(counts.values()) for counts in found["classes"].values()) == 19
    assert sum(found["splits"].values()) == 19
    torn = [one for one in found["findings"] if one["file"] == "red/[torn] one.png"]
    assert [(one["kind"], one["effect"]) for one in torn] == [("truncated-picture", "stops")]
    page = Path("p.html").read_text()
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<section") == page.count("</section>") >= 8
    assert page.count("data:image/jpeg;base64,") >= 12
    assert "red/[torn] one.png" in page
    assert page.index("truncated-picture") < page.index("6 of 9")


def test_good_data_exits_with_0_and_says_so(here, zoo):
    Path("pictures/red/0.jpg").rename("pictures/red/0.png")
    Path("pictures/blue/0.jpg").rename("pictures/blue/0.png")
    result = zoo("check", "colours", "--data", "pictures", code=0)
    assert "Training is not affected." in result.stdout
    assert re.search(r"class +train +validation +test", result.stdout)
    # A quarter of eight of each class to each of the others.
    assert re.search(r"red +4 +2 +2", result.stdout)


def test_skipping_what_cannot_be_read_leaves_it_out(faulty, zoo):
    setting = ["--set", "data.unreadable=skip"]
    result = zoo("check", "colours", "--data", "pictures", *setting, "--json", code=1)
    effects = {one["effect"] for one in json.loads(result.stdout)["findings"]}
    assert "left out" in effects
    assert "stops" not in effects


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no folder, file, recipe or data set 'nowhere'"),
        (["colour"], "did you mean 'colours'"),
        (["colours", "--data", "nowhere"], "no folder or file 'nowhere'"),
        (["pictures", "--task", "segmentation"], "has no 'mask'"),
        (["pictures", "--task", "segment"], "did you mean 'segmentation'"),
        (["pictures", "--source", "vox"], "did you mean 'voc'"),
        (["pictures", "--set", "data.option=1"], "did you mean 'options'"),
        (["pictures", "-o", "nowhere/page.html"], "no folder nowhere"),
        (["empty"], "holds no picture"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_users_mistake_is_one_line_and_exit_code_2(here, refused, arguments, message):
    Path("empty").mkdir()
    assert message in refused("check", *arguments)


def test_what_cannot_be_learnt_from_at_all_is_a_finding_and_everything_is_read(here, zoo):
    Path("pictures/green").mkdir()
    Path("pictures/red/torn.png").write_bytes(Path("pictures/red/3.png").read_bytes()[:60])
    result = zoo("check", "pictures", "--json", code=1)
    found = json.loads(result.stdout)
    kinds = {one["kind"]: one["text"] for one in found["findings"]}
    assert "green holds no picture" in kinds["unusable-set"]
    assert "truncated-picture" in kinds
    assert found["pictures"] == 17

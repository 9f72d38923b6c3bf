"""What is said of a data set: kinds, effects, and many findings in one sentence."""

import ast
from pathlib import Path

import pytest

import zoo
from zoo.data.findings import EFFECTS, KINDS, Finding, Reason, decision, found_in, sentences


def test_a_finding_reads_as_its_sentence_and_says_whether_training_is_affected():
    finding = Finding("mask-size", "a.png", "a.png has another size", "left out")
    assert str(finding) == "a.png has another size"
    affected = {effect: Finding("mask-size", "", "", effect).affects_training for effect in EFFECTS}
    assert affected == {
        "none": False,
        "mended": False,
        "misleads": True,
        "left out": True,
        "stops": True,
    }
    assert decision("test is test.txt") == Finding("decision", "", "test is test.txt", "none")


def test_what_is_no_kind_or_effect_is_a_bug():
    with pytest.raises(ValueError, match="'mask-sise'"):
        Finding("mask-sise", "", "")
    with pytest.raises(ValueError, match="of effect 'lost'"):
        Finding("mask-size", "", "", "lost")  # type: ignore
    with pytest.raises(ValueError, match="'no-mask'"):
        Reason("no-mask", "has no mask")


def test_every_kind_that_may_be_found_is_found_somewhere_in_the_code():
    texts = {
        node.value
        for path in Path(zoo.__file__).parent.rglob("*.py")
        if path.name != "findings.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(KINDS) <= texts


def test_what_is_the_same_of_many_files_is_said_once_in_the_place_of_the_first():
    held = "1 holds several", "2 hold several"
    findings = [
        *found_in({"b.jpg": "2", "a.jpg": "3"}, "several-objects", *held),
        decision("in between"),
        *found_in({"c.png": "GIF"}, "extension-mismatch", "misnamed", effect="mended"),
        decision("in between"),
        *found_in({"d.jpg": ""}, "several-objects", *held),
    ]
    assert findings[0].text == "1 holds several: b.jpg (2)"
    assert [one.file for one in findings] == ["b.jpg", "a.jpg", "", "c.png", "", "d.jpg"]
    assert sentences(findings) == (
        "2 hold several: b.jpg (2), a.jpg (3)",
        "in between",
        "misnamed: c.png (GIF)",
        "in between",
        "1 holds several: d.jpg",
    )


def test_of_very_many_files_the_first_twenty_are_named_and_each_has_its_finding():
    files = {f"{number}.jpg": "" for number in range(1234)}
    findings = found_in(files, "orientation-turned", "turned")
    assert len(findings) == 1234
    names = ", ".join(f"{number}.jpg" for number in range(20))
    # 1,234 less 20.
    assert sentences(findings) == (f"turned: {names} and 1,214 more",)

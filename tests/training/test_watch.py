"""What a person sees while a run goes on."""

import io
import re

import pytest
from rich.console import Console

from zoo.training.watch import Watch, duration

# As long as it gets, but for a loss of more digits.
NOTE = "loss 10.123 mean_iou 0.900 lr 0.00012 100,000/s wait 100%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def show(terminal):
    stream, asked = io.StringIO(), []
    console = Console(file=stream, force_terminal=terminal, width=80, no_color=True)
    watch = Watch(console)
    with watch.bar("epoch 100/200", 10_000) as bar:
        for _ in range(3):
            bar.advance(lambda: asked.append(1) or NOTE)
    watch.say("done [1/3]")
    return stream.getvalue(), len(asked)


def test_a_terminal_shows_a_bar_with_its_note():
    text, asked = show(terminal=True)
    assert "epoch 100/200" in text
    assert "3/10000" in text
    assert NOTE in text
    assert max(map(len, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).splitlines())) <= 80
    # Asked for the first step; the others came within the quarter of a second.
    assert asked == 1


def test_a_log_file_gets_lines_and_pays_for_no_note():
    text, asked = show(terminal=False)
    assert text == "done [1/3]\n"
    assert asked == 0


@pytest.mark.parametrize("terminal", [True, False])
def test_notes_break_between_words_on_a_terminal_alone(terminal):
    stream = io.StringIO()
    watch = Watch(Console(file=stream, force_terminal=terminal, width=40, no_color=True))
    place = "/a/folder/with-a-name/that/is/longer/than/a/line"
    watch.notes(["short", f"a sentence that goes on and on until it names {place}; give another"])
    lines = stream.getvalue().splitlines()
    assert lines[0] == "  note: short"
    # A path stays whole, to be copied.
    assert sum(place in line for line in lines) == 1
    if terminal:
        assert lines[1] == "  note: a sentence that goes on and on"
        assert lines[2] == "    until it names"
        assert all(len(line) <= 40 or place in line for line in lines)
    else:
        assert len(lines) == 2

"""docs/keras-notes.md says what Keras does."""

import contextlib
import io
import re
from pathlib import Path

import pytest

NOTES = Path(__file__).parents[1] / "docs" / "keras-notes.md"
BLOCKS = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", NOTES.read_text(), re.DOTALL)


@pytest.mark.filterwarnings("ignore")
def test_every_reproducer_prints_what_the_notes_say():
    assert len(BLOCKS) > 15
    names = {}
    for source, expected in BLOCKS:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, NOTES.name, "exec"), names)
        assert printed.getvalue() == expected, source

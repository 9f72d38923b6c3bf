"""Files of a run folder that were damaged."""

import pytest

from zoo.errors import UserError
from zoo.training.folder import RunFolder


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b'{"name": "\xff"}'], ids=repr)
@pytest.mark.parametrize("read", [RunFolder.recipe, RunFolder.data])
def test_a_damaged_object_is_named(tmp_path, read, content):
    folder = RunFolder(tmp_path)
    for path in (folder.recipe_file, folder.data_file):
        path.write_bytes(content)
    said = r"(recipe|data)\.json is damaged \(.+\); restore it, or train again"
    with pytest.raises(UserError, match=said):
        read(folder)


@pytest.mark.parametrize("line", [b'{"epoch": ', b"2", b"\xff"], ids=repr)
def test_a_damaged_line_of_the_history_is_named(tmp_path, line):
    folder = RunFolder(tmp_path)
    folder.metrics_file.write_bytes(b'{"epoch": 1}\n')
    assert folder.history() == [{"epoch": 1}]
    folder.metrics_file.write_bytes(b'{"epoch": 1}\n' + line)
    with pytest.raises(UserError, match=r"metrics\.jsonl is damaged \(.+\); restore it"):
        folder.history()

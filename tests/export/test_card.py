"""Cards that cannot be read."""

import pytest

from zoo.errors import UserError
from zoo.export.card import read_card


def test_cards_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"has no model_card\.json"):
        read_card(tmp_path)
    (tmp_path / "model_card.json").write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        read_card(tmp_path)
    for text in ("[]", "null", "7"):
        (tmp_path / "model_card.json").write_text(text)
        with pytest.raises(UserError, match="is damaged \\(it holds no object\\); publish"):
            read_card(tmp_path)

"""Publishing without the fresh processes that verify it."""

import pytest

from zoo.export import replay, savedmodel, verify


@pytest.fixture
def same_process(monkeypatch):
    """Verifies in this process, where a test is not about the fresh one."""
    monkeypatch.setattr(verify, "answer_in_fresh_process", replay.answer_again)


@pytest.fixture
def unverified(monkeypatch):
    """Publishes without verifying, where a test is about something else."""
    seen = verify.Verification(0, 0.0, 0.0, 0.0)
    monkeypatch.setattr(savedmodel, "compare", lambda staged: seen)

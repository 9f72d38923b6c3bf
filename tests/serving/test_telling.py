"""What is said of models and versions, to whom nobody hears, and of names that cannot be had."""

import errno
import os

from test_versions import Loader, publish, states, wait_for

from zoo.serving.repository import Repository


def test_versions_come_when_nobody_hears_of_them(tmp_path):
    """As behind a pipe that is broken, or on a disk that is full."""

    def gone(line):
        heard.append(line)
        raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))

    heard = []
    publish(tmp_path / "m" / "1")
    repository = Repository(tmp_path, load=Loader(), poll_seconds=0.01, tell=gone)
    repository.start()
    try:
        for version in (2, 3):
            publish(tmp_path / "m" / str(version))
            wait_for(lambda wanted=version: (wanted, "AVAILABLE") in states(repository))
    finally:
        repository.stop()
    assert len(heard) >= 5

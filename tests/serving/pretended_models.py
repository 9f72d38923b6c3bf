"""Models that are pretended, what a repository says of them, and waiting for that."""

import time


class Loader:
    """Loads what holds a file ``good``; remembers in which order."""

    def __init__(self):
        self.loaded = []

    def __call__(self, path):
        self.loaded.append(path.name)
        if not (path / "good").exists():
            raise OSError(f"SavedModel file does not exist at: {path}")
        return path


def publish(folder, good=True):
    folder.mkdir(parents=True)
    if good:
        (folder / "good").touch()


def states(repository, name="m"):
    return [(s.version, str(s.state)) for s in repository.status(name)]


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)

"""The models below a folder and their versions, found and changed as TensorFlow Serving does.

Once a second the folder is listed. Only names are looked at: a version is a child whose name
is a whole number. Of each model the newest versions are wanted; a new one is loaded before an
old one goes, and if it cannot be loaded the old one stays. So does what is loaded of a folder
that cannot be listed.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import UserError
from zoo.export.c_api import SessionError
from zoo.serving.servable import Servable
from zoo.serving.status import Code, ServingError, invalid, shortened
from zoo.serving.telling import Teller, is_text, shown
from zoo.serving.versions import (
    Root,
    State,
    VersionStatus,
    aspired,
    children_of,
    files_of,
    model_folders,
    what_is,
)

_LOG = logging.getLogger(__name__)


@dataclass
class _Version:
    path: Path
    status: VersionStatus
    servable: Servable | None = None
    # Its files when it was tried last, and when it was looked at last.
    tried: Any = None
    seen: Any = None

    def say(self, state: State, code: Code = Code.OK, message: str = "") -> None:
        self.status = VersionStatus(self.status.version, state, code, message)


@dataclass
class _Model:
    versions: dict[int, _Version] = field(default_factory=dict)


class Repository:
    """The models that a server serves.

    Args:
        root: ``savedmodels``, or one ``savedmodels/NAME``.
        versions: How many of each model are served, the newest first.
        poll_seconds: How often the folder is listed; 0 for once.
        load: Makes a servable of a version's folder.
        tell: Told of each version that comes, goes or fails, in one line.

    Raises:
        UserError: If there is no such folder, or it is itself a version.
    """

    def __init__(
        self,
        root: Path,
        *,
        versions: int = 1,
        poll_seconds: float = 1.0,
        load: Callable[[Path], Servable] = Servable,
        tell: Callable[[str], Any] = lambda line: None,
    ):
        self._root = Path(root).resolve()
        if not self._root.is_dir():
            raise UserError(f"{root} is no folder; name savedmodels/, or one savedmodels/NAME")
        if (self._root / "saved_model.pb").is_file():
            raise UserError(
                f"{root} is one version of a model; name the folder above it, whose versions "
                "are served"
            )
        self._keep = versions
        self._poll_seconds = poll_seconds
        self._load, self._teller = load, Teller(tell)
        self._kind: Root | None = None
        self._models: dict[str, _Model] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Loads what is there, and looks again until :meth:`stop`.

        Raises:
            UserError: If the folder cannot be listed.
        """
        try:
            self.poll()
        except OSError as error:
            raise UserError(
                f"{self._root} cannot be listed ({error.strerror}); give this user the right to "
                "read it, or name another folder"
            ) from error
        if self._poll_seconds > 0:
            self._thread = threading.Thread(target=self._watch, name="versions", daemon=True)
            self._thread.start()

    def stop(self, seconds: float | None = None) -> bool:
        """Looks no more; what is loaded stays so.

        Args:
            seconds: How long a model that is being loaded is waited for; None for no bound.

        Returns:
            Whether that has ended.
        """
        self._stopped.set()
        if self._thread is None:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _watch(self) -> None:
        while not self._stopped.wait(self._poll_seconds):
            try:
                self.poll()
                self._teller.forget("")
            except OSError as error:
                self._stays("", str(self._root), error)
            except Exception:
                # Whatever was wrong this second, versions are looked for in the next.
                _LOG.exception("looking for versions in %s", self._root)

    def poll(self) -> None:
        """Lists the folder once, and loads and unloads what that asks for.

        Raises:
            OSError: If it cannot be listed; everything stays as it is.
        """
        for name, versions in self._wanted().items():
            if not self._stopped.is_set():
                self._change(name, versions)

    def _wanted(self) -> dict[str, dict[int, Path]]:
        """Returns which versions are wanted of each model of which that can be told."""
        folders = self._folders()
        wanted: dict[str, dict[int, Path]] = {n: {} for n in self._models if n not in folders}
        for name, folder in folders.items():
            try:
                names = [child.name for child in children_of(folder)]
            except OSError as error:
                self._stays(name, name, error)
                continue
            self._teller.forget(name)
            found = aspired(names, self._keep)
            if found or name in self._models:
                wanted[name] = {number: folder / child for number, child in found.items()}
        return wanted

    def _folders(self) -> dict[str, Path]:
        # Once it has been told apart: a folder that comes later could mean something else.
        if self._kind is None:
            self._kind = what_is(self._root)
            if self._kind is None:
                return {}
            self._teller.say(
                f"{self._root} is {self._kind}, and is served as such until the server ends"
            )
        folders = model_folders(self._root, self._kind)
        for name in [name for name in folders if not is_text(name)]:
            del folders[name]
            line = f"{shown(name)} is left out: its name is no UTF-8, which requests are; rename it"
            self._teller.say_once(name, line)
        return folders

    def _stays(self, key: str, what: str, error: OSError) -> None:
        reason = error.strerror or str(error)
        line = f"{what} cannot be listed ({reason}); what is loaded of it stays"
        self._teller.say_once(key, line)

    def _change(self, name: str, wanted: dict[int, Path]) -> None:
        with self._lock:
            model = self._models.setdefault(name, _Model())
            for number, path in wanted.items():
                known = model.versions.get(number)
                if known is None or (known.tried is None and known.servable is None):
                    model.versions[number] = _Version(path, VersionStatus(number, State.START))
        for number in wanted:
            self._bring_up(name, model.versions[number])
        ready = any(model.versions[number].servable for number in wanted)
        for number, version in list(model.versions.items()):
            if number not in wanted and (ready or not wanted):
                self._take_down(name, version)

    def _bring_up(self, name: str, version: _Version) -> None:
        if version.servable:
            return
        files, before = files_of(version.path), version.seen
        version.seen = files
        # Tried once as it is found, as TensorFlow Serving does, which tries again five times, a
        # minute apart. Here it is tried whenever other files have been still for a poll: one
        # copied slowly comes up when it is whole, and one that stays bad costs nothing.
        if version.tried is not None and (files == version.tried or files != before):
            return
        version.tried = files
        number = version.status.version
        version.say(State.LOADING)
        try:
            servable = self._load(version.path)
        # Whatever a damaged file makes TensorFlow say, the versions that are loaded stay.
        except Exception as error:
            code = _code(error)
            said = str(getattr(error, "message", None) or error)
            message = shortened(said.strip() or type(error).__name__)
            version.say(State.END, code, message)
            self._teller.say(f"{name} version {number} cannot be loaded: {message.splitlines()[0]}")
            return
        with self._lock:
            version.servable = servable
            version.say(State.AVAILABLE)
        self._teller.say(f"{name} version {number} is available")

    def _take_down(self, name: str, version: _Version) -> None:
        # So that it is loaded again if it is wanted again.
        version.tried = None
        if version.servable is None:
            return
        version.say(State.UNLOADING)
        with self._lock:
            gone, version.servable = version.servable, None
            version.say(State.END)
        # A request under way holds it until it has been answered. Else it goes now, and takes its
        # time: others are not to wait for the lock.
        del gone
        self._teller.say(f"{name} version {version.status.version} is unloaded")

    def names(self) -> list[str]:
        """Returns the names of the models that a request can be made to."""
        with self._lock:
            return sorted(name for name in self._models if any(self._available(name)))

    def find(
        self, name: str, version: int | None = None, label: str | None = None
    ) -> tuple[int, Servable]:
        """Returns the version that a request is for, and what answers it.

        Raises:
            ServingError: NOT_FOUND, if it is not available; INVALID_ARGUMENT for any label.
        """
        if label:
            raise invalid(f"Unrecognized servable version label: {label}")
        with self._lock:
            found = dict(self._available(name))
        number = max(found, default=None) if version is None else version
        if number is None or number not in found:
            which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {which}")
        return number, found[number]

    def _available(self, name: str) -> Iterator[tuple[int, Servable]]:
        model = self._models.get(name)
        for number, version in (model.versions if model else {}).items():
            if version.servable:
                yield number, version.servable

    def status(self, name: str, version: int | None = None) -> list[VersionStatus]:
        """Returns the states of a model's versions, newest first.

        Args:
            name: Of the model.
            version: The only one wanted, or None.

        Raises:
            ServingError: NOT_FOUND, if there never was such a version.
        """
        with self._lock:
            model = self._models.get(name)
            found = {n: v.status for n, v in model.versions.items()} if model else {}
        if version is not None:
            found = {number: status for number, status in found.items() if number == version}
        if not found:
            what = "any versions" if version is None else f"version {version}"
            raise ServingError(Code.NOT_FOUND, f"Could not find {what} of model {name}")
        return [found[number] for number in sorted(found, reverse=True)]


def _code(error: Exception) -> Code:
    if isinstance(error, ServingError):
        return error.code
    if isinstance(error, OSError):
        return Code.NOT_FOUND
    if isinstance(error, SessionError):
        return Code(error.code)
    return Code.UNKNOWN

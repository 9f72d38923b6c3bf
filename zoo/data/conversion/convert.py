"""Converting a data set's foreign pictures, once."""

import atexit
import collections
import functools
import hashlib
import io
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from zoo.data.conversion.digests import digests_of
from zoo.data.conversion.reading import foreign_kind, picture_or_array, read_samples
from zoo.data.conversion.samples import Samples, UnreadableError
from zoo.data.conversion.store import Entry, Store, find_store, locked, write_store
from zoo.values import Values

# Raised whenever the same file would be converted to other bytes.
_VERSION = 1


class Converted:
    """Pictures that were converted, by their numbers.

    Args:
        store: Where they are.
    """

    def __init__(self, store: Store):
        self.entries = store.entries
        self._numbers = {entry.file: number for number, entry in enumerate(store.entries)}
        self._records = store.records

    def number(self, file: str) -> int:
        """Returns a file's number; -1 where it was not converted."""
        return self._numbers.get(file, -1)

    @functools.cached_property
    def _reader(self):
        from array_record.python.array_record_module import ArrayRecordReader

        # As ArrayRecord's own data source opens files for random access.
        return ArrayRecordReader(
            str(self._records),
            options="readahead_buffer_size:0,max_parallelism:0",
            file_reader_buffer_size=32768,
        )

    def read(self, number: int) -> bytes | np.ndarray:
        """Reads a converted picture; safe to be called by several threads.

        Args:
            number: As `number` gives it.

        Returns:
            An encoded picture, or uint8 [h, w, c] where none could carry its channels; empty
            bytes where the file could not be read.
        """
        data = self._reader.read([number])[0]
        if data.startswith(b"\x93NUMPY"):
            return np.load(io.BytesIO(data), allow_pickle=False)
        return data


def foreign_files(files: Mapping[str, Path]) -> dict[str, Path]:
    """Returns those files that have to be converted, told by their first bytes."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        kinds = pool.map(foreign_kind, files.values(), chunksize=256)
        return {name: path for (name, path), kind in zip(files.items(), kinds, strict=True) if kind}


def convert(
    files: Mapping[str, Path],
    folder: Path | None,
    values: Values | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Converted | None:
    """Converts the foreign pictures among files, unless that was done before.

    What was converted is found again by the files' names, sizes and contents, the range of
    values and the version of the conversion. A picture that cannot be read becomes an entry
    with its reason and stops nothing.

    Args:
        files: Paths by name; pictures of native formats among them are left alone.
        folder: Where conversions are kept; None for a temporary place, gone with the process.
        values: See `Samples.as_bytes`.
        progress: Called with the number of files done and their total.

    Returns:
        The converted pictures; None where there is none to convert.

    Raises:
        UserError: If the folder cannot be written to.
    """
    chosen = dict(sorted(foreign_files(files).items()))
    if not chosen:
        return None
    place = _temporary_folder() if folder is None else folder
    # Each file counts twice: read for its fingerprint, then converted.
    steps = itertools.count(1)

    def step() -> None:
        if progress is not None:
            progress(next(steps), 2 * len(chosen))

    with locked(place):
        key = _key(chosen, digests_of(list(chosen.values()), place, step), values)
        store = find_store(place, key)
        if store is None:
            store = write_store(place, key, _records(chosen, values), step)
    return Converted(store)


@functools.cache
def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="zoo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _key(files: Mapping[str, Path], digests: Iterable[str], values: Values | None) -> str:
    text = json.dumps([_VERSION, values, list(zip(files, digests, strict=True))])
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _records(files: Mapping[str, Path], values: Values | None) -> Iterator[tuple[bytes, Entry]]:
    """Yields each file's record, in order, converted in parallel, a few ahead."""
    workers = os.cpu_count() or 1
    pool = ThreadPoolExecutor(workers)
    ahead: collections.deque = collections.deque()
    try:
        for name, path in files.items():
            ahead.append(pool.submit(_record, name, path, values))
            if len(ahead) > 2 * workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _remarks(samples: Samples) -> tuple[str, ...]:
    if samples.pixels.dtype.kind == "f" and np.isnan(samples.pixels).any():
        return (*samples.remarks, "what is not a number in it is taken as 0")
    return samples.remarks


def _record(name: str, path: Path, values: Values | None) -> tuple[bytes, Entry]:
    try:
        samples = read_samples(path)
        pixels = samples.as_bytes(values)
    except UnreadableError as error:
        return b"", Entry(name, reason=str(error))
    except MemoryError:
        return b"", Entry(name, reason="claims more memory than there is")
    used = values if values is not None and samples.deep else samples.range
    entry = Entry(
        name,
        channels=pixels.shape[-1],
        stored=samples.stored,
        deep=samples.deep,
        range=used,
        extremes=samples.extremes(),
        remarks=_remarks(samples),
    )
    data = picture_or_array(pixels)
    if isinstance(data, np.ndarray):
        stream = io.BytesIO()
        np.save(stream, data, allow_pickle=False)
        data = stream.getvalue()
    return data, entry

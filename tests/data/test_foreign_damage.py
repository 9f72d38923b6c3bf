"""Damaged and hostile TIFF and NumPy files: refused with a reason, before memory is taken."""

import io
import resource
import struct

import numpy as np
import pytest
import tifffile

from zoo.data.conversion import UnreadableError, foreign_header, read_samples

RANDOM = np.random.default_rng(0)


def noise(dtype, *shape):
    if np.dtype(dtype).kind == "f":
        return RANDOM.random(shape).astype(dtype)
    limits = np.iinfo(dtype)
    return RANDOM.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def header_npy(shape, dtype="<f4"):
    stream = io.BytesIO()
    text = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, text)
    return stream.getvalue()


def tiff_claiming(width, height, samples=1, bits=8):
    """The smallest TIFF: one directory, one strip of nothing."""
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, bits),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, samples),
        (278, 4, height),
        (279, 4, 1),
    ]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)


BAD = {
    "claims more than 178,956,970 pixels": [
        tiff_claiming(50_000, 50_000),
        header_npy((50_000, 50_000)) + bytes(64),
        header_npy((2**60, 2**60)),
        tiff_claiming(2**32 - 1, 2**32 - 1),
    ],
    "channels of": [tiff_claiming(10_000, 10_000, 60_000)],
    "has no pixels": [tiff_claiming(0, 5), header_npy((0, 4))],
    "damaged": [
        b"II*\0",
        b"II*\0" + bytes(40),
        b"MM\0*" + b"\xff" * 40,
        b"\x93NUMPY",
        b"\x93NUMPY\x01\0" + b"\xff" * 30,
        header_npy((40, 40)) + bytes(64),
    ],
    "has the shape": [header_npy((2, 2, 2, 2)) + bytes(64)],
    "Python objects": [header_npy((4, 4), "|O") + bytes(128)],
    "complex64": [header_npy((2, 2), "<c8") + bytes(32)],
}


@pytest.mark.parametrize("reason", BAD)
def test_bad_files_are_refused_with_their_reason(tmp_path, reason):
    for data in BAD[reason]:
        (tmp_path / "a").write_bytes(data)
        with pytest.raises(UnreadableError, match=reason):
            read_samples(tmp_path / "a")
        assert foreign_header(tmp_path / "a")[0] in ("TIFF", "NumPy")


def test_what_is_claimed_takes_no_memory(tmp_path):
    # Sparse, so that the size of the file is no reason to refuse it: only the claim is.
    path = tmp_path / "a.npy"
    head = header_npy((50_000, 50_000), "|u1")
    path.write_bytes(head)
    with path.open("r+b") as file:
        file.truncate(len(head) + 50_000**2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnreadableError, match="claims more"):
        read_samples(path)
    (tmp_path / "a.tif").write_bytes(tiff_claiming(50_000, 50_000))
    with pytest.raises(UnreadableError, match="claims more"):
        read_samples(tmp_path / "a.tif")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_pickle_is_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (print, ("run",))

    np.save(tmp_path / "a.npy", np.array([[Bomb()]], object), allow_pickle=True)
    with pytest.raises(UnreadableError, match="Python objects"):
        read_samples(tmp_path / "a.npy")


def test_no_damage_makes_anything_else_raise(tmp_path):
    whole = {}
    for name, options in {"lzw": {"compression": "lzw"}, "tiles": {"tile": (16, 16)}}.items():
        tifffile.imwrite(tmp_path / "a.tif", noise("uint16", 40, 30, 3), **options)
        whole[name] = (tmp_path / "a.tif").read_bytes()
    np.save(tmp_path / "a.npy", noise("uint16", 40, 30, 3))
    whole["npy"] = (tmp_path / "a.npy").read_bytes()
    read, reasons = 0, set()
    for data in whole.values():
        for _ in range(60):
            damaged = bytearray(data)
            if RANDOM.random() < 0.3:
                del damaged[RANDOM.integers(8, len(data)) :]
            # Half of the flips where the structure is told, at the beginning or the end.
            for place in RANDOM.integers(8, min(300, len(damaged)), 4):
                damaged[place if RANDOM.random() < 0.5 else -place] ^= 1 << RANDOM.integers(8)
            (tmp_path / "damaged").write_bytes(damaged)
            foreign_header(tmp_path / "damaged")
            try:
                read_samples(tmp_path / "damaged").as_bytes((0, 9))
                read += 1
            except UnreadableError as error:
                reasons.add(str(error))
    assert 0 < read < 180
    assert not any("\n" in reason for reason in reasons)


def test_a_tiff_cut_short_is_no_black_picture(tmp_path):
    path = tmp_path / "a.tif"
    for options in ({}, {"tile": (16, 16)}, {"compression": "lzw", "rowsperstrip": 4}):
        tifffile.imwrite(path, noise("uint8", 64, 64), **options)
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) * 3 // 4])
        with pytest.raises(UnreadableError, match="damaged"):
            read_samples(path)

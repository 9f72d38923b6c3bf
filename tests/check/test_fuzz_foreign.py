"""Damaged TIFF, NumPy files and masks: each is named or harmless, and training does likewise."""

import io
import json
import random
import struct

import numpy as np
import tifffile
from click.testing import CliRunner
from damage import cut, flip
from PIL import Image

from zoo.cli import main
from zoo.data import open_dataset
from zoo.data.pipeline import prepare_split
from zoo.preprocess import Preprocessing

UNREAD = {"unreadable-picture", "truncated-picture"}
UNSPLIT = ("--set", "data.test=0", "--set", "data.validation=0")
GIANT = 1_000_000


def tiff(depth, compression):
    def encode(pixels):
        file = io.BytesIO()
        samples = pixels.astype(np.uint16) * 257 if depth == 16 else pixels
        tifffile.imwrite(file, samples, photometric="rgb", compression=compression)
        return file.getvalue()

    return encode


def lzw(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "TIFF", compression="tiff_lzw")
    return file.getvalue()


def npy(dtype):
    def encode(pixels):
        file = io.BytesIO()
        np.save(file, pixels.astype(dtype))
        return file.getvalue()

    return encode


PICTURES = {
    "tiff8": (tiff(8, None), ".tif"),
    "tiff16": (tiff(16, None), ".tif"),
    "deflate16": (tiff(16, "zlib"), ".tif"),
    "lzw": (lzw, ".tif"),
    "npy": (npy(np.uint8), ".npy"),
    "npy_of_16": (npy(np.uint16), ".npy"),
}


def zero(data, chance):
    start = chance.randrange(len(data))
    return data[:start] + bytes(min(16, len(data) - start)) + data[start + 16 :]


def claim_giant(data, chance):
    """Changes what the header says of the size, and nothing else."""
    if data.startswith(b"\x93NUMPY"):
        end = 10 + struct.unpack("<H", data[8:10])[0]
        header = data[10:end].replace(b"(8, 8, 3)", f"({GIANT}, {GIANT}, 3)".encode()).strip()
        return data[:10] + header.ljust(end - 11)[: end - 11] + b"\n" + data[end:]
    place = struct.unpack("<I", data[4:8])[0]
    changed = bytearray(data)
    for entry in range(struct.unpack("<H", data[place : place + 2])[0]):
        at = place + 2 + 12 * entry
        # ImageWidth and ImageLength, as 32 bits (TIFF 6.0).
        if struct.unpack("<H", data[at : at + 2])[0] in (256, 257):
            changed[at + 2 : at + 12] = struct.pack("<HII", 4, 1, GIANT)
    return bytes(changed)


DAMAGES = (cut, flip, zero, claim_giant)


def check(folder, *options):
    command = ["check", str(folder), "--json", *UNSPLIT, *options]
    result = CliRunner().invoke(main, command)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code == 1, result.output
    return json.loads(result.stdout)["findings"]


def left_out(dataset, targets):
    train = dataset.splits["train"]
    found = prepare_split(train, Preprocessing((8, 8)), targets, unreadable="skip").left_out
    return {name.removeprefix(f"{dataset.root}/"): reason for name, reason in found}


def test_files_that_are_converted(tmp_path):
    chance = random.Random(0)
    damaged = {}
    for number in range(96):
        encode, ending = list(PICTURES.values())[number % len(PICTURES)]
        damage = DAMAGES[number // len(PICTURES) % 4] if number >= 2 * len(PICTURES) else None
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        data = encode(pixels)
        file = f"{'ab'[number // len(PICTURES) % 2]}/{number:02}{ending}"
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(data if damage is None else damage(data, chance))
        damaged[file] = damage
    findings = check(tmp_path, "--source", "class_folders")
    unread = {one["file"] for one in findings if one["kind"] in UNREAD}
    reasons = left_out(open_dataset("class_folders", tmp_path, validation=0, test=0), ["class"])
    assert unread == reasons.keys()
    assert not unread & {file for file, damage in damaged.items() if damage is None}
    for damage in (cut, claim_giant):
        assert {file for file, one in damaged.items() if one is damage} <= unread
    giants = {str(reasons[file]) for file, one in damaged.items() if one is claim_giant}
    assert all("claims" in one for one in giants), giants
    # The fuzzer does harm, and not only.
    assert 45 < len(unread) < 80


def mask_of(number, palette):
    ids = np.zeros((8, 8), np.uint8)
    ids[: 1 + number % 6] = 1
    mask = Image.fromarray(ids)
    if palette:
        mask.putpalette([0, 0, 0, 255, 0, 0])
    file = io.BytesIO()
    mask.save(file, "PNG")
    return file.getvalue()


def with_pillow(data):
    """Returns the ids of a mask as another decoder reads them; None where it does not."""
    try:
        with Image.open(io.BytesIO(data)) as mask:
            mask.load()
            return np.array(mask) if mask.mode in ("L", "P", "1") else None
    except Exception:  # Whatever its parsers stumble over: that it does not read it is the answer.
        return None


def test_masks(tmp_path):
    chance = random.Random(0)
    data, changed, short = {}, set(), set()
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number in range(64):
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number:02}.png")
        whole = mask = mask_of(number, palette=bool(number % 2))
        file = f"images/{number:02}.png"
        if number >= 8:
            damage = (cut, flip, zero, cut)[number // 2 % 4]
            mask = damage(whole, chance)
            short |= {file} if damage is cut else set()
        changed |= {file} if mask != whole else set()
        (tmp_path / "masks" / f"{number:02}.png").write_bytes(mask)
        data[file] = mask
    classes = json.dumps({"0": "ground", "1": "thing"})
    findings = check(
        tmp_path, "--source", "mask_folders", "--set", f"data.options.classes={classes}"
    )
    harmed = {}
    for one in findings:
        if one["effect"] in ("stops", "left out"):
            harmed.setdefault(one["file"], []).append(one["text"])
    dataset = open_dataset(
        "mask_folders", tmp_path, validation=0, test=0, classes=json.loads(classes)
    )
    opened = {one.file for one in dataset.findings if one.effect == "left out"}
    assert harmed.keys() == opened | left_out(dataset, ["mask"]).keys()
    for file, texts in harmed.items():
        assert any(f"masks/{file[7:]}" in text for text in texts)
    expected = set()
    for file, mask in data.items():
        ids = with_pillow(mask)
        if ids is None or ids.shape != (8, 8) or not set(ids.ravel().tolist()) <= {0, 1, 255}:
            expected.add(file)
    # The zoo's decoder heeds checksums that the other passes over.
    assert expected | short <= harmed.keys() <= changed
    assert len(expected) > 30

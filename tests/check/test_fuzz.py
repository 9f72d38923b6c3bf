"""300 damaged pictures: each is named or harmless, and training does with it as it is told."""

import io
import json
import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FORMATS = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "BMP": ".bmp", "WEBP": ".webp"}
UNSOUND = {"unreadable-picture", "truncated-picture", "damaged-picture"}
GIANT = 50_000


def encode(kind, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    picture = Image.fromarray(pixels)
    if kind == "WEBP":
        # With alpha, so that its header is the one that can claim a giant.
        picture = picture.convert("RGBA")
        picture.putpixel((0, 0), (1, 2, 3, 4))
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def cut(data, kind, chance):
    return data[: chance.randrange(1, len(data))]


def flip(data, kind, chance):
    flipped = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8])):
        flipped[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def zero(data, kind, chance):
    if chance.random() < 0.2:
        return b"" if chance.random() < 0.5 else bytes(len(data))
    start = chance.randrange(len(data))
    stop = chance.randrange(start + 1, len(data) + 1)
    return data[:start] + bytes(stop - start) + data[stop:]


def keep(data, kind, chance):
    return data


def claim_giant(data, kind, chance):
    """Changes what the header says of the size, and nothing else."""
    data = bytearray(data)
    match kind:
        case "JPEG":
            frame = data.index(b"\xff\xc0")
            data[frame + 5 : frame + 9] = struct.pack(">HH", GIANT, GIANT)
        case "PNG":
            data[16:24] = struct.pack(">II", GIANT, GIANT)
            data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        case "GIF":
            data[6:10] = struct.pack("<HH", GIANT, GIANT)
        case "BMP":
            data[18:26] = struct.pack("<ii", GIANT, GIANT)
        case "WEBP":
            assert data[12:16] == b"VP8X"
            data[24:30] = (GIANT - 1).to_bytes(3, "little") * 2
    return bytes(data)


DAMAGES = (cut, flip, zero, keep, claim_giant)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    """The folder's files by damage, and what a process of its own said of them."""
    folder = tmp_path_factory.mktemp("fuzzed")
    for name in ("damaged", "good"):
        (folder / name).mkdir()
    chance = random.Random(0)
    files = {}
    for number in range(300):
        kind = list(FORMATS)[number % 5]
        damage = DAMAGES[number // 5 % 5]
        ending = FORMATS[kind]
        if damage is keep:
            others = [other for other in FORMATS.values() if other != ending]
            ending = chance.choice(others)
        name = f"damaged/{number}{ending}"
        (folder / name).write_bytes(damage(encode(kind, number), kind, chance))
        files[name] = damage
    for kind, ending in FORMATS.items():
        (folder / "good" / f"{kind}{ending}").write_bytes(encode(kind, len(kind)))
    script = Path(__file__).with_name("fuzzed.py")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    said = subprocess.run(
        [sys.executable, script, folder],
        capture_output=True,
        text=True,
        timeout=600,
        env=environment,
    )
    assert said.returncode == 0, said.stderr[-2000:]
    return files, json.loads(said.stdout.splitlines()[-1])


def named(said, kinds):
    return {file for kind, file, _ in said["findings"] if kind in kinds}


def test_what_two_decoders_do_not_read_alike_is_named_and_nothing_else(fuzzed):
    files, said = fuzzed
    alike = {
        file for file, (pillow, zoo) in said["decoded"].items() if zoo is not None and pillow == zoo
    }
    assert named(said, UNSOUND) == set(said["decoded"]) - alike
    # The fuzzer does harm, and not only.
    assert {f"good/{kind}{ending}" for kind, ending in FORMATS.items()} <= alike
    assert 150 < len(files.keys() - alike) < 240


def test_every_wrong_ending_is_named(fuzzed):
    files, said = fuzzed
    misnamed = {file for file, damage in files.items() if damage is keep}
    assert len(misnamed) == 60
    assert misnamed <= named(said, {"extension-mismatch"})
    assert not misnamed & named(said, UNSOUND)


def test_what_is_cut_short_is_told_from_what_is_damaged(fuzzed):
    files, said = fuzzed
    short = named(said, {"truncated-picture"})
    cuts = {file for file, damage in files.items() if damage is cut}
    # Some are cut within the bytes by which one knows what a picture is.
    assert len(cuts & short) > 40
    assert not short & {file for file, damage in files.items() if damage is claim_giant}


def test_a_giant_is_refused_before_memory_is_taken(fuzzed):
    files, said = fuzzed
    giants = {file for file, damage in files.items() if damage is claim_giant}
    assert giants <= named(said, {"unreadable-picture"})
    reasons = dict(said["left_out"])
    assert {reasons[file] for file in giants} == {"claims more than 178,956,970 pixels"}
    # One of 50,000 x 50,000 pixels in three colours takes 7,153 MiB.
    assert said["grown_mib"] < 1500


def test_training_skips_or_stops_at_just_what_it_cannot_read_and_says_so(fuzzed):
    _, said = fuzzed
    unread = {file for file, (_, zoo) in said["decoded"].items() if zoo is None}
    assert {file for file, _ in said["left_out"]} == unread
    assert all(reason for _, reason in said["left_out"])
    assert said["trained"] == len(said["decoded"]) - len(unread)
    assert said["refused"].startswith(f"{len(unread)} of the {len(said['decoded'])} examples")
    stopping = {file for _, file, effect in said["findings"] if effect == "stops"}
    assert stopping == unread

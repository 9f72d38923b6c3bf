"""Which pictures are the same, to the byte or to look at, and in which splits."""

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from scipy import fft

from zoo.check.duplicates import find_duplicates, perceptual_hashes, similar_pairs
from zoo.check.pictures import Picture, Seen, examine


def seen_of(name, digest, thumbnail):
    return Seen(name, digest, "PNG", "colour", (8, 8), thumbnail)


def scene(seed, size=(60, 80)):
    """A picture of blurred blobs, as photographs are: neighbours alike, places apart."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), np.uint8)
    return Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def look(files):
    """Reads pictures as the check does."""
    return [examine(Picture(name, lambda data=data: data)) for name, data in files.items()]


def said(findings):
    return {(one.kind, one.file, one.detail) for one in findings}


def test_the_hash_is_that_of_an_independent_cosine_transform():
    thumbnails = np.random.default_rng(0).integers(0, 256, (20, 32, 32), np.uint8)
    expected = []
    for pixels in thumbnails.astype(float):
        # Without a norm each is four times the sum of cosines: as much above the median.
        low = fft.dctn(pixels, norm=None)[:8, :8]
        expected.append(np.packbits(low.ravel() > np.median(low)).view(np.uint64)[0])
    assert perceptual_hashes(thumbnails).tolist() == expected


@pytest.mark.parametrize("distance", [0, 2, 6])
def test_close_hashes_are_found_as_by_comparing_all_with_all(distance):
    random = np.random.default_rng(distance)
    hashes = random.integers(0, 2**63, 400, dtype=np.uint64)
    # Some that differ from others in 0 to 9 bits.
    for number in range(200):
        bits = random.choice(64, number % 10, replace=False).astype(np.uint64)
        hashes[number] = hashes[number + 200] ^ np.bitwise_or.reduce(
            np.uint64(1) << bits, initial=np.uint64(0)
        )
    hashes = np.unique(hashes)
    differ = np.bitwise_count(hashes[:, np.newaxis] ^ hashes)
    expected = np.argwhere(np.triu(differ <= distance, 1))
    assert len(expected) > 15 or distance == 0
    np.testing.assert_array_equal(similar_pairs(hashes, distance), expected)


def test_what_was_encoded_anew_resized_or_retouched_is_found_and_others_are_not():
    picture = scene(0)
    files = {
        "original.png": encoded(picture),
        "poor.jpg": encoded(picture, "JPEG", quality=40),
        "small.png": encoded(picture.resize((40, 30))),
        "brighter.png": encoded(ImageEnhance.Brightness(picture).enhance(1.04)),
        "gray.png": encoded(picture.convert("L")),
        "mirrored.png": encoded(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
    }
    files |= {f"other{seed}.png": encoded(scene(seed)) for seed in range(1, 40)}
    files |= {"white.png": encoded(Image.new("RGB", (9, 9), "white"))}
    files |= {"snow.png": encoded(Image.new("RGB", (8, 9), "white"))}
    found = find_duplicates(look(files), {}, {})
    copies = ("poor.jpg", "small.png", "brighter.png", "gray.png")
    assert said(found) == {("duplicate-near", name, "original.png") for name in copies}
    assert not any(finding.affects_training for finding in found)


def test_copies_to_the_byte_leak_between_splits_and_contradict_each_other():
    first, second = encoded(scene(1)), encoded(scene(2))
    files = {"a.png": first, "b.png": second, "c.png": first, "d.png": first, "e.png": second}
    splits = {"a.png": "train", "c.png": "test", "d.png": "train", "b.png": "validation"}
    labels = {"a.png": "cat", "c.png": "cat", "d.png": "dog"}
    found = find_duplicates(look(files), splits, labels)
    assert said(found) == {
        ("duplicate-exact", "c.png", "a.png"),
        ("duplicate-exact", "d.png", "a.png"),
        ("duplicate-exact", "e.png", "b.png"),
        ("split-leak", "c.png", "test; train has a.png"),
        ("duplicate-labels", "d.png", "dog; a.png is cat"),
    }
    affecting = {one.kind for one in found if one.affects_training}
    assert affecting == {"split-leak", "duplicate-labels"}


def test_a_near_copy_leaks_as_well_and_with_it_its_copies():
    picture = scene(3)
    poor = encoded(picture, "JPEG", quality=40)
    files = {"a.jpg": poor, "b.png": encoded(picture), "c.jpg": poor}
    splits = {"a.jpg": "train", "b.png": "validation", "c.jpg": "test"}
    leaks = {
        one.file: one.detail
        for one in find_duplicates(look(files), splits, {})
        if one.kind == "split-leak"
    }
    assert leaks == {"b.png": "validation; train has a.jpg", "c.jpg": "test; train has a.jpg"}


def test_many_pictures_much_alike_cost_no_comparison_of_all_with_all():
    # 20,000 of one hash: each is compared with the first of them alone.
    thumbnail = np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))
    seen = [seen_of(f"{n}.png", n.to_bytes(4), thumbnail) for n in range(20_000)]
    assert len(find_duplicates(seen, {}, {})) == 19_999


def test_what_could_not_be_opened_is_nobodys_copy():
    assert find_duplicates([Seen("a.png"), Seen("b.png")], {}, {}) == []
    assert find_duplicates([], {}, {}) == []

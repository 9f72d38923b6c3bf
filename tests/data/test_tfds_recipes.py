"""The recipes of sets that are not on every machine, on files made in the published layout.

Everything is the real path: the recipe, TFDS's own builder that reads the archives, a training.
Only the sizes and checksums on record are those of the made files.
"""

import io
import socket
import tarfile

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from tensorflow_datasets.core.download import checksums

import zoo
from zoo.errors import UserError
from zoo.training.catalogue import load_recipe
from zoo.training.data import open_data
from zoo.training.folder import RunFolder

KINDS = ["airplane", "automobile", "bird", "cat", "deer"]
KINDS += ["dog", "frog", "horse", "ship", "truck"]
FLOWERS = ["daisy", "dandelion", "roses", "sunflowers", "tulips"]
# In the order of the published lists: class id, counted from 1, and species.
BREEDS = {"Abyssinian": (1, 1), "beagle": (5, 2), "pug": (26, 2)}
PETS = [f"{breed}_{number}" for breed in BREEDS for number in range(101, 113)]
TRAIN_PETS = [name for name in PETS if int(name[-3:]) <= 110]
TEST_PETS = [name for name in PETS if int(name[-3:]) > 110]
# On the training list, and nobody drew a box for it; there are such among the published.
BOXLESS = "beagle_105"
# Not square, so that x and y cannot be mixed up.
PET_WIDTH, PET_HEIGHT = 40, 20
# To be filled in with `pet_head`.
PET_XML = """<annotation><size><width>40</width><height>20</height><depth>3</depth></size>
<object><name>cat</name><bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax>
</bndbox></object></annotation>"""


def tar(path, mode, folder, members):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def encoded(pixels, kind):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def cifar_pictures(count, blue):
    """Returns labels and uint8 [32, 32, 3]: a colour for each picture, darker at the top."""
    pixels = np.zeros((count, 32, 32, 3), np.uint8)
    pixels[..., 0] = np.arange(count)[:, None, None]
    pixels[..., 1] = 8 * np.arange(32)[:, None]
    pixels[..., 2] = blue
    return [(number % 10, pixels[number]) for number in range(count)]


CIFAR = {"train": cifar_pictures(40, 50), "test": cifar_pictures(10, 200)}


def make_cifar10(folder):
    # A byte for the label, then the red, the green and the blue plane, row by row.
    train, test = (
        [bytes([label]) + pixels.transpose(2, 0, 1).tobytes() for label, pixels in CIFAR[split]]
        for split in ("train", "test")
    )
    members = {f"data_batch_{k + 1}.bin": b"".join(train[8 * k : 8 * k + 8]) for k in range(5)}
    members["test_batch.bin"] = b"".join(test)
    # The published file ends in an empty line.
    members["batches.meta.txt"] = ("\n".join(KINDS) + "\n\n").encode()
    tar(folder / "cifar-10-binary.tar.gz", "w:gz", "cifar-10-batches-bin", members)


def flower(kind, number):
    pixels = np.full((24, 30 + number, 3), 40 * FLOWERS.index(kind), np.uint8)
    pixels[:, :, 1] = 10 * number
    return encoded(pixels, "jpeg")


def make_tf_flowers(folder):
    members = {
        f"{kind}/100{number}_n.jpg": flower(kind, number) for kind in FLOWERS for number in range(8)
    }
    members["LICENSE.txt"] = b"Attribution"
    tar(folder / "flower_photos.tgz", "w:gz", "flower_photos", members)


def pet_picture(name):
    gray = 5 * PETS.index(name)
    return encoded(np.full((PET_HEIGHT, PET_WIDTH, 3), gray, np.uint8), "jpeg")


def pet_head(name):
    """Returns left, top, right and bottom in pixels."""
    left, top = PETS.index(name) % 24, PETS.index(name) % 12
    return left, top, left + 16, top + 8


def pet_trimap(name):
    """Returns uint8 [20, 40]: the head, 1, with a border of 3, on background, 2."""
    left, top, right, bottom = pet_head(name)
    ids = np.full((PET_HEIGHT, PET_WIDTH), 2, np.uint8)
    ids[top:bottom, left:right] = 3
    ids[top + 1 : bottom - 1, left + 1 : right - 1] = 1
    return ids


def make_oxford_iiit_pet(folder):
    members = {f"{name}.jpg": pet_picture(name) for name in PETS}
    # Published as .tar.gz, and yet not compressed.
    tar(folder / "images.tar.gz", "w", "images", members)
    members = {}
    for file, names in (("trainval.txt", TRAIN_PETS), ("test.txt", TEST_PETS)):
        lines = ["{} {} {} 1\n".format(name, *BREEDS[name[:-4]]) for name in names]
        members[file] = "".join(lines).encode()
    for name in PETS:
        members[f"trimaps/{name}.png"] = encoded(pet_trimap(name), "png")
        if name in TRAIN_PETS and name != BOXLESS:
            members[f"xmls/{name}.xml"] = PET_XML.format(*pet_head(name)).encode()
    tar(folder / "annotations.tar.gz", "w", "annotations", members)


MAKERS = {
    "cifar10": make_cifar10,
    "tf_flowers": make_tf_flowers,
    "oxford_iiit_pet": make_oxford_iiit_pet,
}


def no_socket(*arguments, **options):
    raise AssertionError("a socket was opened")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    monkeypatch.setattr(socket.socket, "__init__", no_socket)
    monkeypatch.setattr(socket, "getaddrinfo", no_socket)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder with a folder of made files for each set."""
    folder = tmp_path_factory.mktemp("made")
    for name, make in MAKERS.items():
        (folder / name).mkdir()
        make(folder / name)
    return folder


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Where sets of made content are prepared, once, and no other test finds them."""
    return tmp_path_factory.mktemp("tfds_of_made_files")


@pytest.fixture
def recipe_of(made, prepared, monkeypatch):
    """The function that loads a recipe, to be trained on the made files in moments."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    # To this dict of all sets TFDS would add the records below for as long as the process lives.
    monkeypatch.setattr(checksums, "get_all_url_infos", dict)
    for name in MAKERS:
        on_record = tfds.builder_cls(name).url_infos
        assert on_record
        for url, info in on_record.items():
            file = made / name / str(info.filename)
            monkeypatch.setitem(on_record, url, checksums.compute_url_info(file))

    def load(name):
        recipe = load_recipe(name)
        # A ResNet for CIFAR has three stages, and its recipe leaves their widths alone.
        stages = len(recipe.model.get("filters", (16, 32, 64)))
        return recipe.with_overrides(
            {
                "data.path": str(made / recipe.data.source.removeprefix("tfds:")),
                "input.size": [16, 16],
                "model.filters": [2] * stages,
                "epochs": 1,
                "batch_size": 4,
                "precision": "float32",
            }
        )

    return load


def examples(split):
    return [split.read(tf.constant(index, tf.int64)) for index in range(split.length)]


def pets_of(split):
    """Returns the name and the example of each pet; TFDS keeps the published bytes."""
    by_bytes = {pet_picture(name): name for name in PETS}
    return [(by_bytes[bytes(example["image"].numpy())], example) for example in examples(split)]


@pytest.mark.parametrize(
    ("name", "lengths", "trained_on"),
    [
        # 90 % of 5 * 8 records are 36.
        pytest.param("cifar10", (36, 4, 10), 36, marks=pytest.mark.exhaustive),
        # Of each kind's 8 photographs 1.6 are a fifth, rounded, and 0.8 are a tenth.
        ("tf_flowers", (25, 5, 10), 25),
        # 90 % of 3 * 10 are 27; the test list holds 3 * 2.
        pytest.param(
            *("oxford_iiit_pet_classification", (27, 3, 6), 27), marks=pytest.mark.exhaustive
        ),
        ("oxford_iiit_pet_segmentation", (27, 3, 6), 27),
        # Of the 30 of train 70 % are 21, one of them without a box, and 10 % are 3.
        ("oxford_iiit_pet_localization", (21, 3, 6), 20),
    ],
)
def test_a_recipe_trains_on_the_published_layout(name, lengths, trained_on, recipe_of, tmp_path):
    recipe = recipe_of(name)
    splits = open_data(recipe).splits
    assert [(key, split.length) for key, split in splits.items()] == list(
        zip(("train", "validation", "test"), lengths, strict=True)
    )
    run = zoo.train(recipe, run=tmp_path / "run")
    (row,) = run.history
    assert np.isfinite(row["validation_loss"])
    data = RunFolder(run.folder).data()
    assert data["counts"] == {"train": trained_on, "validation": lengths[1]}
    left_out = [note for note in data["notes"] if note.startswith("left out")]
    assert len(left_out) == lengths[0] - trained_on
    for note in left_out:
        assert note.startswith("left out of train: oxford_iiit_pet train[:70%] ")
        assert "has no object" in note


def test_cifar10_has_the_pixels_and_labels_of_the_records(recipe_of):
    dataset = open_data(recipe_of("cifar10"))
    assert dataset.label_names == tuple(KINDS)
    for published, parts in (("train", ("train", "validation")), ("test", ("test",))):
        read = [
            (int(example["class"]), tf.io.decode_png(example["image"]).numpy().tobytes())
            for part in parts
            for example in examples(dataset.splits[part])
        ]
        drawn = [(label, pixels.tobytes()) for label, pixels in CIFAR[published]]
        assert sorted(read) == sorted(drawn)


def test_tf_flowers_has_every_file_under_its_kind_in_mixed_splits(recipe_of):
    dataset = open_data(recipe_of("tf_flowers"))
    met = []
    for split in dataset.splits.values():
        found = [(dataset.label_names[e["class"]], e["image"].numpy()) for e in examples(split)]
        assert {label for label, _ in found} == set(FLOWERS)
        met += found
    assert sorted(met) == sorted((kind, flower(kind, n)) for kind in FLOWERS for n in range(8))


def test_pets_have_the_breed_and_the_trimap_of_their_files(recipe_of):
    dataset = open_data(recipe_of("oxford_iiit_pet_segmentation"), for_any_task=True)
    assert len(dataset.label_names) == 37
    assert dataset.mask_names == ("pet", "background", "border")
    found = [pet for split in dataset.splits.values() for pet in pets_of(split)]
    assert sorted(name for name, _ in found) == sorted(PETS)
    for name, example in found:
        # The breed, not the species, which is a class label as well.
        assert dataset.label_names[example["class"]] == name[:-4]
        np.testing.assert_array_equal(example["mask"], pet_trimap(name) - 1)


def test_pets_have_the_head_of_their_files_or_none_in_mixed_splits(recipe_of):
    recipe = recipe_of("oxford_iiit_pet_localization")
    found = [pets_of(split) for split in open_data(recipe).splits.values()]
    # The list goes breed by breed; a slice must not.
    assert all(len({name[:-4] for name, _ in part}) > 1 for part in found)
    # The published test split has no boxes at all, which is why the recipe takes none of it.
    published = recipe.with_overrides({"data.splits": {"train": "train", "test": "test"}})
    found.append(pets_of(open_data(published).splits["test"]))
    pets = [pet for part in found for pet in part]
    assert sorted(name for name, _ in pets) == sorted(PETS)
    for name, example in pets:
        drawn = np.divide(pet_head(name), (PET_WIDTH, PET_HEIGHT) * 2)
        if name == BOXLESS or name in TEST_PETS:
            drawn = np.full(4, np.nan)
        np.testing.assert_allclose(example["box"], drawn, rtol=1e-6)


@pytest.mark.parametrize("name", ["cifar10", "tf_flowers", "oxford_iiit_pet_segmentation"])
def test_files_that_are_not_the_published_ones_are_refused(name, made, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    recipe = load_recipe(name)
    folder = made / recipe.data.source.removeprefix("tfds:")
    with pytest.raises(UserError, match="is not the published one"):
        open_data(recipe.with_overrides({"data.path": str(folder)}))
    assert not list(tmp_path.rglob("dataset_info.json"))

"""What real folders hold: each oddity is named with its fault, and nothing else is."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from zoo.cli import main


@pytest.fixture(scope="module")
def oddities(real_data):
    return real_data / "oddities"


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def test_the_pets_folder_has_exactly_its_oddities(real_data, check, by_file):
    checked = check(real_data / "oxford_pets_3breeds")
    assert by_file(checked) == {
        # A GIF named .jpg, in no list, whose trimap is background alone.
        "images/Abyssinian_34.jpg": {"extension-mismatch", "in-no-split", "mask-one-class"},
        # A PNG named .jpg, with alpha.
        "images/Abyssinian_5.jpg": {"extension-mismatch", "other-channels"},
        "images/Bengal_105.jpg": {"several-objects"},
        "images/Bengal_201.jpg": {"orientation-invalid"},
        # Listed for training, without XML.
        "images/Abyssinian_104.jpg": {"missing-annotation"},
        "images/Bengal_111.jpg": {"missing-annotation"},
        # None of the published test pictures has a box: said once, of the split.
        "": {"missing-annotation"},
    }
    (whole,) = [one for one in checked.findings if not one.file]
    assert whole.text.startswith("none of the 37 examples of test has a box")
    assert checked.affects_training


def test_the_membranes_have_none(real_data, check):
    folder = real_data / "isbi_em_membrane/data/membrane/train"
    checked = check(folder, source="mask_folders")
    # 30 slices of one block are much alike, and no two the same.
    assert checked.findings == ()
    assert len(checked.seen) == 30
    assert not checked.affects_training


BOXES = {
    "bccd.jpg": ("bccd_BloodImage_00338.jpg", "bccd_BloodImage_00338_zero_area_box.xml"),
    "apple_1.jpg": ("fruit_apple_1_is_PNG_RGBA.jpg", "fruit_apple_1_xml_size_0x0.xml"),
    "apple_37.jpg": (
        "fruit_apple_37_is_PNG_palette_transparent.jpg",
        "fruit_apple_37_xml_size_0x0.xml",
    ),
    "00007.jpg": ("kangaroo_00007_duplicate_of_00033.jpg", ""),
    "00033.jpg": ("kangaroo_00033_duplicate_of_00007.jpg", ""),
    "00076.jpg": ("kangaroo_00076_exif_orientation_0.jpg", ""),
    "00090.jpg": ("kangaroo_00090_truncated.jpg", "kangaroo_00090_truncated.xml"),
    "00103.jpg": ("kangaroo_00103_exif_orientation_65537.jpg", ""),
    "raccoon.jpg": ("raccoon-150_grayscale_L.jpg", "raccoon-150_grayscale_L.xml"),
    "16bit.png": ("isbi_0_predict_16bit.png", ""),
}


def test_oddities_of_pictures_and_boxes_are_named(tmp_path, oddities, real_data, check, by_file):
    for name, (picture, xml) in BOXES.items():
        copy(oddities / picture, tmp_path / "images" / name)
        if xml:
            copy(oddities / xml, (tmp_path / "xmls" / name).with_suffix(".xml"))
    pets = real_data / "oxford_pets_3breeds" / "images"
    copy(pets / "Bengal_105.jpg", tmp_path / "images" / "Bengal_105.jpg")
    copy(oddities / "pets_Bengal_105_two_objects.xml", tmp_path / "xmls" / "Bengal_105.xml")
    copy(oddities / "pets_AppleDouble_._trimaps", tmp_path / "images" / "._bccd.jpg")
    copy(oddities / "pets_AppleDouble_._trimaps", tmp_path / "images" / "trimaps.bin")
    (tmp_path / "images" / "thumbs.mat").write_bytes(b"MATLAB")
    checked = check(tmp_path, **{"data.test": 0, "data.validation": 0})
    found = by_file(checked)
    expected = {
        "bccd.jpg": {"box-no-area", "several-objects"},
        "apple_1.jpg": {"extension-mismatch", "other-channels", "annotation-size"},
        "apple_37.jpg": {"extension-mismatch", "other-channels", "annotation-size"},
        "00007.jpg": {"missing-annotation"},
        "00033.jpg": {"missing-annotation", "duplicate-exact"},
        "00076.jpg": {"missing-annotation", "orientation-invalid"},
        "00090.jpg": {"truncated-picture", "several-objects"},
        "00103.jpg": {"missing-annotation", "orientation-invalid"},
        "raccoon.jpg": {"other-channels"},
        "16bit.png": {"missing-annotation", "other-channels", "precision-lost"},
        "Bengal_105.jpg": {"several-objects"},
        "._bccd.jpg": {"system-file"},
        "trimaps.bin": {"system-file"},
        "thumbs.mat": {"other-files"},
    }
    whole_set = {file: kinds for file, kinds in found.items() if not file.startswith("images/")}
    assert whole_set == {"images": {"other-files"}}
    assert {file: kinds for file, kinds in found.items() if file.startswith("images/")} == {
        f"images/{name}": kinds for name, kinds in expected.items()
    }
    details = {(one.kind, one.file): one.detail for one in checked.findings}
    assert details["orientation-invalid", "images/00103.jpg"] == "65537"
    assert details["other-channels", "images/16bit.png"] == "gray of 16 bits"


def test_oddities_of_masks_are_named(tmp_path, oddities, check, by_file):
    for name in ("Abyssinian_34", "Abyssinian_5"):
        for folder, pattern in (("images", f"pets_{name}_is*"), ("masks", f"pets_{name}_trimap*")):
            (source,) = oddities.glob(pattern)
            copy(source, (tmp_path / folder / name).with_suffix(source.suffix))
    copy(oddities / "drive_21_training_LZW.tif", tmp_path / "images" / "21.tif")
    copy(oddities / "drive_21_manual1_mask.gif", tmp_path / "masks" / "21.gif")
    copy(oddities / "pets_AppleDouble_._trimaps", tmp_path / "masks" / "._Abyssinian_5.png")
    copy(oddities / "isbi_0_predict_16bit.png", tmp_path / "masks" / "deep.png")
    colours = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    Image.fromarray(colours).save(tmp_path / "images" / "deep.png")
    checked = check(tmp_path, **{"data.test": 0, "data.validation": 0})
    found = by_file(checked)
    found.pop("images", None)
    assert found == {
        # Of its ids 0 and 255 beside others the latter is ignored.
        "images/21.tif": {"mask-one-class"},
        "images/Abyssinian_34.jpg": {"extension-mismatch", "mask-one-class"},
        "images/Abyssinian_5.jpg": {"extension-mismatch", "other-channels"},
        "images/deep.png": {"unreadable-mask"},
        "masks/._Abyssinian_5.png": {"system-file"},
    }
    assert checked.affects_training


UNANNOTATED = "missing-annotation"
NAMED = {
    # A box of no area, and no picture of the name that the file gives: alone it is nobody's.
    "bccd_BloodImage_00338.jpg": {UNANNOTATED},
    "bccd_BloodImage_00338_zero_area_box.xml": {"missing-picture"},
    "drive_21_manual1_mask.gif": {UNANNOTATED, "other-channels"},
    "drive_21_training_LZW.tif": {UNANNOTATED},
    "fruit_apple_1_is_PNG_RGBA.jpg": {UNANNOTATED, "extension-mismatch", "other-channels"},
    "fruit_apple_1_xml_size_0x0.xml": {"missing-picture"},
    "fruit_apple_37_is_PNG_palette_transparent.jpg": {
        UNANNOTATED,
        "extension-mismatch",
        "other-channels",
    },
    "fruit_apple_37_xml_size_0x0.xml": {"missing-picture"},
    "isbi_0_predict_16bit.png": {UNANNOTATED, "other-channels", "precision-lost"},
    "kangaroo_00007_duplicate_of_00033.jpg": {UNANNOTATED},
    "kangaroo_00033_duplicate_of_00007.jpg": {UNANNOTATED, "duplicate-exact"},
    "kangaroo_00076_exif_orientation_0.jpg": {UNANNOTATED, "orientation-invalid"},
    "kangaroo_00090_truncated.jpg": {"truncated-picture", "several-objects"},
    "kangaroo_00103_exif_orientation_65537.jpg": {UNANNOTATED, "orientation-invalid"},
    "pets_Abyssinian_34_is_GIF_palette.jpg": {UNANNOTATED, "extension-mismatch"},
    "pets_Abyssinian_34_trimap_all_background.png": {
        UNANNOTATED,
        "other-channels",
        "blank-picture",
    },
    "pets_Abyssinian_5_is_PNG_RGBA.jpg": {UNANNOTATED, "extension-mismatch", "other-channels"},
    # Ids 1, 2 and 3 of 255 look like one colour.
    "pets_Abyssinian_5_trimap.png": {UNANNOTATED, "other-channels", "blank-picture"},
    "pets_AppleDouble_._trimaps": {"system-file"},
    "pets_Bengal_105_two_objects.xml": {"missing-picture"},
    "raccoon-150_grayscale_L.jpg": {"other-channels"},
}


def test_the_folder_as_it_lies_is_checked_by_the_command(oddities):
    unsplit = ("--set", "data.test=0", "--set", "data.validation=0")
    result = CliRunner().invoke(main, ["check", str(oddities), "--json", *unsplit])
    # The truncated one stops training.
    assert result.exit_code == 1, result.output
    said = json.loads(result.stdout)
    found: dict[str, set[str]] = {}
    for one in said["findings"]:
        found.setdefault(one["file"], set()).add(one["kind"])
    assert found == NAMED
    # Beside what is odd lie only the two annotations that go with their pictures.
    whole = {"kangaroo_00090_truncated.xml", "raccoon-150_grayscale_L.xml"}
    assert {path.name for path in oddities.iterdir()} == NAMED.keys() | whole
    details = {(one["kind"], one["file"]): one["detail"] for one in said["findings"]}
    for file, kind in {"fruit_apple_1": "PNG", "pets_Abyssinian_34": "GIF"}.items():
        (of_file,) = [
            detail
            for (what, name), detail in details.items()
            if what == "extension-mismatch" and name.startswith(f"{file}_")
        ]
        assert of_file == kind
    assert said["formats"] == {"JPEG": 6, "PNG": 6, "GIF": 2, "TIFF": 1}
    assert said["channels"] == {
        "colour": 7,
        "gray": 4,
        "colour with alpha": 3,
        "gray of 16 bits": 1,
    }

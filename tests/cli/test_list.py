import json

import pytest

from zoo.models.facts import known


def test_encoders_are_a_table_of_eighty_columns(zoo):
    result = zoo("list", "encoders")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == [
        *("name", "params", "MACs", "at", "field", "strides", "smallest", "ImageNet")
    ]
    row = next(line for line in lines if line.startswith("resnet18 "))
    # 11,176,512 parameters and 1,813,561,344 multiply-adds; no weights are published.
    assert row.split() == ["resnet18", "11.2M", "1.8G", "224", "435", "2-32", "1"]
    assert "efficientnetb0" in result.stdout
    assert result.stdout.count("\n") > len(known())


def test_encoders_as_json_are_plain_values(zoo):
    result = zoo("list", "encoders", "mobilenetv2", "--json")
    (row,) = json.loads(result.stdout)
    assert row == {"name": "mobilenetv2", **known()["mobilenetv2"]}
    assert row["imagenet"] is True
    assert row["strides"] == [2, 4, 8, 16, 32]


def test_one_encoder_is_shown_with_what_it_is(zoo):
    result = zoo("list", "encoders", "lenet5")
    assert "the network that read cheques" in result.stdout


@pytest.mark.parametrize("kind", ["encoders", "decoders"])
def test_nothing_that_matches_is_said_so(zoo, kind):
    result = zoo("list", kind, "nosuch*")
    assert result.exit_code == 0
    assert result.stdout == "none\n"


def test_decoders_say_what_they_are(zoo):
    result = zoo("list", "decoders")
    for name in ("unet", "unet2015", "unetplusplus", "linknet", "fpn", "pspnet", "deeplabv3plus"):
        assert any(line.split()[0] == name for line in result.stdout.splitlines() if line.split())
    assert max(map(len, result.stdout.splitlines())) <= 80

"""What zoo describe prints, compares, draws and refuses."""

import json

SIZE = ("--size", "32x32x3")


def test_several_encoders_are_compared(zoo):
    arguments = ("describe", "classification", "--encoder", "resnet20", "--encoder", "plain", *SIZE)
    text = zoo(*arguments).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert [line.split()[0] for line in text.splitlines()[2:4]] == ["resnet20", "plain"]
    values = json.loads(zoo(*arguments, "--batch-size", 8, "--json").stdout)
    assert values["plain"]["batch_size"] == 8


def test_a_picture_is_drawn_besides(zoo, tmp_path):
    path = tmp_path / "net.svg"
    assert "receptive field" in zoo("describe", "classification", *SIZE, "--picture", path).stdout
    assert "stage3" in path.read_text()


def test_pictures_that_cannot_be(refused, tmp_path):
    arguments = ("describe", "classification", *SIZE, "--picture")
    assert "let it end in .png" in refused(*arguments, tmp_path / "net.bmp")
    assert "does not exist" in refused(*arguments, tmp_path / "no" / "net.png")
    two = ("--encoder", "plain", "--encoder", "resnet20")
    assert "give one --encoder" in refused(*arguments, tmp_path / "net.png", *two)

"""What publishing in a format is made of: distances, calibration, exact layers, what to install."""

import re

import numpy as np
import pytest
from runtime_cases import counted_set, make_predictor

from zoo.errors import CheckError, UserError
from zoo.export.runtimes import contract, verify
from zoo.export.runtimes.calibration import calibration_of
from zoo.export.runtimes.exact import nodes_from
from zoo.export.runtimes.publish import formats_named
from zoo.export.runtimes.traced import exact_layers
from zoo.preprocess import Preprocessing

SIZE = (8, 8)


def test_outputs_by_other_names_are_refused():
    one, other = {"class": np.zeros((1, 2), np.float32)}, {"klass": np.zeros((1, 2), np.float32)}
    with pytest.raises(CheckError, match=r"it answers \['klass'\], expected \['class'\]"):
        verify.differences(one, other, (8, 8))


def test_distances_by_hand():
    # Edges 0.5 of 8 rows or 4 columns: 0.25 * 4 = 1 in x, 0.125 * 8 = 1 in y; the largest is 2.
    box = np.float32([[0, 0, 0.5, 1]])
    moved = box + np.float32([0.25, 0.125, 0.5, 0])
    # Of four pixels one has another likeliest class.
    mask = np.float32([[[[1, 0], [1, 0]], [[0, 1], [0.6, 0.4]]]])
    other = np.float32([[[[1, 0], [1, 0]], [[0, 1], [0.4, 0.6]]]])
    found = verify.differences({"box": box, "mask": mask}, {"box": moved, "mask": other}, (8, 4))
    assert found == {"box": 2.0, "mask": 0.25}


def test_calibration_is_a_part_of_the_training_split_and_always_the_same():
    preprocessing = Preprocessing(SIZE)
    drawn = calibration_of(counted_set(50), preprocessing, 10)
    assert len(drawn) == 10
    assert drawn.pictures.shape == (10, *SIZE, 3)
    ids = drawn.pictures[:, 0, 0, 0]
    assert len(set(ids)) == 10
    assert max(ids) >= 10, "not the first ones"
    again = calibration_of(counted_set(50), preprocessing, 10)
    np.testing.assert_array_equal(again.pictures, drawn.pictures)
    assert len(calibration_of(counted_set(4), preprocessing, 10)) == 4
    assert [one.dtype for one in drawn][:1] == [np.float32]
    assert [one.shape for one in drawn] == [(1, *SIZE, 3)] * 10


def test_calibration_passes_over_what_cannot_be_read():
    assert len(calibration_of(counted_set(6, unreadable=(1, 4)), Preprocessing(SIZE), 10)) == 4
    with pytest.raises(UserError, match="counted has no picture to train on that can be read"):
        calibration_of(counted_set(2, unreadable=(0, 1)), Preprocessing(SIZE), 10)


def test_the_maps_of_softmaxes_over_positions_are_found():
    assert exact_layers(make_predictor("localization", head="spatial").model) == (
        "attention",
        "edges_x",
        "edges_y",
    )
    assert exact_layers(make_predictor("classification").model) == ()
    assert exact_layers(make_predictor("segmentation").model) == ()


def test_nodes_are_followed_downstream():
    nodes = [
        ("a/edges_x_conv/kernel", [], ["k"]),
        ("a/edges_x_1/convolution", ["x", "k"], ["h"]),
        ("relu;edges_x", ["x"], ["r"]),
        ("other", ["x"], ["o"]),
        ("sum", ["h", "o"], ["s"]),
        ("last", ["s"], ["l"]),
    ]
    found = nodes_from(["edges_x", "edges_y"], nodes)
    assert found == ["a/edges_x_1/convolution", "relu;edges_x", "sum", "last"]


def test_the_command_to_install_is_of_this_package():
    from importlib import metadata

    name = re.search(r'"(.*)\[runtimes\]"', contract.INSTALL)[1]
    assert metadata.metadata(name)["Name"] == name


def test_an_unknown_format_is_answered_with_the_nearest():
    with pytest.raises(UserError, match="no format 'onxx'; did you mean 'onnx'"):
        formats_named(["onxx"])

"""JSON written at its edges, which the contract's cases do not reach, and messages cut short."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from json_bodies import decode

from zoo.serving import json_reading
from zoo.serving.inputs import COLUMNAR, ROW, read_inputs
from zoo.serving.json_writing import write_outputs
from zoo.serving.status import ServingError, shortened


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (0.1, "float32", "0.1"),
        # Of a third, six digits read back as another float32; nine are always enough.
        (1 / 3, "float32", "0.333333343"),
        (1 / 3, "float64", "0.33333333333333331"),
        (16777216, "float32", "16777216.0"),
        (1e10, "float32", "1e+10"),
        (-0.0, "float32", "-0.0"),
        (1e-45, "float32", "1.4013e-45"),
        (3.4028235e38, "float32", "3.40282347e+38"),
        (9000000, "float32", "9e+06"),
        (2.0**53 + 2, "float64", "9007199254740994.0"),
        (math.nan, "float64", "NaN"),
        (-math.inf, "float64", "-Infinity"),
    ],
)
def test_how_a_number_is_written(value, dtype, text):
    assert (
        write_outputs({"y": np.array(value, dtype)}, COLUMNAR) == f'{{"outputs": {text}}}'.encode()
    )


@settings(deadline=None, derandomize=True, max_examples=200)
@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint64, np.bool_]),
        hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4),
    ),
    st.sampled_from([ROW, COLUMNAR]),
)
def test_what_is_written_is_read_again(array, form):
    """Python's own parser is the oracle of the text, NumPy of the shape."""
    written = json.loads(write_outputs({"y": array}, form))
    [found] = written.values()
    np.testing.assert_array_equal(np.array(found, array.dtype).reshape(array.shape), array)
    if array.size:
        assert np.shape(found) == array.shape
    key = "instances" if form == ROW else "inputs"
    body = json.dumps({key: found}).encode()
    if found:
        again = read_inputs(json_reading.read(body), {"y": array.dtype.name}).tensors["y"]
        assert again.dtype == array.dtype
        np.testing.assert_array_equal(again.ravel(), array.ravel())


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(st.binary(max_size=20), max_size=5), st.sampled_from(["text", "text_bytes"]))
def test_strings_written(strings, name):
    array = np.empty(len(strings), object)
    array[:] = strings
    text = write_outputs({name: array}, ROW)
    found = json.loads(text.decode("utf-8", "surrogateescape"))["predictions"]
    if name == "text_bytes":
        assert decode(json.dumps({"inputs": found}), "string").tolist() == strings
    else:
        assert [value.encode("utf-8", "surrogateescape") for value in found] == strings


def test_rows_of_several_outputs():
    outputs = {"b": np.array([[1, 2], [3, 4]]), "a": np.array([0.5, 1.5], np.float32)}
    assert write_outputs(outputs, ROW) == (
        b'{"predictions": [{"a": 0.5, "b": [1,2]},{"a": 1.5, "b": [3,4]}]}'
    )
    with pytest.raises(ServingError, match="inconsistent batch size: 1, 2"):
        write_outputs({**outputs, "c": np.zeros([1])}, ROW)
    with pytest.raises(ServingError, match="y has no shape information"):
        write_outputs({"y": np.float32(1)}, ROW)


def test_long_messages_are_cut():
    assert shortened("é" * 512) == "é" * 512
    # 1024 bytes fall into the middle of the 512th é, which goes whole.
    assert shortened("a" + "é" * 512) == "a" + "é" * 511 + "...TRUNCATED"

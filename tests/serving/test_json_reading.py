"""JSON read at its edges, which the contract's cases do not reach."""

import json
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from json_bodies import decode

from zoo.serving import json_reading
from zoo.serving.inputs import read_inputs
from zoo.serving.status import ServingError


def refusal(body, dtype="float32"):
    with pytest.raises(ServingError) as caught:
        decode(body, dtype)
    assert caught.value.http == 400
    return caught.value.message


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("-0.0", -0.0),
        ("-0", 0.0),
        ("1e-400", 0.0),
        ("1e38", 1e38),
        ("3.5e38", math.inf),  # the largest float32 is 3.4028e38
        ("0.0001e312", 1e308),
        ("9223372036854775807", 2.0**63),
        ("18446744073709551616", 2.0**64),  # no integer type holds it; a float does
        ("-Infinity", -math.inf),
        ("-Inf", -math.inf),
        ("Inf", math.inf),
        ("NaN", math.nan),
        ("-NaN", math.nan),
    ],
)
def test_floats(token, expected):
    found = decode(f'{{"inputs": {token}}}')
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found, np.float32(expected))
    assert math.copysign(1, found) == math.copysign(1, expected) or math.isnan(expected)


@pytest.mark.parametrize("token", ["1e400", "-1e400", "1e309", "9" * 400, "1" * 5000])
def test_a_number_that_no_double_holds_is_refused(token):
    assert "Number too big to be stored in double." in refusal(f'{{"inputs": [{token}]}}')


@pytest.mark.parametrize("token", ["01", "1.", ".5", "+1", "0x1", "nan", "Infinite", "1e", "--1"])
def test_what_is_no_number_is_refused(token):
    assert "JSON Parse error" in refusal(f'{{"inputs": [{token}]}}')


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        ("int32", -(2**31), 2**31 - 1),
        ("int64", -(2**63), 2**63 - 1),
        ("uint32", 0, 2**32 - 1),
        ("uint64", 0, 2**64 - 1),
    ],
)
def test_whole_numbers_reach_to_the_ends_of_their_type(dtype, low, high):
    np.testing.assert_array_equal(
        decode(f'{{"inputs": [{low}, {high}]}}', dtype), np.array([low, high], dtype)
    )
    for beyond in (low - 1, high + 1):
        assert f"not of expected type: {dtype}" in refusal(f'{{"inputs": [{beyond}]}}', dtype)


@pytest.mark.parametrize(
    ("dtype", "given_values", "expected"),
    [
        # 256 = 0 and -1 = 255 modulo 2^8; 40000 - 65536 = -25536.
        ("uint8", [256, -1, 300], [0, 255, 44]),
        ("int8", [128, -129, 255], [-128, 127, -1]),
        ("int16", [40000, -40000, 65536], [-25536, 25536, 0]),
    ],
)
def test_small_integers_wrap(dtype, given_values, expected):
    found = decode(json.dumps({"instances": given_values}), dtype)
    assert found.dtype == np.dtype(dtype)
    assert found.tolist() == expected
    assert "expected type" in refusal(f'{{"instances": [{2**31}]}}', dtype)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aGk=", b"hi"),
        ("aGk", b"hi"),
        ("YQ", b"a"),
        ("YQ==", b"a"),
        ("", b""),
        ("aG\\nk=", b"hi"),
        ("+/+/", b"\xfb\xff\xbf"),
    ],
)
def test_base64(text, expected):
    assert decode(f'{{"instances": [{{"b64": "{text}"}}]}}', "string").tolist() == [expected]


@pytest.mark.parametrize("text", ["YQ=", "a", "YQ===", "=", "YQ==YQ==", "-_-_", "\\u00e9", "aGk=a"])
def test_bad_base64(text):
    body = f'{{"instances": [{{"b64": "{text}"}}]}}'
    assert "Unable to base64 decode" in refusal(body, "string")


def test_b64_is_an_object_of_that_one_string():
    assert "base64 data" in refusal('{"inputs": [{"b64": 5}]}', "string")
    assert "does not have named input: b64" in refusal('{"instances": [{"b64": 5}]}', "string")
    # An input may be named so; its value is an object then.
    document = json_reading.read(b'{"inputs": {"b64": {"b64": "aGk="}}}')
    assert read_inputs(document, {"b64": "string"}).tensors["b64"] == b"hi"


def test_strings_are_the_bytes_that_were_sent():
    assert decode(b'{"inputs": "\xff\xfe\xc3\xa9"}', "string")[()] == b"\xff\xfe\xc3\xa9"
    assert decode('{"inputs": "\\ud83d\\ude00"}', "string")[()] == "😀".encode()
    assert decode('{"inputs": "Inf NaN \\" Inf", "x": Inf}', "string")[()] == b'Inf NaN " Inf'
    assert "surrogate" in refusal('{"inputs": "\\ud800"}', "string")
    assert "JSON Parse error" in refusal(b'{"inputs": "a\nb"}', "string")
    assert "JSON Parse error" in refusal(b'\xef\xbb\xbf{"inputs": "a"}', "string")


def test_of_a_key_that_is_there_twice_the_first_counts():
    assert decode('{"inputs": [1], "inputs": [2, 3]}').tolist() == [1.0]


@pytest.mark.parametrize("after", ["", " ", "}", "]", " {", "\x00\xff", "NaN", '"'])
def test_text_after_the_document_is_ignored(after):
    assert decode(f' \r\n\t{{"inputs": [1]}}{after}').tolist() == [1.0]


@pytest.mark.parametrize("opened", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("closed", [True, False])
def test_deep_nesting_is_refused_in_no_time(opened, closed):
    depth = 500_000
    ends = {"[": "]", '{"a":': "}", '[{"a":': "}]"}[opened] if closed else ""
    body = '{"instances": ' + opened * depth + "1" + ends * depth + "}"
    started = time.perf_counter()
    assert "JSON Parse error" in refusal(body)
    assert time.perf_counter() - started < 120


def test_what_would_make_a_regular_expression_wander():
    for text in ('{"a": "' + '\\"' * 200_000, '{"a": ' + "1" * 300 * 1000, '{"a": Inf' * 20_000):
        assert "JSON Parse error" in refusal(text)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[1]", "Is not object"),
        ("5 {}", "JSON Value: 5 Is not object"),
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"instances": [1], "inputs": [1]}', "expecting only one of"),
        ('{"instances": []}', "No values in 'instances'"),
        ('{"instances": [[1, 2], [3]]}', "element: 1 of 'instances' list. Error: INVALID_ARGUMENT"),
        ('{"instances": [[1, 2], [3]]}', "Expecting tensor size: 2 but got: 1"),
        ('{"instances": [[[1, 2]], [[1], [2]]]}', "Expecting shape [1,2] but got: [2,1]"),
        ('{"instances": [1, {"x": 2}]}', "but got object at item 1"),
        ('{"instances": [{"x": 1}, 2]}', "Expecting object but got list at item 1"),
        ('{"instances": [{"x": 1}, {}]}', "element: 1 of 'instances' list"),
        ('{"inputs": [1, [2]]}', "Encountered list at unexpected level: 1 expected < 1"),
        ('{"inputs": [[], [1]]}', "Encountered list at unexpected size: 1 at level: 1"),
        ('{"inputs": {"y": 1}}', "Missing named input: x"),
        ('{"inputs": null}', "Type: Null is not of expected type: float"),
        ('{"inputs": true}', "Type: True is not of expected type: float"),
    ],
)
def test_what_does_not_fit(body, message):
    assert message in refusal(body)


def test_a_type_without_json():
    body = json_reading.read(b'{"inputs": [1.5]}')
    with pytest.raises(ServingError) as caught:
        read_inputs(body, {"x": "float16"})
    assert (caught.value.http, caught.value.message[-8:]) == (501, "pe: half")
    empty = json_reading.read(b'{"inputs": []}')
    assert read_inputs(empty, {"x": "bfloat16"}).tensors["x"].shape == (0,)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just({"b64": "aGk="}),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["x", "b64", "y"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None, derandomize=True, max_examples=400)
@given(
    st.one_of(
        st.binary(max_size=60),
        st.builds(
            lambda key, value: json.dumps({key: value}).encode(),
            st.sampled_from(["instances", "inputs"]),
            json_values,
        ),
    ),
    st.sampled_from(["float32", "int8", "uint64", "string", "bool", "float16"]),
)
def test_any_body_is_a_tensor_or_a_refusal(body, dtype):
    try:
        found = decode(body, dtype)
    except ServingError as error:
        status = error.http
    else:
        status = 200
        assert found.dtype == (object if dtype == "string" else np.dtype(dtype))
    assert status in (200, 400, 501)

"""gRPC's edges, which the contract's cases do not reach."""

import threading

import grpc
import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from zoo.serving.messages import (
    GetModelStatusRequest,
    PredictRequest,
    TensorProto,
)
from zoo.serving.protos import read_proto, size_of, write_proto
from zoo.serving.server import Server
from zoo.serving.status import ServingError


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.grpc_url.removeprefix("grpc://")) as opened:
        yield opened


def request_of(name="hp2", signature="", **tensors):
    request = PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    for key, value in tensors.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def predict(channel, request, **options):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(
        request, timeout=60, **options
    )


def refusal(channel, request, **options):
    with pytest.raises(grpc.RpcError) as caught:
        predict(channel, request, **options)
    return caught.value.code().name, caught.value.details()


def stall(channel, until):
    """A call of Predict that sends its metadata, and its one message never."""

    def messages():
        until.wait(60)
        yield from ()

    return channel.stream_unary("/tensorflow.serving.PredictionService/Predict").future(messages())


def test_a_call_without_a_message_and_one_of_noise(channel):
    method = "/tensorflow.serving.PredictionService/Predict"
    for messages, text in (([], "The call has no message"), ([b"\xff"], "no PredictRequest")):
        with pytest.raises(grpc.RpcError) as caught:
            channel.stream_unary(method)(iter(messages), timeout=60)
        assert caught.value.code().name == "INVALID_ARGUMENT"
        assert text in caught.value.details()


def proto(dtype, shape, **fields):
    made = TensorProto(dtype=tf.as_dtype(dtype).as_datatype_enum)
    for size in shape:
        made.tensor_shape.dim.add().size = size
    for name, values in fields.items():
        getattr(made, name).extend(values)
    return made


def test_too_few_values_are_the_last_repeated():
    """As tensor.proto says; none are zeros, and what is too much is dropped."""
    assert read_proto(proto("float32", [3], float_val=[1, 2])).tolist() == [1, 2, 2]
    assert read_proto(proto("float32", [2])).tolist() == [0, 0]
    assert read_proto(proto("float32", [1], float_val=[1, 2])).tolist() == [1]
    assert read_proto(proto("string", [2], string_val=[b"a"])).tolist() == [
        b"a",
        b"a",
    ]


@pytest.mark.parametrize(
    ("made", "message"),
    [
        # 4 bytes each of 25,000,001 numbers are more than 100 MB, in a message of a few bytes.
        (proto("float32", [25_000_001]), "takes more than 100 MB"),
        (proto("string", [10**9]), "takes more than 100 MB"),
        (proto("float32", [2**40, 2**40]), "takes more than 100 MB"),
        (proto("float32", [0, 2**62]), "takes more than 100 MB"),
        (proto("float32", [-1]), ""),
        (proto("resource", [1]), "resource cannot be sent"),
        (proto("variant", [1]), "variant cannot be sent"),
        (TensorProto(), "Unknown data type 0"),
        (TensorProto(dtype=99), "Unknown data type 99"),
        (TensorProto(dtype=1, tensor_content=b"abc"), ""),
    ],
)
def test_a_tensor_that_is_none(made, message):
    def read():
        size_of(made, 100 * 10**6)
        read_proto(made)

    with pytest.raises(ServingError) as caught:
        read()
    assert caught.value.code.name == "INVALID_ARGUMENT"
    assert message in caught.value.message
    assert caught.value.message


NUMERIC = [np.float32, np.float64, np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32]
NUMERIC += [np.int64, np.uint64, np.bool_, np.float16, np.complex64, np.complex128]


@settings(deadline=None, derandomize=True, max_examples=200)
@given(hnp.arrays(st.sampled_from(NUMERIC), hnp.array_shapes(min_dims=0, min_side=0, max_side=3)))
def test_arrays_through_a_proto(array):
    """TensorFlow's own reader of protos is the oracle."""
    made = TensorProto()
    write_proto(array, made)
    assert not made.tensor_content
    found = tf.make_ndarray(made)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)
    again = read_proto(made)
    np.testing.assert_array_equal(again, array)


def test_bfloat16_and_strings_through_a_proto():
    halves = np.array([[1.5, -2]], ml_dtypes.bfloat16)
    strings = np.array([[b"\x00\xff"], [b""]], object)
    for array in (halves, strings):
        made = TensorProto()
        write_proto(array, made)
        np.testing.assert_array_equal(tf.make_ndarray(made), array)


def test_a_type_that_rest_has_not(channel):
    response = predict(channel, request_of("types", "half", x=np.float32([1.5])))
    assert tf.make_ndarray(response.outputs["y"]).dtype == np.float16
    response = predict(channel, request_of("types", "from_half", x=np.float16([1.5])))
    assert tf.make_ndarray(response.outputs["y"]).tolist() == [1.5]


def test_the_codes_of_what_is_wrong(channel):
    one = np.float32([1])
    assert refusal(channel, request_of("hp2", "nothing", x=one))[0] == "FAILED_PRECONDITION"
    code, message = refusal(channel, request_of("hp2", x=one, z=one))
    assert (code, "Sent extra: {z}. Missing but required: {}." in message) == (
        "INVALID_ARGUMENT",
        True,
    )
    request = request_of("hp2", x=one)
    request.model_spec.version.value = 9
    assert refusal(channel, request) == (
        "NOT_FOUND",
        "Servable not found for request: Specific(hp2, 9)",
    )
    code, message = refusal(channel, request_of("types", "ranks", x=one))
    assert (code, message) == ("INVALID_ARGUMENT", "In[0] ndims must be >= 2: 1")


def test_what_fits_no_model_makes_no_tensors(channel):
    """100 MB and more of zeros, in a message of a few bytes: the model is looked at first."""
    large, one = proto("float32", [25_000_001]), np.float32([1])
    for request, code, message in (
        (request_of("nobody"), "NOT_FOUND", "Servable not found"),
        (request_of("hp2", "nothing"), "FAILED_PRECONDITION", "not found"),
        (request_of("hp2", z=one), "INVALID_ARGUMENT", "Sent extra: {z}"),
        (request_of("mul6", "serving_default"), "INVALID_ARGUMENT", "takes more than 100 MB"),
        (request_of("types", "string"), "INVALID_ARGUMENT", "Sent extra: {x}"),
        (request_of("types", "from_half"), "INVALID_ARGUMENT", "to be half but float is"),
    ):
        request.inputs["x"].CopyFrom(large)
        found = refusal(channel, request)
        assert (found[0], message in found[1]) == (code, True)


def test_a_signature_without_inputs_can_be_called(channel):
    response = predict(channel, request_of("counter", "get_counter"))
    assert tf.make_ndarray(response.outputs["output"]) == 0.0


def test_an_output_larger_than_a_client_takes_by_default(server):
    """4 MiB are gRPC's default for a client; the server sends what was asked for."""
    request = request_of("hp2", x=np.zeros([1_500_000], np.float32))
    with grpc.insecure_channel(server.grpc_url.removeprefix("grpc://")) as small:
        assert refusal(small, request)[0] == "RESOURCE_EXHAUSTED"
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server.grpc_url.removeprefix("grpc://"), options) as large:
        response = predict(large, request)
    assert len(response.outputs["y"].float_val) == 1_500_000


def test_what_is_not_offered_says_so(channel):
    from tensorflow_serving.apis import classification_pb2, model_management_pb2

    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    for call, request in (
        (stub.Classify, classification_pb2.ClassificationRequest()),
        (
            model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest,
            model_management_pb2.ReloadConfigRequest(),
        ),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call(request, timeout=60)
        assert caught.value.code().name == "UNIMPLEMENTED"
        assert "not offered by this embedded server" in caught.value.details()


def test_the_token(models):
    request = request_of("hp2", x=np.float32([2]))
    with (
        Server(models / "hp2", rest_port=0, grpc_port=0, token="secret") as server,
        grpc.insecure_channel(server.grpc_url.removeprefix("grpc://")) as channel,
    ):
        for metadata in ((), (("authorization", "Bearer no"),), (("authorization", "secret"),)):
            code, message = refusal(channel, request, metadata=metadata)
            assert code == "UNAUTHENTICATED"
            assert "asks for its token" in message
        # Refused before its message has come.
        stalled = stall(channel, threading.Event())
        assert stalled.exception(20).code().name == "UNAUTHENTICATED"
        response = predict(channel, request, metadata=(("authorization", "Bearer secret"),))
        assert list(response.outputs["y"].float_val) == [3.0]
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        with pytest.raises(grpc.RpcError):
            stub.GetModelStatus(GetModelStatusRequest(), timeout=60)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(
    st.sampled_from(["hp2", "types", "mul6", "nobody", ""]),
    st.sampled_from(["", "string", "ranks", "regress_x_to_y"]),
    st.dictionaries(
        st.sampled_from(["x", "text", "inputs"]),
        st.builds(
            lambda dtype, shape, values: proto(dtype, shape, float_val=values),
            st.sampled_from(["float32", "string", "int64", "bool", "variant", "half"]),
            st.lists(st.integers(-2, 2**62), max_size=4),
            st.lists(st.floats(width=32), max_size=4),
        ),
        max_size=2,
    ),
)
def test_no_request_is_an_error_of_the_server(channel, model, signature, tensors):
    request = request_of(model, signature)
    for name, made in tensors.items():
        request.inputs[name].CopyFrom(made)
    try:
        predict(channel, request)
        code = "OK"
    except grpc.RpcError as error:
        code = error.code().name
    assert code in ("OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION")

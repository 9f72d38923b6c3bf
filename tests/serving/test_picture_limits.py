"""What pictures may make of memory, told before one is decoded: by REST and by gRPC alike."""

import base64
import io
import json
import zlib
from contextlib import contextmanager
from dataclasses import replace

import grpc
import httpx
import numpy as np
import pytest
from fixture_models import types
from PIL import Image
from test_grpc import predict, proto, refusal, request_of

from zoo.serving.limits import Limits
from zoo.serving.pictures import PictureLimits
from zoo.serving.protos import size_of
from zoo.serving.server import Server
from zoo.serving.status import ServingError


def png_claiming(width, height, depth=8, colours=2):
    """A PNG's signature and IHDR (RFC 2083), and no pixels at all."""
    data = b"IHDR" + width.to_bytes(4) + height.to_bytes(4) + bytes([depth, colours, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4) + data + zlib.crc32(data).to_bytes(4)


def png(size=8):
    stream = io.BytesIO()
    Image.new("RGB", (size, size)).save(stream, "PNG")
    return stream.getvalue()


@contextmanager
def serving(root, **limits):
    with Server(root, rest_port=0, grpc_port=0, limits=replace(Limits(), **limits)) as server:
        yield server


def post(server, model, **body):
    url = f"{server.rest_url}/v1/models/{model}:predict"
    return httpx.post(url, content=json.dumps(body), timeout=60)


def b64(data):
    return {"b64": base64.b64encode(data).decode()}


def test_a_lower_limit_of_pixels(tmp_path):
    types(tmp_path / "types" / "1")
    with serving(tmp_path, max_pixels=100_000) as server:
        large, small = b64(png_claiming(600, 500)), b64(png_claiming(30, 20))
        refused = post(server, "types", signature_name="string", instances=["a", large])
        assert refused.status_code == 400
        assert refused.json()["error"] == (
            "Picture 1 claims 600 x 500 pixels; this server takes 100,000 at most (--max-pixels)"
        )
        texts = ["BM is how some words begin, and BMP files", small]
        assert post(server, "types", signature_name="string", instances=texts).status_code == 200


def test_a_picture_that_the_graph_refuses_fails_nobody_else(zoo_server):
    """As in TensorFlow Serving, which has no other limit: its row has the graph's own error."""
    pictures = [png(), png_claiming(60_000, 50_000)]
    told = [b"", b"claims more than 178,956,970 pixels"]
    answer = post(zoo_server, "classification", inputs={"image_bytes": list(map(b64, pictures))})
    assert answer.status_code == 200
    assert answer.json()["outputs"]["error"] == [text.decode() for text in told]
    with grpc.insecure_channel(zoo_server.grpc_url.removeprefix("grpc://")) as channel:
        response = predict(channel, request_of("classification", image_bytes=pictures))
    assert list(response.outputs["error"].string_val) == told


def test_more_pictures_than_a_request_may_have(zoo_models):
    message = "The request has 5 pictures or strings; this server takes 4 at a time (--max-batch)"
    with serving(zoo_models[0] / "classification", max_batch=4) as server:
        for count, status in ((5, 400), (4, 200)):
            sent = {"image_bytes": [""] * count}
            answer = post(server, "classification", inputs=sent)
            assert answer.status_code == status
            if status == 400:
                assert answer.json()["error"] == message
        with grpc.insecure_channel(server.grpc_url.removeprefix("grpc://")) as channel:
            request = request_of("classification", "pixels")
            request.inputs["image"].CopyFrom(proto("float32", [5, 1, 1, 3]))
            assert refusal(channel, request) == ("INVALID_ARGUMENT", message)


def told(*tensors, with_masks=False, **limits):
    try:
        PictureLimits(replace(Limits(), **limits)).check(tensors, with_masks)
    except ServingError as error:
        return error.message
    return ""


def test_numbers_are_no_pictures():
    assert told(np.zeros([100_000, 2], np.float32)) == ""
    assert "2,000 pictures" in told(np.zeros([2_000, 1, 1, 1], np.uint8))
    assert "1,025 pictures" in told(np.full([5, 205], b"text", object))
    assert told(np.array(b"a scalar", object)) == ""


@pytest.mark.parametrize(
    ("claimed", "megabytes"),
    [((8, 2), 3), ((8, 3), 3), ((8, 0), 7), ((8, 6), 13), ((16, 0), 9), ((16, 6), 27)],
)
def test_the_memory_of_pictures_together(claimed, megabytes):
    """One of a million pixels takes less than the limit, the second more than is left."""
    one = np.array([png_claiming(1000, 1000, *claimed)], object)
    assert told(one, max_memory=megabytes * 10**6) == ""
    assert told(one, one, max_memory=megabytes * 10**6) == (
        f"The request's pictures take {2 * megabytes} MB decoded; this server has {megabytes} MB "
        "for them (--max-memory)"
    )


def bmp_claiming(width, height, bits):
    """A BMP's two headers, and no pixels at all."""
    sizes = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    head = b"BM" + bytes(8) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    return head + sizes + b"\x01\x00" + bits.to_bytes(2, "little") + bytes(24)


@pytest.mark.parametrize(("bits", "megabytes"), [(1, 12), (8, 12), (24, 3)])
def test_a_bmp_with_a_palette_takes_more(bits, megabytes):
    one = np.array([bmp_claiming(1000, 1000, bits)], object)
    assert told(one, max_memory=megabytes * 10**6) == ""
    assert f"take {megabytes} MB decoded" in told(one, max_memory=megabytes * 10**6 - 1)


@pytest.mark.parametrize(("count", "sizes"), [(16, range(3, 13)), (2, (11, 12))])
def test_a_mask_is_made_on_each_processor_and_ten_at_most(count, sizes, monkeypatch):
    """24 bytes a pixel of the largest, 18 MB of ten, where all twelve take 2 MB decoded."""
    monkeypatch.setattr("zoo.serving.pictures.processors", lambda: count)
    pictures = np.array([png_claiming(100, 100 * n) for n in range(1, 13)], object)
    memory = 24 * 10_000 * sum(sizes)
    assert told(pictures, with_masks=True, max_memory=memory) == ""
    assert told(pictures, with_masks=True, max_memory=memory - 1) == (
        f"The request's pictures take {memory / 10**6:.0f} MB while their masks are made; this "
        f"server has {memory / 10**6 - 1e-6:,g} MB for them (--max-memory)"
    )
    assert told(pictures, max_memory=memory - 1) == ""


def test_a_model_that_answers_with_masks_takes_more(zoo_models):
    pictures = [png_claiming(1000, 1000)]
    with serving(zoo_models[0], max_memory=10_000_000) as server:
        for task, code in (("classification", 200), ("segmentation", 400)):
            answer = post(server, task, inputs={"image_bytes": list(map(b64, pictures))})
            assert answer.status_code == code
        assert "take 24 MB while their masks are made" in answer.json()["error"]
        with grpc.insecure_channel(server.grpc_url.removeprefix("grpc://")) as channel:
            request = request_of("segmentation", image_bytes=pictures)
            assert refusal(channel, request) == ("INVALID_ARGUMENT", answer.json()["error"])
            predict(channel, request_of("classification", image_bytes=pictures))


def test_a_large_picture_of_sixteen_bits_and_a_folder_of_photographs():
    assert "MB decoded" in told(np.array([png_claiming(13_000, 13_000, 16, 6)], object))
    assert told(np.array([png_claiming(13_000, 13_000)], object)) == ""
    assert told(np.array([png_claiming(4000, 3000)] * 32, object)) == ""


def test_a_string_repeated_is_as_large_as_often(tmp_path):
    """A picture of 10 KB, asked for a million times, in a message of 10 KB."""
    with pytest.raises(ServingError, match="takes more than 100 MB"):
        size_of(proto("string", [10**6], string_val=[bytes(10_000)]), 100 * 10**6)

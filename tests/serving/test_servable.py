"""A version as a server holds it: signatures of all kinds, and what becomes of it at the end."""

import asyncio
import gc
import shutil
import threading
import time
import weakref

import ml_dtypes
import numpy as np
import pytest
import tensorflow as tf
from fixture_models import mul6, save

from zoo.export.c_api import Session
from zoo.serving.limits import Limits, Pool
from zoo.serving.servable import Servable
from zoo.serving.status import Code, ServingError

v1 = tf.compat.v1
TYPES = (
    *(np.float16, np.float32, np.float64, ml_dtypes.bfloat16, np.complex64, np.complex128),
    *(np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64),
)


def write_graph(path, **outputs):
    """Saves y = x + 1 of TensorFlow 1 with signatures of given names of tensors."""
    with v1.Session(graph=tf.Graph()) as session:
        x = v1.placeholder(tf.float32, name="x")
        tf.add(x, 1.0, "y")
        info = v1.saved_model.build_tensor_info
        signatures = {}
        for signature, tensors in outputs.items():
            infos = {name: info(x) for name in tensors}
            for name, tensor in tensors.items():
                infos[name].name = tensor
            definition = v1.saved_model.build_signature_def({"x": info(x)}, infos, "predict")
            signatures[signature] = definition
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures)
        builder.save()
    return path


@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_tensors_come_back_as_they_are(dtype, tmp_path):
    same = (lambda x: {"y": x}, {"x": (tf.dtypes.as_dtype(dtype), None)})
    servable = Servable(save(tmp_path / "1", serving_default=same))
    for shape in ((), (1,), (2, 3), (0, 4)):
        given = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
        # A view whose rows are not one after another.
        for value in (given, given.T):
            found = servable.run("", {"x": value})["y"]
            assert (found.dtype, found.shape) == (value.dtype, value.shape)
            np.testing.assert_array_equal(found, value)


def test_a_signature_may_name_a_tensor_twice_and_one_that_is_not_there(tmp_path):
    path = write_graph(
        tmp_path / "1",
        serving_default={"one": "y:0", "two": "y:0"},
        missing={"one": "nosuch:0"},
        beyond={"one": "y:4"},
    )
    servable = Servable(path)
    given = {"x": np.float32([1, 2])}
    answer = servable.run("", given)
    assert {name: value.tolist() for name, value in answer.items()} == {
        "one": [2, 3],
        "two": [2, 3],
    }
    assert list(servable.run("", given, ["two"])) == ["two"]
    for signature, code, message in (
        ("missing", Code.INVALID_ARGUMENT, "the graph has no tensor 'nosuch:0', which the"),
        ("beyond", Code.OUT_OF_RANGE, "does not have output 4"),
    ):
        with pytest.raises(ServingError, match=message) as caught:
            servable.run(signature, given)
        assert caught.value.code == code
    assert servable.run("", given)["one"].tolist() == [2, 3]


def test_variables_without_their_files_are_not_loaded(tmp_path):
    # Of a graph without variables none are missed.
    shutil.rmtree(write_graph(tmp_path / "1", serving_default={"y": "y:0"}) / "variables", True)
    assert Servable(tmp_path / "1").run("", {"x": np.float32([1])})["y"].tolist() == [2]
    whole = mul6(tmp_path / "2")
    shutil.rmtree(whole / "variables")
    with pytest.raises(FileNotFoundError, match=r"variables\.index is not there"):
        Servable(whole)


def test_a_graph_s_own_local_variables_have_no_files(tmp_path):
    with v1.Session(graph=tf.Graph()) as session:
        x = v1.placeholder(tf.float32, name="x")
        one = v1.Variable(1.0, collections=["local_variables"], use_resource=False)
        y = tf.add(x, one, "y")
        builder = v1.saved_model.Builder(str(tmp_path / "1"))
        info = v1.saved_model.build_tensor_info
        signature = v1.saved_model.build_signature_def({"x": info(x)}, {"y": info(y)}, "predict")
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            signature_def_map={"serving_default": signature},
            main_op=v1.local_variables_initializer(),
        )
        builder.save()
    assert not (tmp_path / "1" / "variables" / "variables.index").exists()
    assert Servable(tmp_path / "1").run("", {"x": np.float32([1])})["y"].tolist() == [2]


async def wait_for(future):
    """As the server's ports do."""
    return await asyncio.wrap_future(future)


def test_a_request_that_failed_holds_nothing(tmp_path):
    servable = Servable(mul6(tmp_path / "1"))
    seen, pool = weakref.ref(servable), Pool(Limits())
    gc.disable()
    try:
        for wrong in ({"x": np.array([b"text"], object)}, {"y": np.float32([1])}):
            with pytest.raises(ServingError) as caught:
                asyncio.run(wait_for(pool.submit(servable.run, "", wrong)))
            assert caught.value.code == Code.INVALID_ARGUMENT
            assert caught.value.__cause__ is caught.value.__context__ is None
        del servable
        deadline = time.monotonic() + 60
        # The thread may still be about to leave its work.
        while seen() is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        gc.enable()
        pool.stop(20)


def test_its_memory_is_given_back_when_the_last_request_has_ended(tmp_path, monkeypatch):
    closed, began, may_end = [], threading.Event(), threading.Event()
    monkeypatch.setattr(Session, "close", lambda session: closed.append(session))
    run = Session.run

    def slowly(session, *given):
        began.set()
        assert may_end.wait(60)
        return run(session, *given)

    monkeypatch.setattr(Session, "run", slowly)
    servable, answers = Servable(mul6(tmp_path / "1")), []

    def ask(servable):
        answers.append(servable.run("", {"x": np.float32([2])})["y"].tolist())

    asking = threading.Thread(target=ask, args=[servable])
    asking.start()
    assert began.wait(60)
    # Without the collector: nothing refers to itself.
    gc.disable()
    try:
        del servable
        assert not closed
        may_end.set()
        asking.join(60)
        del asking
        assert answers == [[12]]
        assert len(closed) == 1
    finally:
        gc.enable()

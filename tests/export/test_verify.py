"""What verification must notice: each fault alone, in what was right a moment before."""

import copy
import io
import json
import shutil
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import prediction_log_pb2

import zoo
from zoo import tasks
from zoo.errors import CheckError
from zoo.export import replay, verify
from zoo.export.golden import golden_pictures
from zoo.export.replay import GOLDEN, WARMUP, answer_again, warmup_requests
from zoo.export.savedmodel import export
from zoo.inference import Predictor
from zoo.preprocess import Preprocessing, decode_image

# Between them they have all outputs that there are.
TASKS = ("localization", "segmentation")


def encoded(width, height, kind, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


@pytest.fixture(scope="module", params=TASKS)
def published(request, tmp_path_factory):
    """A published version, and what it answers in each runtime."""
    # Of other weights two classes may be as likely as each other, and a runtime's last bit decides.
    keras.utils.set_random_seed(0)
    model = zoo.build(
        request.param, encoder="plain", filters=(2, 4), classes=3, input_shape=(16, 24, 3)
    )
    names = ("cat", "dog", "none of them")
    predictor = Predictor(model, tasks.get(request.param), Preprocessing((16, 24), 3), names)
    pictures = [encoded(20, 30, "PNG"), encoded(31, 17, "JPEG")]
    said = {}

    def answer(version, runtime):
        said[runtime] = answer_again(version, runtime)
        return said[runtime]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "answer_in_fresh_process", answer)
        path = export(predictor, tmp_path_factory.mktemp("models") / "m", pictures).path
    return path, said


@pytest.fixture
def version(published, tmp_path, monkeypatch):
    """A copy to do harm to, whose model answers what it answered."""
    path, said = published
    shutil.copytree(path, tmp_path / "1")
    monkeypatch.setattr(
        verify, "answer_in_fresh_process", lambda version, runtime: copy.deepcopy(said[runtime])
    )
    return tmp_path / "1"


def change(path, function):
    data = json.loads(path.read_text())
    function(data)
    path.write_text(json.dumps(data))


def scores_of(answers, signature="serving_default"):
    outputs = answers[signature]
    return outputs["probabilities" if "probabilities" in outputs else "fraction"]


def test_every_signature_is_asked_in_every_batch_and_runtime(published, version):
    _, said = published
    # 2 of the data and 6 others, and one that is no picture; 3 of pixels.
    for answered in said.values():
        assert set(answered["answers"]) == {
            *(f"serving_default/{size}" for size in (1, 3, 9)),
            *(f"pixels/{size}" for size in (1, 3)),
        }
        assert answered["warmup"] == 4
        for key, outputs in answered["answers"].items():
            rows = 9 if key.startswith("serving") else 3
            assert {len(value) for value in outputs.values()} == {rows}
    seen = verify.compare(version)
    assert (seen.pictures, seen.warmup) == (9, 4)
    # A box is told in pixels, of which there are up to 60.
    assert seen.score < 1e-5
    assert seen.box < 1e-3
    assert seen.mask == 0


@pytest.mark.parametrize("signature", ["serving_default", "pixels"])
def test_a_score_that_differs(version, signature):
    def harm(answers):
        scores_of(answers, signature)[1][0] += 0.01

    change(version / GOLDEN / "answers.json", harm)
    # The second picture's mask is 31 x 17, of pixels 19 x 36; each counts as one of 2,010 pixels:
    # 0.01 * 527 / 2,010 and 0.01 * 684 / 2,010.
    share = {"serving_default": r"0\.00262", "pixels": r"0\.0034"}[signature]
    wanted = rf"{signature}/1 answers .*(score differs by 0\.01|mask differs by {share}),"
    with pytest.raises(CheckError, match=wanted) as said:
        verify.compare(version)
    # Shares of a mask are judged as its pixels are.
    allowed = "0.001" if "mask differs" in str(said.value) else "0.0001"
    assert str(said.value).endswith(f"allowed is {allowed}; it was not published")


def test_a_score_that_is_no_number_on_one_side(version):
    def harm(answers):
        scores_of(answers)[1][0] = float("nan")

    change(version / GOLDEN / "answers.json", harm)
    with pytest.raises(CheckError, match="in another shape"):
        verify.compare(version)


def test_class_names_that_differ(version):
    def harm(answers):
        answers["pixels"]["classes"][2][1] = "wolf"

    change(version / GOLDEN / "answers.json", harm)
    with pytest.raises(CheckError, match="has other classes"):
        verify.compare(version)


def test_an_output_that_is_missing(version):
    def harm(answers):
        answers["pixels"]["more"] = []

    change(version / GOLDEN / "answers.json", harm)
    with pytest.raises(CheckError, match=r"pixels/1 answers \[.*\], expected \[.*'more'"):
        verify.compare(version)


def test_a_box_or_a_mask_that_differs(version):
    def harm(answers):
        if "box" in answers["pixels"]:
            # The picture is 30 rows high and the input 16: 0.2 * 16 / 30 = 0.107.
            answers["serving_default"]["box"][0][2] += 0.2
        else:
            # One row of three, 19 x 36 pixels, that is all of another class: 684 / 2,010.
            mask = np.array(answers["pixels"]["mask"])
            mask[1] = (mask[1] + 1) % 3
            answers["pixels"]["mask"] = mask.tolist()

    change(version / GOLDEN / "answers.json", harm)
    with pytest.raises(CheckError, match=r"box differs by 0\.107|mask differs by 0\.34,"):
        verify.compare(version)


def test_a_label_that_differs(version):
    def harm(answers):
        (answers["serving_default"].get("label") or answers["pixels"]["error"])[0] = "wolf"

    change(version / GOLDEN / "answers.json", harm)
    with pytest.raises(CheckError, match=r"has other (label|error)"):
        verify.compare(version)


def run_of(outputs):
    return lambda signature, inputs: outputs(len(next(iter(inputs.values()))))


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        (
            lambda count: {"score": np.float32(1)},
            r"answers score in the shape \[\] to a batch of 1",
        ),
        (lambda count: {"score": np.zeros(count + 1)}, r"the shape \[2\] to a batch of 1"),
        # Right but for nothing at all.
        (lambda count: {"score": np.zeros(max(count, 1))}, r"the shape \[1\] to a batch of 0"),
    ],
)
def test_outputs_without_the_batch(published, monkeypatch, outputs, reason):
    monkeypatch.setitem(replay.RUNTIMES, "c_api", lambda version: run_of(outputs))
    with pytest.raises(CheckError, match=reason):
        answer_again(published[0], "c_api")


@pytest.mark.parametrize("runtime", list(replay.RUNTIMES))
@pytest.mark.parametrize("published", ["localization"], indirect=True)
def test_a_model_that_should_have_failed(published, tmp_path, runtime):
    version = tmp_path / "1"
    shutil.copytree(published[0], version)
    change(version / "model_card.json", lambda card: card.update(on_error="fail"))
    with pytest.raises(CheckError, match="exported to fail on what is no picture, and answers"):
        answer_again(version, runtime)


def records(version):
    dataset = tf.data.TFRecordDataset(str(version / WARMUP))
    return [prediction_log_pb2.PredictionLog.FromString(one.numpy()) for one in dataset]


def test_warm_up_records_are_requests_as_the_server_reads_them(published):
    """Read by TensorFlow's own reader and the server's own messages."""
    path, _ = published
    found = records(path)
    ours = list(warmup_requests(path / WARMUP))
    assert [signature for signature, _ in ours] == [*["serving_default"] * 2, *["pixels"] * 2]
    for record, (signature, inputs) in zip(found, ours, strict=True):
        assert record.WhichOneof("log_type") == "predict_log"
        request = record.predict_log.request
        assert request.model_spec.signature_name == signature
        assert set(request.inputs) == set(inputs)
        for key, value in inputs.items():
            np.testing.assert_array_equal(tf.make_ndarray(request.inputs[key]), value)
            assert len(value) in (1, 3)


def harmed_key(log):
    request = log.predict_log.request
    request.inputs["picture"].CopyFrom(request.inputs.pop("image_bytes"))


def harmed_dtype(log):
    log.predict_log.request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([[1.0, 2.0]]))


def harmed_signature(log):
    log.predict_log.request.model_spec.signature_name = "classify"


@pytest.mark.parametrize("harm", [harmed_key, harmed_dtype, harmed_signature])
@pytest.mark.parametrize("runtime", list(replay.RUNTIMES))
@pytest.mark.parametrize("published", ["localization"], indirect=True)
def test_a_warm_up_record_that_would_keep_the_model_from_loading(
    published, tmp_path, runtime, harm
):
    version = tmp_path / "1"
    (version / WARMUP).parent.mkdir(parents=True)
    log = records(published[0])[0]
    harm(log)
    with tf.io.TFRecordWriter(str(version / WARMUP)) as writer:
        writer.write(log.SerializeToString())
    run = replay.RUNTIMES[runtime](published[0])
    with pytest.raises(CheckError, match=r"warm-up record 1, for .*, fails"):
        replay.warm_up(run, version)


def test_warm_up_records_that_are_cut_short_or_something_else(published, tmp_path):
    path = tmp_path / "records"
    path.write_bytes((published[0] / WARMUP).read_bytes()[:-5])
    with pytest.raises(CheckError, match="is cut short"):
        list(warmup_requests(path))
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(prediction_log_pb2.PredictionLog().SerializeToString())
    with pytest.raises(CheckError, match="no request to predict"):
        list(warmup_requests(path))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("large", [False, True])
def test_golden_pictures_are_of_all_kinds_and_can_be_read(channels, large):
    real = [encoded(900, 30, "PNG")] if large else []
    found = golden_pictures(real, Preprocessing((32, 32), channels))[len(real) :]
    opened = [Image.open(io.BytesIO(data)) for data in found]
    assert [picture.format for picture in opened] == [*("PNG", "JPEG", "BMP", "GIF", "WEBP", "PNG")]
    assert len({picture.size for picture in opened}) == len(opened)
    assert max(max(picture.size) for picture in opened) <= 260
    upright = [decode_image(data, channels).shape for data in found]
    assert all(shape[2] == channels for shape in upright)
    # Height and width change places in the one that lies on its side.
    assert tuple(upright[1][:2]) == opened[1].size
    assert tuple(upright[0][:2]) == opened[0].size[::-1]


def test_a_process_that_never_answers(tmp_path, monkeypatch):
    def run(command, timeout, **options):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(CheckError, match="does not answer in a fresh process within 1800 s"):
        verify.answer_in_fresh_process(tmp_path, "tensorflow")

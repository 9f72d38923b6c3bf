"""The SavedModels that the contract's cases speak of, made from their formulas."""

from pathlib import Path

import tensorflow as tf

v1 = tf.compat.v1
NUMBERS = ["float32", "float64", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"]
NUMBERS.append("bool")
_METHODS = {name: f"tensorflow/serving/{name}" for name in ("predict", "regress", "classify")}


def half_plus(path: Path, b: float = 2.0, c: float = 3.0) -> Path:
    """y = 0.5 x + b, with its signatures for examples: a graph of TensorFlow 1."""
    with v1.Session(graph=tf.Graph()) as session:
        a = v1.Variable(0.5, name="a")
        examples = v1.placeholder(tf.string, name="tf_example")
        features = tf.io.parse_example(
            tf.reshape(examples, [-1]),
            {
                "x": tf.io.FixedLenFeature([1], tf.float32),
                "x2": tf.io.FixedLenFeature([1], tf.float32, [0.0]),
            },
        )
        x = tf.identity(features["x"], "x")
        x2 = tf.identity(features["x2"], "x2")
        y = tf.add(a * x, b, "y")
        y2 = tf.add(a * x, c, "y2")
        y3 = tf.add(a * x2, c, "y3")
        signatures = {
            "serving_default": _signature("predict", x=x, y=y),
            "regress_x_to_y": _signature("regress", inputs=examples, outputs=y),
            "regress_x_to_y2": _signature("regress", inputs=examples, outputs=y2),
            "regress_x2_to_y3": _signature("regress", inputs=x2, outputs=y3),
            "classify_x_to_y": _signature("classify", inputs=examples, scores=y),
            "classify_x2_to_y3": _signature("classify", inputs=x2, scores=y3),
        }
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures)
        builder.save()
    return path


def _signature(method, **tensors):
    (given, first), (answered, second) = tensors.items()
    info = v1.saved_model.build_tensor_info
    return v1.saved_model.build_signature_def(
        {given: info(first)}, {answered: info(second)}, _METHODS[method]
    )


class Module(tf.Module):
    """Whatever functions it is given, saved as signatures."""

    def __init__(self, **functions):
        super().__init__()
        self.factor = tf.Variable(3.0)
        self.functions = functions


def save(path: Path, **functions) -> Path:
    """Saves functions of named tensor specs: ``name=(function, {input: (dtype, shape)})``."""
    module = Module()
    signatures = {}
    for name, (function, inputs) in functions.items():
        specs = {key: tf.TensorSpec(shape, dtype, key) for key, (dtype, shape) in inputs.items()}
        traced = tf.function(function).get_concrete_function(**specs)
        setattr(module, f"function_{name}", traced)
        signatures[name] = traced
    tf.saved_model.save(module, str(path), signatures=signatures)
    return path


def mul6(path: Path) -> Path:
    return save(path, serving_default=(lambda x: {"y": 3.0 * 2.0 * x}, {"x": (tf.float32, None)}))


def two_sigs(path: Path) -> Path:
    inputs = {"x": (tf.float32, None)}

    def constant(value):
        return lambda x: {"y": tf.constant(value) + 0.0 * tf.reduce_sum(x)}

    return save(
        path,
        serving_default=(constant(1.0), inputs),
        custom_signature_key=(constant(2.0), inputs),
    )


def keras_identity(path: Path) -> Path:
    import keras

    model = keras.Sequential([keras.Input((1,), name="x"), keras.layers.Identity(name="y")])
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint(
        "serve",
        lambda x: {"y": model(x)},
        input_signature=[tf.TensorSpec([None, 1], tf.float32, "x")],
    )
    archive.write_out(str(path), verbose=False)
    return path


def counter(path: Path) -> Path:
    inputs = {"delta": (tf.float32, [])}
    return save(
        path,
        get_counter=(lambda: {"output": tf.constant(0.0)}, {}),
        incr_counter_by=(lambda delta: {"output": delta + 0.0}, inputs),
    )


def types(path: Path) -> Path:
    """Gives back a tensor of every type, a string, bytes and a scalar."""

    def echo(**tensors):
        return {f"{name}_out": tf.identity(value) for name, value in tensors.items()}

    names = [
        "float32",
        "float64",
        "int8",
        "uint8",
        "int16",
        "int32",
        "uint32",
        "int64",
        "uint64",
        "bool",
    ]
    inputs = {name: (tf.as_dtype(name), [None]) for name in names}
    return save(
        path,
        serving_default=(echo, inputs),
        string=(
            lambda text: {"text": tf.identity(text), "text_bytes": tf.identity(text)},
            {"text": (tf.string, [None])},
        ),
        half=(lambda x: {"y": tf.cast(x, tf.float16)}, {"x": (tf.float32, [None])}),
        from_half=(lambda x: {"y": tf.cast(x, tf.float32)}, {"x": (tf.float16, [None])}),
        scalar=(lambda x: {"y": tf.reduce_sum(x)}, {"x": (tf.float32, None)}),
        uneven=(lambda x: {"a": x, "b": x[:1]}, {"x": (tf.float32, [None])}),
        ranks=(lambda x: {"y": tf.linalg.matmul(x, x)}, {"x": (tf.float32, None)}),
        text_scalar=(lambda text: {"y_bytes": text}, {"text": (tf.string, None)}),
    )


def slow(path: Path) -> Path:
    """Takes x steps of about a millisecond each."""

    def steps(x):
        matrix = tf.ones([160, 160])
        count = tf.cast(tf.reduce_max(x), tf.int32)
        done = tf.while_loop(
            lambda i, m: i < count,
            lambda i, m: (i + 1, tf.linalg.matmul(m, m) / 160.0),
            (0, matrix),
        )
        return {"y": x + 0.0 * done[1][0, 0]}

    return save(path, serving_default=(steps, {"x": (tf.float32, [None])}))

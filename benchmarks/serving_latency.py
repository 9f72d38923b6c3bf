"""How long the served graph takes to answer, against other runtimes with the same network.

    python benchmarks/serving_latency.py [--peers PYTHON] [--pictures FOLDER] [--rounds 7]

PYTHON is an interpreter with torch, opencv-python-headless and onnx, which are none of the
project's dependencies; OpenVINO, ONNX Runtime and LiteRT (openvino, onnxruntime, ai-edge-litert)
are taken from this one. A classifier and a U-Net answer for pixels (float32 [n, 128, 128, 3] in;
probabilities, or the class of each pixel, out) and for bytes (JPEGs in; probabilities, or masks of
the pictures' own sizes as PNG, out). Around the other runtimes stand OpenCV's calls; the served
graph looks for EXIF, checks sizes and marks bad pictures besides. Each way has a process of its own
and all are asked in turn; what counts are ratios of medians. The served graph is run through
TensorFlow's C API, without Python TensorFlow, which is what TensorFlow Serving runs.

Times are of the wall; those of the processor, all cores, are told too: on a machine with other
work they are what can be compared.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

# Way, precision, and the file of another library that it needs.
WAYS = {
    "served, C API, float32": ("c_api", "float32", None),
    "served, C API, bfloat16": ("c_api", "bfloat16", None),
    "served, Python, float32": ("python", "float32", None),
    "OpenVINO float32": ("openvino", "float32", "openvino"),
    "OpenVINO bfloat16": ("openvino", "bfloat16", "openvino"),
    "ONNX Runtime": ("onnxruntime", "float32", "onnx"),
    "LiteRT": ("litert", "float32", "litert"),
    "Keras predict_on_batch": ("keras", "float32", None),
    "PyTorch": ("torch", "float32", None),
}
BASE = "OpenVINO float32"
ASKED = {
    "served, C API, float32": {1: 1.35, 8: 1.1},
    "served, C API, bfloat16": {1: 0.95, 8: 0.65},
}
CLOSE = 1e-5
_HERE = Path(__file__).parent


class Way:
    """One way to answer, in a process of its own, asked line by line."""

    def __init__(self, interpreter: str, task: dict[str, Any]):
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        script = str(_HERE / "serving_latency_answer.py")
        self._process = subprocess.Popen([interpreter, script], **pipes)
        self.said = self.ask(task)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Asks and waits for the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self._process.args} ended")
        return json.loads(line)

    def end(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def distance(answer: np.ndarray, expected: np.ndarray) -> float:
    """Returns how far an answer is from Keras' probabilities.

    Of classes alone it is by how much the likeliest one was missed.
    """
    if answer.shape == expected.shape:
        return float(np.abs(answer - expected).max())
    given = np.take_along_axis(expected, answer[..., np.newaxis].astype(int), -1)[..., 0]
    return float((expected.max(-1) - given).max())


def measure(task: str, options: argparse.Namespace) -> None:
    """Measures one network and prints a table for each size of a batch."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = [sys.executable, str(_HERE / "serving_latency_models.py"), task, name]
        script += [options.pictures] if options.pictures else []
        built = subprocess.run(script, stdout=subprocess.PIPE, check=True, text=True)
        made = json.loads(built.stdout)
        print(f"{task}, {made['parameters']:,} parameters")
        if "onnx" in made["missing"] and options.peers:
            subprocess.run([options.peers, str(_HERE / "serving_latency_answer.py"), name])
            if (folder / "model.onnx").is_file():
                made["missing"].pop("onnx")
        expected = np.load(folder / "keras.npy")
        running: dict[str, Way] = {}
        for way, (kind, precision, form) in WAYS.items():
            interpreter = options.peers if kind == "torch" else sys.executable
            if not interpreter or form in made["missing"]:
                print(f"  {way} is left out: {made['missing'].get(form, 'give --peers')}")
                continue
            answer = folder / f"{len(running)}.npy"
            asked = {"way": kind, "precision": precision, "task": task, "folder": name}
            running[way] = Way(interpreter, asked | {"answer": str(answer)})
            off = distance(np.load(answer), expected)
            print(f"  {way}: {off:.1e} from Keras")
            if precision == "float32" and not off <= CLOSE:
                raise SystemExit(f"{way} answers otherwise than Keras: {off:.1e}")
            if kind == "c_api" and running[way].said["tensorflow"]:
                raise SystemExit(f"{way} has imported TensorFlow")
        for given in ("pixels", "bytes"):
            for batch in (1, 8):
                compare(running, given, batch, options)
        for one in running.values():
            one.end()


def compare(running: dict[str, Way], given: str, batch: int, options: Any) -> None:
    """Lets all answer in turn and prints medians and ratios."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in running}
    for number in range(options.rounds + 1):
        for way, process in running.items():
            asked = {"given": given, "batch": batch, "seconds": options.seconds}
            said = process.ask(asked)
            # The first round is everyone's warm-up.
            if number:
                found[way].append(said)
    medians = {
        way: {key: float(np.median([said[key] for said in row])) for key in row[0]}
        for way, row in found.items()
    }
    print(f"  {given}, batch {batch}")
    for way, median in medians.items():
        ratios = {key: value / medians[BASE][key] for key, value in median.items()}
        asked = ASKED.get(way, {}).get(batch)
        told = f", {asked} asked: {'met' if ratios['wall'] <= asked else 'missed'}" if asked else ""
        print(
            f"    {way:24} {median['wall'] * 1e3:8.2f} ms, {ratios['wall']:5.2f} of OpenVINO's; "
            f"processor {median['processor'] * 1e3:8.2f} ms, {ratios['processor']:5.2f}{told}",
            flush=True,
        )


def main() -> None:
    """Measures both networks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", help="Python with torch")
    parser.add_argument("--pictures", help="folder with JPEGs, instead of made ones")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    parser.add_argument("--only", default="", help="part of the name of the task to measure")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_HERE.parent), str(_HERE)])
    for task in ("classification", "segmentation"):
        if options.only in task:
            measure(task, options)


if __name__ == "__main__":
    main()

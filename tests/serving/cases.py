"""The contract's conformance cases, what arrays they spell, and which are for this server."""

import base64
import json
import math
import os
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

_ROOTS = [os.environ.get("ZOO_DATA"), Path(__file__).parents[3] / "shared" / "data"]
_PATHS = [Path(root).parent / "serving" / "conformance_cases.jsonl" for root in _ROOTS if root]
CASES_FILE = next((path for path in _PATHS if path.is_file()), None)

needs_cases = pytest.mark.skipif(
    CASES_FILE is None, reason="neither $ZOO_DATA/../serving nor ../shared/serving has the cases"
)

LABELS = "labels belong to TensorFlow Serving"
CLASSIFY = "classify, regress and multi-inference are not offered"
POLICY = "of the policies only latest is offered"
PROMETHEUS = "Prometheus is not offered"
CONFIG = "there is no config file to reload"

_BARE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

_SUITES = {
    "labels_reload": CONFIG,
    "prometheus": PROMETHEUS,
    "rest_classify_regress_decode": CLASSIFY,
    "rest_classify_regress_encode": CLASSIFY,
}


def reason_against(case) -> str:
    """Returns why a case is not for this server, or ``""``."""
    suite, request = case["suite"], case.get("request", {})
    if suite in _SUITES:
        return _SUITES[suite]
    if suite == "rest_e2e":
        if "/monitoring/" in request["path"]:
            return PROMETHEUS
        if request["path"].endswith((":classify", ":regress")):
            return CLASSIFY
    if suite == "grpc_e2e" and case["rpc"].rpartition("/")[2] not in (
        "Predict",
        "GetModelMetadata",
        "GetModelStatus",
    ):
        return CLASSIFY
    if suite == "fs_version_policy" and set(case.get("policy") or {"latest"}) - {"latest"}:
        return POLICY
    return ""


def all_cases() -> list[dict]:
    if CASES_FILE is None:
        return []
    lines = CASES_FILE.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def cases(suite: str):
    """Parametrises a test over a suite's cases that are for this server."""
    chosen = [case for case in all_cases() if case["suite"] == suite and not reason_against(case)]
    return pytest.mark.parametrize(
        "case", chosen, ids=[case["name"].partition("/")[2] for case in chosen]
    )


def bytes_of(spelled):
    return base64.b64decode(spelled["b64"]) if isinstance(spelled, dict) else spelled.encode()


def array_of(spec):
    values, dtype = spec["values"], spec["dtype"]
    if dtype == "string":
        array = np.empty(len(values), object)
        array[:] = [bytes_of(value) for value in values]
        return array.reshape(spec["shape"])
    if dtype == "bfloat16":
        dtype = ml_dtypes.bfloat16
    return np.array([_BARE.get(v, v) for v in values], dtype).reshape(spec["shape"])

"""Requests made from a description of the API: such as fit it, and such as do not."""

from collections import Counter
from pathlib import Path

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks

DESCRIBED = yaml.safe_load(Path(__file__).with_name("openapi.yaml").read_text("utf-8"))
# A configuration of its own: else one that lies in a folder above would count.
SCHEMA = schemathesis.openapi.from_dict(DESCRIBED, config=SchemathesisConfig())
OPERATIONS = [
    (path, method.upper())
    for path, methods in DESCRIBED["paths"].items()
    for method in methods
    if method != "parameters"
]
# The server itself gives up after 30, and says so with a status that the description has not.
SECONDS = 60


@pytest.fixture(scope="module")
def session():
    with requests.Session() as opened:
        yield opened


def statuses(server, session, strategy, count):
    """Sends requests, compares each response with the description, and counts the statuses."""
    seen = Counter()

    @settings(
        deadline=None,
        derandomize=True,
        max_examples=count,
        # How quickly requests are made says more of the machine.
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(strategy)
    def each(case):
        response = case.call(base_url=server.rest_url, session=session, timeout=SECONDS)
        seen[response.status_code] += 1
        case.validate_response(
            response,
            checks=[
                checks.status_code_conformance,
                checks.content_type_conformance,
                checks.response_schema_conformance,
            ],
        )

    each()
    return seen


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_a_request_that_fits_is_answered(warm_server, session, path, method):
    count = 40 if path.endswith(":predict") else 5
    strategy = SCHEMA[path][method].as_strategy(schemathesis.GenerationMode.POSITIVE)
    seen = statuses(warm_server, session, strategy, count)
    assert seen.keys() == {501 if path.endswith((":classify", ":regress")) else 200}


@pytest.mark.parametrize(
    ("path", "method"), [(path, method) for path, method in OPERATIONS if "{model}" in path]
)
def test_a_request_that_does_not_fit_is_refused(warm_server, session, path, method):
    strategy = SCHEMA[path][method].as_strategy(schemathesis.GenerationMode.NEGATIVE)
    seen = statuses(warm_server, session, strategy, 25)
    if not path.endswith((":classify", ":regress")):
        assert seen.keys() <= {200, 400, 404}
        assert seen[400] + seen[404] > seen[200]


def test_a_body_that_does_not_fit_is_refused(warm_server, session):
    """Where nothing is wrong with the path, so that it is the body that is looked at."""
    operation = SCHEMA["/v1/models/{model}:predict"]["POST"]
    strategy = operation.as_strategy(
        schemathesis.GenerationMode.NEGATIVE, path_parameters={"model": "segmentation"}
    )
    seen = statuses(warm_server, session, strategy, 100)
    assert seen.keys() <= {200, 400}
    assert seen[400] > seen[200]

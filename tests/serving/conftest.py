"""Models that the contract's cases speak of and tiny ones, servers of them, and a browser."""

import time

import httpx
import pytest
from fixture_models import counter, half_plus, keras_identity, mul6, two_sigs, types
from pretended_models import Loader

from zoo.serving.server import Server


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """The folder of the models of fixtures.json, by the names that the cases use."""
    root = tmp_path_factory.mktemp("models")
    half_plus(root / "hp2" / "123")
    half_plus(root / "hp3" / "123", b=3.0)
    mul6(root / "mul6" / "123")
    two_sigs(root / "two_sigs" / "123")
    keras_identity(root / "keras_identity" / "123")
    keras_identity(root / "keras" / "123")
    counter(root / "counter" / "123")
    types(root / "types" / "1")
    return root


@pytest.fixture(scope="session")
def server(models):
    with Server(models, rest_port=0, grpc_port=0) as running:
        yield running


@pytest.fixture(scope="session")
def http(server):
    with httpx.Client(base_url=server.rest_url, timeout=60) as client:
        yield client


@pytest.fixture
def loader():
    return Loader()


@pytest.fixture(scope="session")
def zoo_models(tmp_path_factory):
    """A folder with a tiny model for each task, and by task who answers as it does."""
    from zoo_models import publish

    root = tmp_path_factory.mktemp("zoo_models")
    return root, publish(root)


@pytest.fixture(scope="session")
def zoo_server(zoo_models):
    with Server(zoo_models[0], rest_port=0, grpc_port=0) as running:
        yield running


@pytest.fixture(scope="session")
def warm_server(zoo_server):
    """The same once every signature has answered: only first calls may take long."""
    requests = [
        {"inputs": {"image_bytes": [""]}},
        {"signature_name": "pixels", "inputs": {"image": [[[[0, 0, 0]]]]}},
    ]
    with httpx.Client(base_url=zoo_server.rest_url, timeout=60) as client:
        for task in ("classification", "localization", "segmentation"):
            for request in requests:
                wait_for_answer(client, f"/v1/models/{task}:predict", request)
    return zoo_server


def wait_for_answer(client, path, request):
    deadline = time.monotonic() + 300
    while (answer := client.post(path, json=request)).status_code != 200:
        assert answer.status_code == 504, answer.text
        assert time.monotonic() < deadline


@pytest.fixture(scope="module")
def browser():
    from page_steps import CHROMIUM
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--use-fake-device-for-media-stream"]
    arguments.append("--use-fake-ui-for-media-stream")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=arguments, timeout=120_000
        )
        yield opened
        opened.close()


@pytest.fixture
def page(browser, zoo_server):
    context = browser.new_context(permissions=["camera", "clipboard-read", "clipboard-write"])
    opened = context.new_page()
    opened.set_default_timeout(120_000)
    faults = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    # A refusal is also logged; only what the page itself does wrong counts.
    opened.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security" in said.text else None,
    )
    opened.on(
        "request",
        lambda asked: (
            faults.append(asked.url)
            if not asked.url.startswith((zoo_server.rest_url, "data:", "blob:"))
            else None
        ),
    )
    opened.goto(zoo_server.rest_url)
    yield opened
    assert not faults
    context.close()

"""The command zoo serve: what it says, its exit codes, and its end."""

import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait

import httpx
import pytest
from click.testing import CliRunner
from fixture_models import half_plus, slow

from zoo.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    slow(root / "slow" / "1")
    half_plus(root / "bad name" / "3")
    return root


def start(folder, *options):
    command = [sys.executable, "-c", "from zoo.cli import main; main()", "serve", str(folder)]
    return subprocess.Popen(
        [*command, "--rest-port", "0", "--grpc-port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def greeting(process):
    """Returns what it says until it is ready, and where REST is."""
    said = []
    while not said or "tensorflow/serving" not in said[-1]:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        said.append(line)
    text = "".join(said)
    return text, re.search(r"page +(http://127\.0\.0\.1:\d+)/", text)[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "last"),
    [(signal.SIGTERM, 0, "stopped\n"), (signal.SIGINT, 130, "interrupted\n")],
)
def test_it_ends_when_it_has_answered(folder, number, code, last):
    process = start(folder, "--threads", "1", "--queue", "1", "--timeout", "300")
    try:
        text, url = greeting(process)
        assert "production belongs to\nTensorFlow Serving" in text
        assert f"-v '{folder}/bad name:/models/bad name'" in text

        def ask(steps):
            body = f'{{"instances": [{steps}]}}'
            return httpx.post(f"{url}/v1/models/slow:predict", content=body, timeout=300)

        ask(1)
        started = time.perf_counter()
        ask(1000)
        second = 1000 / (time.perf_counter() - started)
        with ThreadPoolExecutor() as pool:
            for tries in range(1, 6):
                under_way = [pool.submit(ask, round(4 * second)) for _ in range(2)]
                time.sleep(tries)
                # One is answered and one waits if there is no place for a third.
                if ask(1).status_code == 429:
                    break
                wait(under_way)
            process.send_signal(number)
            assert [future.result().status_code for future in under_way] == [200, 200]
        assert process.wait(120) == code
        assert process.stderr.read().endswith(last)
        with pytest.raises(httpx.ConnectError):
            ask(1)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
def test_asked_twice_it_ends_at_once(folder):
    process = start(folder)
    try:
        _, url = greeting(process)
        with ThreadPoolExecutor() as pool:
            body = '{"instances": [1000000]}'
            asked = pool.submit(httpx.post, f"{url}/v1/models/slow:predict", content=body)
            time.sleep(1)
            # Two that come at once may count as one.
            deadline = time.monotonic() + 60
            while process.poll() is None:
                assert time.monotonic() < deadline
                process.send_signal(signal.SIGINT)
                time.sleep(0.5)
            assert process.returncode == 130
            assert isinstance(asked.exception(), httpx.HTTPError)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "last"),
    [(signal.SIGTERM, 0, "stopped\n"), (signal.SIGINT, 130, "interrupted\n")],
)
def test_it_does_not_wait_for_work_that_nobody_waits_for(folder, number, code, last):
    """Half an hour of it, whose request has had its 504."""
    process = start(folder, "--timeout", "5")
    try:
        _, url = greeting(process)
        body = '{"instances": [2000000]}'
        answer = httpx.post(f"{url}/v1/models/slow:predict", content=body, timeout=60)
        assert answer.status_code == 504
        process.send_signal(number)
        assert process.wait(30) == code
        assert process.stderr.read().endswith(last)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none"], "none is no folder; `zoo export` publishes models into savedmodels/"),
        ([".", "--host", "0.0.0.0"], "give a --token, or $ZOO_TOKEN"),
        (["model/1"], "is one version of a model; name the folder above it"),
        ([".", "--rest-port", "70000"], "not in the range"),
        ([".", "--timeout", "inf"], "'--timeout': inf is not in the range 0<x<=86400."),
        ([".", "--timeout", "nan"], "'--timeout': nan is not a number"),
        ([".", "--max-body", "inf"], "'--max-body': inf is not in the range 0<x<=2000."),
        ([".", "--max-body", "2147.5"], "'--max-body': 2147.5 is not in the range"),
        ([".", "--max-pixels", "nan"], "'--max-pixels': nan is not a number"),
        ([".", "--max-pixels", "inf"], "'--max-pixels': inf is not in the range"),
        ([".", "--max-pixels", "1e308"], "'--max-pixels': 1e+308 is not in the range"),
        ([".", "--max-memory", "nan"], "'--max-memory': nan is not a number"),
    ],
)
def test_mistakes(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZOO_TOKEN", raising=False)
    (tmp_path / "model" / "1").mkdir(parents=True)
    (tmp_path / "model" / "1" / "saved_model.pb").touch()
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 2
    assert message in result.output


def test_the_help_says_what_it_is_for():
    text = CliRunner().invoke(main, ["serve", "--help"]).output
    assert "production belongs to TensorFlow Serving" in " ".join(text.split())

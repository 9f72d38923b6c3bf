"""A load on ``zoo serve``: good and bad requests together, for minutes.

    python benchmarks/serve_load.py --seconds 300 [--models savedmodels] [--reload 10]

Starts the server in a process of its own over a model of half a plus two and, with
``--models savedmodels``, over copies of yours as well; sends from 32 connections, and as many
calls of gRPC beside them as ``--calls`` says. With ``--reload`` one model after another gets a
next version every so many seconds, and the one before is taken away a little later, as the server
lets go of it.
Prints how many requests ended with which status, the times of the good ones, and the server's
memory at the start (after a tenth of the time, when everything has been used once) and at the
end. Exits with 1 if a status was not the one to expect, a request hung, or memory grew by more
than 5 %. Times hold for a machine on which nothing else runs.
"""

import argparse
import asyncio
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import grpc
import httpx
import numpy as np
import psutil
from serve_load_requests import SERVICE, STALLED, calls_of, requests_of

from zoo.versions import versions

OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]
GROWTH = 0.05


def half_plus_two(path: Path) -> None:
    import tensorflow as tf

    module = tf.Module()
    module.a = tf.Variable(0.5)
    function = tf.function(
        lambda x: {"y": module.a * x + 2.0},
        input_signature=[tf.TensorSpec([None], tf.float32, "x")],
    )
    tf.saved_model.save(module, str(path), signatures=function)


async def call(
    channel: grpc.aio.Channel, message: bytes, method: str
) -> grpc.aio.AioRpcError | None:
    """Makes a call; returns why it was refused."""
    try:
        if message is not STALLED:
            await channel.unary_unary(f"{SERVICE}/{method}")(message, timeout=60)
            return None
        stalled = channel.stream_unary(f"{SERVICE}/{method}")(timeout=1)
        await stalled
    except grpc.aio.AioRpcError as error:
        return error
    return None


async def publish(models: list[Path], every: float) -> None:
    """Gives one model after another its next version, for ever."""
    aside = models[0].parent.parent / "aside"
    before: list[Path] = []
    for path in itertools.cycle(models):
        await asyncio.sleep(every)
        newest = versions(path)[-1]
        await asyncio.to_thread(shutil.copytree, newest, aside)
        aside.rename(path / str(int(newest.name) + 1))
        # The one that the same model had before it is at its end by now.
        before.append(newest)
        if len(before) > len(models):
            await asyncio.to_thread(shutil.rmtree, before.pop(0))


async def load(
    url: str,
    address: str,
    models: list[str],
    seconds: float,
    concurrency: int,
    calls: int,
    half,
    publishing,
):
    statuses: dict[str, Counter] = defaultdict(Counter)
    times: dict[str, list[float]] = defaultdict(list)
    wrong: list[str] = []
    kinds, grpc_kinds = requests_of(models), calls_of(models)
    ends = 0.0

    async def client(number: int) -> None:
        choose = random.Random(number)
        async with httpx.AsyncClient(base_url=url, timeout=60) as http:
            while time.monotonic() < ends:
                name, expected, how = choose.choice(kinds)
                started = time.perf_counter()
                try:
                    response = await http.request(
                        how.get("method", "POST"),
                        **{key: value for key, value in how.items() if key != "method"},
                    )
                    status = response.status_code
                    if status >= 400 and name != "page" and not response.json().get("error"):
                        wrong.append(f"{name}: {status} without a sentence")
                except httpx.TimeoutException:
                    status = "timeout"
                except httpx.HTTPError as error:
                    # Refused while it was still being sent: the connection ends.
                    status = 413 if name == "too long" else repr(error)
                statuses[name][status] += 1
                if status == 200:
                    times[name].append(time.perf_counter() - started)
                if status not in expected:
                    wrong.append(f"{name}: {status}")

    async def caller(number: int) -> None:
        choose = random.Random(-number)
        async with grpc.aio.insecure_channel(address, OWN_CONNECTION) as channel:
            while time.monotonic() < ends:
                name, expected, message, method = choose.choice(grpc_kinds)
                started = time.perf_counter()
                error = await call(channel, message, method)
                status = error.code().name if error else "OK"
                statuses[name][status] += 1
                if not error:
                    times[name].append(time.perf_counter() - started)
                elif not error.details():
                    wrong.append(f"{name}: {status} without a sentence")
                if status != expected:
                    wrong.append(f"{name}: {status}")

    async def look() -> None:
        await asyncio.sleep(seconds * 0.1)
        half()

    # The first request of a signature has its graph prepared, which is no matter of load.
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        for _, expected, how in kinds:
            if expected == {200} and "content" in how:
                sent = {key: value for key, value in how.items() if key != "method"}
                await http.request(how.get("method", "POST"), **sent)
    ends = time.monotonic() + seconds
    published = asyncio.create_task(publishing)
    clients = [client(number) for number in range(concurrency)]
    await asyncio.gather(look(), *clients, *map(caller, range(calls)))
    if published.done():
        published.result()
    published.cancel()
    return statuses, times, wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--calls", type=int, default=8, help="of gRPC at a time")
    parser.add_argument("--models", type=Path, help="savedmodels, to ask about pictures as well")
    parser.add_argument("--reload", type=float, default=0.0, help="seconds between new versions")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "models"
        half_plus_two(root / "half_plus_two" / "1")
        for path in sorted(arguments.models.iterdir()) if arguments.models else []:
            if found := versions(path):
                shutil.copytree(found[-1], root / path.name / found[-1].name)
        command = [sys.executable, "-c", "from zoo.cli import main; main()", "serve", str(root)]
        process = subprocess.Popen(
            [*command, "--rest-port", "0", "--grpc-port", "0", "--max-body", "2"],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        try:
            failed = run(process, root, arguments)
        finally:
            process.terminate()
            code = process.wait(60)
    print(f"the server ended with {code}")
    sys.exit(1 if failed or code else 0)


def run(process, root: Path, arguments: argparse.Namespace) -> bool:
    url = address = ""
    for line in process.stdout:
        if line.startswith("gRPC"):
            address = line.split()[1]
        if match := re.search(r"page +(http://\S+)/", line):
            url = match[1]
        if "tensorflow/serving" in line:
            break
    memory = psutil.Process(process.pid)
    marks: list[int] = []

    def mark() -> None:
        marks.append(memory.memory_info().rss)

    seconds = arguments.seconds
    paths = sorted(root.iterdir())
    publishing = publish(paths, arguments.reload or 10 * seconds)
    models = [path.name for path in paths if path.name != "half_plus_two"]
    sent = load(
        url, address, models, seconds, arguments.concurrency, arguments.calls, mark, publishing
    )
    statuses, times, wrong = asyncio.run(sent)
    mark()
    newest = {path.name: versions(path)[-1].name for path in paths}
    print(f"versions at the end: {newest}")
    print(f"{'request':28} {'answers':40} {'p50 ms':>8} {'p99 ms':>8}")
    for name, counted in statuses.items():
        said = ", ".join(
            f"{status}: {count:,}" for status, count in sorted(counted.items(), key=str)
        )
        took = ["", ""]
        if times[name]:
            took = [f"{1000 * value:.1f}" for value in np.percentile(times[name], (50, 99))]
        print(f"{name:28} {said:40} {took[0]:>8} {took[1]:>8}")
    every = [value for found in times.values() for value in found]
    total = sum(sum(counted.values()) for counted in statuses.values())
    p50, p99 = 1000 * np.percentile(every, (50, 99))
    growth = marks[1] / marks[0] - 1
    print(
        f"{total:,} requests in {seconds:g} s, {len(wrong)} not as expected; "
        f"good ones p50 {p50:.1f} ms, p99 {p99:.1f} ms\n"
        f"memory {marks[0] / 1e6:.0f} MB, at the end {marks[1] / 1e6:.0f} MB ({growth:+.1%})"
    )
    for line, count in Counter(wrong).most_common(10):
        print(f"  {count} x {line}")
    return bool(wrong) or growth > GROWTH


if __name__ == "__main__":
    main()

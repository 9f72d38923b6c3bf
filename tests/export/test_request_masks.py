"""Ready requests write each mask to a file of its own, and none over a file that is there."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from request_servers import NAME, grpc_server, rest_server

from zoo.export.requests import REQUESTS, write_requests

pytestmark = pytest.mark.parametrize(
    ("program", "serve"), [("rest.py", rest_server), ("grpc_predict.py", grpc_server)]
)


@pytest.fixture
def ask(tmp_path):
    """Runs a program of a model of masks in a folder of its own."""
    write_requests(tmp_path, NAME, reads_bytes=True, answers_mask=True)

    def run(program, files, server):
        command = [sys.executable, str(tmp_path / REQUESTS / program), *files, "--server", server]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    return run


def draw(folder, **gray):
    """Writes pictures whose masks tell them apart; returns their paths."""
    files = []
    for name, value in gray.items():
        files.append(f"{name}/1.png")
        (folder / name).mkdir()
        Image.fromarray(np.full((4, 5), value, np.uint8)).save(folder / files[-1])
    return files


def test_pictures_of_one_name_get_a_mask_each(program, serve, ask, tmp_path):
    files = draw(tmp_path, a=10, b=20)
    with serve([]) as server:
        done = ask(program, files, server)
    assert done.returncode == 0, done.stderr
    said = [json.loads(line)["mask"] for line in done.stdout.splitlines()]
    assert said == ["1_mask.png", "1_2_mask.png"]
    assert [Image.open(tmp_path / mask).getpixel((0, 0)) for mask in said] == [10, 20]


def test_a_file_that_is_there_is_not_replaced(program, serve, ask, tmp_path):
    files = draw(tmp_path, a=10, b=20)
    (tmp_path / "1_2_mask.png").write_bytes(b"drawn by hand")
    seen = []
    with serve(seen) as server:
        done = ask(program, files, server)
    assert done.returncode == 2
    assert done.stderr.endswith(
        ": error: 1_2_mask.png is there already and is not replaced; run this in another folder\n"
    )
    assert (tmp_path / "1_2_mask.png").read_bytes() == b"drawn by hand"
    # Known before anything is asked: no half of the masks lies there.
    assert seen == []
    assert not (tmp_path / "1_mask.png").exists()


def test_a_file_that_comes_meanwhile_is_not_replaced(program, serve, ask, tmp_path):
    files = draw(tmp_path, a=10)

    class Seen(list):
        def append(self, _):
            (tmp_path / "1_mask.png").write_bytes(b"drawn by hand")

    with serve(Seen()) as server:
        done = ask(program, files, server)
    assert done.returncode == 2
    assert "1_mask.png is there already" in done.stderr.splitlines()[-1]
    assert (tmp_path / "1_mask.png").read_bytes() == b"drawn by hand"

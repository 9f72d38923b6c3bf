"""The same networks in plain PyTorch, for `train_step.py`; runs in an interpreter of its own."""

import json
import resource
import sys
import time

import numpy as np
import torch
from torch import nn


def module_of(node, channels):
    """Returns the PyTorch module of a node, `None` for what has no weights."""
    kind = node["kind"]
    if kind == "Conv2D":
        same = node["padding"] == "same"
        kernel, stride = node["kernel_size"][0], node["strides"][0]
        return nn.Conv2d(
            channels,
            node["filters"],
            kernel,
            stride,
            padding=kernel // 2 if same else 0,
            bias=node["use_bias"],
        )
    if kind == "Conv2DTranspose":
        kernel, stride = node["kernel_size"][0], node["strides"][0]
        assert kernel == stride, "padding would have to be worked out"
        return nn.ConvTranspose2d(channels, node["filters"], kernel, stride, bias=node["use_bias"])
    if kind == "BatchNormalization":
        return nn.BatchNorm2d(channels, node["epsilon"], 1 - node["momentum"])
    if kind == "Activation":
        assert node["activation"] in ("relu", "linear"), node["activation"]
        return nn.ReLU(inplace=True) if node["activation"] == "relu" else nn.Identity()
    if kind == "MaxPooling2D":
        size, stride = node["pool_size"][0], node["strides"][0]
        return nn.MaxPool2d(size, stride, padding=(size - 1) // 2 if size > stride else 0)
    if kind == "Dense":
        return nn.Linear(channels, node["units"])
    if kind in ("InputLayer", "Add", "Concatenate", "Pad", "Rescaling", "FitSize"):
        return None
    if kind == "GlobalAveragePooling2D":
        return None
    raise NotImplementedError(kind)


class Network(nn.Module):
    """A Keras graph, node by node."""

    def __init__(self, graph):
        super().__init__()
        self.graph = graph
        self.parts = nn.ModuleDict()
        for node in graph:
            channels = node["given"][-1] if node["given"] else 0
            part = module_of(node, channels)
            if part is not None:
                self.parts[node["name"]] = part

    def forward(self, image):
        """Returns the logits of the last node."""
        known = {}
        for node in self.graph:
            given = [known[name] for name in node["inputs"]]
            kind = node["kind"]
            if kind == "InputLayer":
                value = image
            elif kind == "Rescaling":
                value = given[0] * node["scale"] + node["offset"]
            elif kind == "Add":
                value = given[0] + given[1]
            elif kind == "Concatenate":
                value = torch.cat(given, 1)
            elif kind == "Pad":
                more = node["shape"][-1] - node["given"][-1]
                value = nn.functional.pad(given[0], (0, 0, 0, 0, more // 2, more - more // 2))
            elif kind == "FitSize":
                assert node["shape"] == node["given"], "resizes"
                value = given[0]
            elif kind == "GlobalAveragePooling2D":
                value = given[0].mean((2, 3))
            else:
                value = self.parts[node["name"]](given[0])
            known[node["name"]] = value
        return value


def most_memory():
    """Returns the most that this process has held so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def rates():
    """Returns the rate of matrix products, GFLOP/s, by precision."""
    found = {}
    for name in ("float32", "bfloat16"):
        left = torch.randn(2048, 2048).to(getattr(torch, name))
        times = []
        for _ in range(6):
            began = time.perf_counter()
            left @ left
            times.append(time.perf_counter() - began)
        found[name] = 2 * 2048**3 / min(times) / 1e9
    return found


def main():
    """Answers until the questions end."""
    task = json.loads(sys.stdin.readline())
    before = most_memory()
    random = np.random.default_rng(0)
    size, batch = task["size"], task["batch"]
    images = random.integers(0, 256, (batch, 3, size, size), np.uint8)
    labels = (batch, size, size) if task["task"] == "segmentation" else (batch,)
    image = torch.from_numpy(images).float().contiguous(memory_format=torch.channels_last)
    label = torch.from_numpy(random.integers(0, 10, labels))
    network = Network(task["graph"]).to(memory_format=torch.channels_last).train()
    buffers = sum(
        value.numel() for name, value in network.named_buffers() if "num_batches" not in name
    )
    count = sum(value.numel() for value in network.parameters()) + buffers
    said = {"parameters": count, "rates": rates()}
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, fused=True)
    low = task["precision"] == "bfloat16"
    print(json.dumps(said), flush=True)
    for line in sys.stdin:
        steps = json.loads(line)["steps"]
        began = time.perf_counter()
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=low):
                logits = network(image)
            nn.functional.cross_entropy(logits.float(), label).backward()
            optimizer.step()
        seconds = (time.perf_counter() - began) / max(steps, 1)
        peak = most_memory() - before
        print(json.dumps({"seconds": seconds, "peak": peak}), flush=True)


if __name__ == "__main__":
    main()

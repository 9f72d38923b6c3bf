"""albumentations in a torch DataLoader, and bare OpenCV, for `input_pipeline.py`.

Runs in an interpreter of its own. Reads one JSON value a line: first what `task_of` gives,
then a name and seconds to run; answers each with a line.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import albumentations as A
import cv2
import numpy as np
import torch
from pace import rate

WORKERS = 2


def read(example, size):
    """Returns an example as it is before augmentation: uint8 picture and mask, relative box."""
    picture, mask, box, label = example
    image = cv2.cvtColor(cv2.imread(picture, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    height, width = image.shape[:2]
    ids = cv2.imread(mask, cv2.IMREAD_GRAYSCALE)
    return (
        cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR),
        cv2.resize(ids, (size, size), interpolation=cv2.INTER_NEAREST),
        np.array([box], np.float32) * size / [width, height, width, height],
        label,
    )


class Pictures(torch.utils.data.Dataset):
    """Pictures augmented by albumentations: one affine map, brightness and contrast at once."""

    def __init__(self, task, cached):
        self.examples, self.size = task["examples"], task["size"]
        self.cache = [read(example, self.size) for example in self.examples] if cached else None
        changes = task["changes"]
        move, zoom = changes["translate"], changes["zoom"]
        self.changes = A.Compose(
            [
                A.HorizontalFlip(p=0.5),
                A.Affine(
                    rotate=(-changes["rotate"], changes["rotate"]),
                    scale=(1 - zoom, 1 + zoom),
                    translate_percent=(-move, move),
                    border_mode=cv2.BORDER_REPLICATE,
                    p=1,
                ),
                A.RandomBrightnessContrast(changes["brightness"], changes["contrast"], p=1),
            ],
            bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"]),
        )

    def __len__(self):
        return len(self.examples) * 4000

    def __getitem__(self, index):
        index %= len(self.examples)
        image, mask, boxes, label = (
            self.cache[index] if self.cache else read(self.examples[index], self.size)
        )
        found = self.changes(image=image, mask=mask, bboxes=boxes, labels=[label])
        # What was moved out of view has no box any more.
        box = found["bboxes"][0] if len(found["bboxes"]) else np.zeros(4)
        return found["image"], found["mask"], np.asarray(box, np.float32), label


def collate(examples):
    """Stacks a batch as a network takes it: float32 pictures."""
    images, masks, boxes, labels = zip(*examples, strict=True)
    return (
        torch.from_numpy(np.stack(images).astype(np.float32)),
        torch.from_numpy(np.stack(masks)),
        torch.from_numpy(np.stack(boxes)),
        torch.tensor(labels),
    )


def loader(task, cached):
    """Returns a function that gives an endless iterator over batches."""
    data = torch.utils.data.DataLoader(
        Pictures(task, cached),
        task["batch_size"],
        shuffle=True,
        num_workers=WORKERS,
        collate_fn=collate,
        worker_init_fn=lambda worker: cv2.setNumThreads(0),
    )
    return lambda: (len(batch[0]) for batch in data)


def opencv(task, cached):
    """The same as bare calls of OpenCV in threads: what the work itself takes."""
    size, changes = task["size"], task["changes"]
    cache = [read(example, size) for example in task["examples"]] if cached else None
    count = len(task["examples"])

    def one(seed):
        random = np.random.default_rng(seed)
        index = int(random.integers(count))
        image, mask, boxes, label = cache[index] if cache else read(task["examples"][index], size)
        angle, zoom, shift_x, shift_y, bright, contrast = random.uniform(-1, 1, 6)
        centre = ((size - 1) / 2, (size - 1) / 2)
        matrix = cv2.getRotationMatrix2D(
            centre, angle * changes["rotate"], 1 + zoom * changes["zoom"]
        )
        matrix[:, 2] += np.array([shift_x, shift_y]) * changes["translate"] * size
        if random.random() < 0.5:
            matrix = matrix @ np.array([[-1, 0, size - 1], [0, 1, 0], [0, 0, 1.0]])
        moved = cv2.warpAffine(image, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        ids = cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=255)
        alpha = 1 + contrast * changes["contrast"]
        beta = bright * changes["brightness"] * 255 + moved.mean() * (1 - alpha)
        corners = boxes[0][[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2) @ matrix[:, :2].T + matrix[:, 2]
        box = np.clip([*corners.min(0), *corners.max(0)], 0, size)
        return cv2.convertScaleAbs(moved, alpha=alpha, beta=beta), ids, box, label

    def batch(seed):
        images, masks, boxes, labels = zip(
            *(one([seed, slot]) for slot in range(task["batch_size"])), strict=True
        )
        images = np.stack(images).astype(np.float32)
        return images, np.stack(masks), np.stack(boxes), np.array(labels)

    def run():
        with ThreadPoolExecutor(WORKERS) as pool:
            seeds = iter(range(10**9))
            waiting = [pool.submit(batch, next(seeds)) for _ in range(2 * WORKERS)]
            while True:
                done = waiting.pop(0).result()
                waiting.append(pool.submit(batch, next(seeds)))
                yield len(done[0])

    return run


def main():
    """Answers until the questions end."""
    cv2.setNumThreads(0)
    task = json.loads(sys.stdin.readline())
    running = {
        f"{name} {'cached' if cached else 'from files'}": make(task, cached)
        for name, make in {"albumentations": loader, "OpenCV, 2 threads": opencv}.items()
        for cached in (False, True)
    }
    print(json.dumps(list(running)), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        batches = running[asked["name"]]()
        print(json.dumps(rate(batches, asked["seconds"])), flush=True)
        del batches


if __name__ == "__main__":
    main()

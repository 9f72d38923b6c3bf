"""What the report's tests are written with: a page that was read, and something to report."""

from html.parser import HTMLParser

import numpy as np

from zoo.answers import Answer
from zoo.evaluation.evaluate import Evaluation, Sample
from zoo.training.recipe import parse_recipe

VOID = {"meta", "br", "img", "link", "hr", "input", "rect", "use", "path", "image"}
NAMES = ("cat", "<script>alert(1)</script>", 'a "dog" & $x_1$')


class Page(HTMLParser):
    """A page as a reader's program sees it; refuses one whose elements do not nest."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self._open = [], "", []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text += f"{data} "

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def recipe(task="classification", **fields):
    values = {
        "task": task,
        "data": {"source": "class_folders", "path": "/data/pets"},
        "input": {"size": [8, 8]},
        "model": {"encoder": "plain", "filters": [2, 4]},
        "epochs": 5,
    }
    return parse_recipe(values | fields)


def rows(epochs, metric="accuracy"):
    return [
        {
            "epoch": epoch,
            "loss": 1.0 / epoch,
            "validation_loss": 1.5 / epoch,
            metric: 0.5,
            f"validation_{metric}": 0.1 * epoch,
            "learning_rate": 0.01,
            "pictures_per_second": 100.0 * epoch,
            "seconds": 40.0,
        }
        for epoch in range(1, epochs + 1)
    ]


def picture(channels=3):
    return np.arange(8 * 8 * channels, dtype=np.uint8).reshape(8, 8, channels)


def classified(name="one.jpg", score=0.25):
    # Labels come as bytes from a served model.
    values = {
        "label": NAMES[1].encode(),
        "score": 0.7,
        "probabilities": np.array([0.25, 0.7, 0.05]),
    }
    return Sample(name, picture(), {"class": 0}, Answer(name, "", values), score)


def classification(**fields):
    values = {
        "task": "classification",
        "split": "test",
        "class_names": NAMES,
        "pictures": 10,
        "scores": {"accuracy": 0.7},
        # Of cat 4 of 5 right, of the script 3 of 4, the dog's only one wrong.
        "confusion": np.array([[4, 1, 0], [1, 3, 0], [1, 0, 0]]),
        "worst": [classified()],
    }
    return Evaluation(**(values | fields))


def squeezed(text):
    return " ".join(text.split())

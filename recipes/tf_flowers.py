"""Tell five kinds of flowers apart in photographs, the flowers of TensorFlow's tutorials.

    zoo run tf_flowers --data FOLDER

FOLDER holds the published flower_photos.tgz (229 MB: 3,670 photographs). It is left out where
TensorFlow Datasets has the set already or may download it, which it does on first use.

The set has one split, train: its last fifth is kept for the test and the tenth before that
for validation. TensorFlow Datasets shuffles a set when it prepares it, so that each part has
all kinds, and the parts are always the same.

Score: not measured here. The file could not be had on the machine this was written on, and so
neither score nor training time is given.
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(source="tfds:tf_flowers"),
    input=InputOptions(size=(128, 128), channels=3),
    model={
        "encoder": "plain",
        "filters": [16, 32, 64, 128],
        "residual": True,
        "stem_stride": 2,
        "head": "average",
    },
    augment={
        "flip": True,
        "rotate": 10.0,
        "zoom": 0.2,
        "translate": 0.1,
        "brightness": 0.15,
        "contrast": 0.2,
    },
    epochs=30,
    batch_size=32,
    learning_rate=2e-3,
    weight_decay=0.02,
)

"""Find the head of a cat or dog in a photograph, and its breed.

    zoo run pets_localization --data FOLDER

FOLDER holds images/ and annotations/ as the Oxford-IIIT Pet set is published.
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="localization",
    data=DataOptions(
        source="oxford_pets",
        place="oxford_pets_3breeds",
        # The published test list has no boxes.
        splits={"train": "annotations/trainval.txt", "test": "annotations/trainval.txt[::4]"},
    ),
    input=InputOptions(size=(128, 128), channels=3),
    model={
        "encoder": "plain",
        "filters": [16, 32, 64, 128],
        "residual": True,
        "stem_stride": 2,
        "dropout": 0.2,
        "head": "spatial",
    },
    augment="strong",
    epochs=34,
    repeat=8,
    batch_size=16,
    learning_rate=4e-3,
    weight_decay=0.02,
    publish="last",
)

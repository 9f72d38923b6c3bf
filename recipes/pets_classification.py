"""Tell three breeds of cats and dogs apart, from 72 photographs.

    zoo run pets_classification --data FOLDER

FOLDER holds images/ and annotations/ as the Oxford-IIIT Pet set is published.
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(source="oxford_pets", place="oxford_pets_3breeds"),
    input=InputOptions(size=(128, 128), channels=3),
    model={
        "encoder": "plain",
        "filters": [16, 32, 64, 128],
        "residual": True,
        "stem_stride": 2,
        "dropout": 0.15,
        "head": "average",
    },
    augment="medium",
    epochs=22,
    repeat=8,
    batch_size=16,
    learning_rate=4e-3,
    weight_decay=0.02,
    publish="last",
)

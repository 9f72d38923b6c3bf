"""Tell pet, background and border apart in photographs of three breeds.

    zoo run pets_segmentation --data FOLDER

FOLDER holds images/ and annotations/ as the Oxford-IIIT Pet set is published.
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="segmentation",
    data=DataOptions(source="oxford_pets", place="oxford_pets_3breeds"),
    input=InputOptions(size=(128, 128), channels=3),
    model={
        "encoder": "plain",
        "filters": [16, 32, 64, 128],
        "residual": True,
        "stem_stride": 2,
        "dropout": 0.2,
        "decoder": "unet",
    },
    augment="medium",
    epochs=22,
    repeat=8,
    batch_size=16,
    learning_rate=4e-3,
    weight_decay=0.02,
    publish="last",
)

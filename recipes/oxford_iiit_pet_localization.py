"""Find the head of a cat or a dog and its breed, Oxford-IIIT Pet (Parkhi et al. 2012).

    zoo run oxford_iiit_pet_localization --data FOLDER

FOLDER holds the published images.tar.gz (792 MB) and annotations.tar.gz (19 MB). It is left out
where TensorFlow Datasets has the set already or may download it, which it does on first use.

Only the 3,680 photographs of train have boxes around heads, so that all three splits are slices
of it: 70 % to train on, 10 % for validation, 20 % for the test. TensorFlow Datasets shuffles a
set when it prepares it, so that a slice holds all breeds. A photograph without a box is left out
and named.

Score: not measured here. The files could not be had on the machine this was written on, and so
neither score nor training time is given.
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="localization",
    data=DataOptions(
        source="tfds:oxford_iiit_pet",
        splits={"train": "train[:70%]", "validation": "train[70%:80%]", "test": "train[80%:]"},
    ),
    input=InputOptions(size=(128, 128), channels=3),
    model={
        "encoder": "plain",
        "filters": [16, 32, 64, 128],
        "residual": True,
        "stem_stride": 2,
        "head": "spatial",
    },
    augment={"flip": True, "zoom": 0.2, "translate": 0.1, "brightness": 0.15, "contrast": 0.2},
    epochs=40,
    batch_size=32,
    learning_rate=2e-3,
    weight_decay=0.02,
)

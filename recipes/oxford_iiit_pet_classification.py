"""Tell 37 breeds of cats and dogs apart, Oxford-IIIT Pet (Parkhi et al. 2012).

    zoo run oxford_iiit_pet_classification --data FOLDER

FOLDER holds the published images.tar.gz (792 MB) and annotations.tar.gz (19 MB), 3,680
photographs to train on and 3,669 to test with. It is left out where TensorFlow Datasets has the
set already or may download it, which it does on first use.

The last tenth of train is for validation. TensorFlow Datasets shuffles a set when it prepares
it, so that a slice holds all breeds, though the published lists go breed by breed.

Score: not measured here. The files could not be had on the machine this was written on, and so
neither score nor training time is given. Some 90 photographs a breed are few to learn from
without pretrained weights.
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(
        source="tfds:oxford_iiit_pet",
        splits={"train": "train[:90%]", "validation": "train[90%:]", "test": "test"},
    ),
    input=InputOptions(size=(128, 128), channels=3),
    model={
        "encoder": "plain",
        "filters": [32, 64, 128, 256],
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
    loss={"label_smoothing": 0.1},
    epochs=40,
    batch_size=32,
    learning_rate=2e-3,
    weight_decay=0.05,
)

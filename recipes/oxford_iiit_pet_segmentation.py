"""Mark every pixel as pet, background or border, Oxford-IIIT Pet (Parkhi et al. 2012).

    zoo run oxford_iiit_pet_segmentation --data FOLDER

FOLDER holds the published images.tar.gz (792 MB) and annotations.tar.gz (19 MB), 3,680
photographs to train on and 3,669 to test with. It is left out where TensorFlow Datasets has the
set already or may download it, which it does on first use.

The border is that between pet and background. The last tenth of train is for validation.

Score: not measured here. The files could not be had on the machine this was written on, and so
neither score nor training time is given.
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="segmentation",
    data=DataOptions(
        source="tfds:oxford_iiit_pet",
        options={"classes": {"1": "pet", "2": "background", "3": "border"}},
        splits={"train": "train[:90%]", "validation": "train[90%:]", "test": "test"},
    ),
    input=InputOptions(size=(128, 128), channels=3),
    model={
        "encoder": "plain",
        "filters": [16, 32, 64, 128],
        "residual": True,
        "stem_stride": 2,
        "decoder": "unet",
    },
    augment={"flip": True, "zoom": 0.2, "translate": 0.1, "brightness": 0.15, "contrast": 0.2},
    epochs=30,
    batch_size=16,
    learning_rate=2e-3,
    weight_decay=0.02,
)

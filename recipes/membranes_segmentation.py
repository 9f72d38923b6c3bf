"""Tell the membranes of nerve cells from the cells in electron micrographs.

    zoo run membranes_segmentation --data FOLDER

FOLDER holds the 30 labelled pictures of the ISBI 2012 challenge.
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="segmentation",
    data=DataOptions(
        source="mask_folders",
        place="isbi_em_membrane",
        options={
            "images": "data/membrane/train/image",
            "masks": "data/membrane/train/label",
            "classes": {"0": "membrane", "255": "cell"},
        },
        splits={"test": "all[24:30]"},
    ),
    input=InputOptions(size=(512, 512), channels=1, patch=(256, 256)),
    model={
        "encoder": "plain",
        "filters": [16, 32, 64, 128],
        "residual": True,
        "stem_stride": 2,
        "decoder": "unet",
    },
    augment={
        "flip": True,
        "vertical_flip": True,
        "rotate": 180,
        "zoom": 0.15,
        "brightness": 0.1,
        "contrast": 0.2,
    },
    epochs=24,
    repeat=4,
    batch_size=4,
    learning_rate=4e-3,
    weight_decay=0.02,
    publish="last",
)

"""Mark every pixel of a handwritten digit in a cluttered scene with the digit's class.

zoo run digit_scenes_segmentation
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="segmentation",
    data=DataOptions(source="digit_scenes"),
    input=InputOptions(size=(64, 64), channels=1),
    model={
        "encoder": "plain",
        "filters": [16, 32, 64],
        "residual": True,
        "stem_stride": 2,
        "decoder": "unet",
    },
    augment={"translate": 0.1, "zoom": 0.1},
    epochs=3,
    batch_size=16,
    learning_rate=4e-3,
)

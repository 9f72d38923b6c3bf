"""Find one handwritten digit in a cluttered scene: its class and its box.

zoo run digit_scenes_localization
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="localization",
    data=DataOptions(source="digit_scenes"),
    input=InputOptions(size=(64, 64), channels=1),
    model={
        "encoder": "plain",
        "filters": [16, 32, 64],
        "residual": True,
        "stem_stride": 2,
        "head": "spatial",
    },
    augment={"translate": 0.1, "zoom": 0.1},
    epochs=5,
    batch_size=32,
    learning_rate=4e-3,
)

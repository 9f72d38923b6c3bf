"""Say which handwritten digit is in a cluttered scene.

zoo run digit_scenes_classification
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(source="digit_scenes"),
    input=InputOptions(size=(64, 64), channels=1),
    model={"encoder": "plain", "filters": [16, 32, 64], "residual": True, "head": "average"},
    augment={"translate": 0.1, "zoom": 0.1},
    epochs=10,
    batch_size=64,
    learning_rate=4e-3,
)

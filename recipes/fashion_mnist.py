"""Tell ten kinds of clothing apart, Fashion-MNIST (Xiao et al. 2017).

zoo run fashion_mnist --data FOLDER_WITH_THE_FOUR_PUBLISHED_FILES
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(
        source="tfds:fashion_mnist",
        place="fashion_mnist/data/fashion",
        splits={"train": "train[:58000]", "validation": "train[58000:]", "test": "test"},
    ),
    input=InputOptions(size=(28, 28), channels=1),
    model={"encoder": "plain", "filters": [16, 32, 64], "residual": True, "head": "average"},
    augment={"flip": True, "translate": 0.07},
    epochs=8,
    batch_size=128,
    learning_rate=4e-3,
)

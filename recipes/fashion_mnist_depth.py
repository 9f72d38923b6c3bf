"""What shortcuts are worth as a network grows: 16,000 pictures of clothing (Fashion-MNIST).

    zoo compare fashion_mnist_depth --data FOLDER --gradients \
        --vary model.encoder=resnet8,resnet20,resnet32,resnet56 --vary model.residual=true,false

FOLDER is that of the recipe fashion_mnist. Trained as He et al. 2016 (arXiv:1512.03385) train
theirs, by momentum and without augmentation, for the training loss is what is looked at.

Hardware: 2 cores, no GPU.
Training: 31 minutes for all eight, two side by side on a busy machine.
Score: docs/compare.md has the table and the figure.
"""

from zoo import DataOptions, InputOptions, OptimizerOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(
        source="tfds:fashion_mnist",
        place="fashion_mnist/data/fashion",
        splits={"train": "train[:16000]", "validation": "train[58000:]", "test": "test"},
    ),
    input=InputOptions(size=(28, 28), channels=1),
    model={"encoder": "resnet20", "residual": True, "head": "average"},
    optimizer=OptimizerOptions(name="sgd", options={"momentum": 0.9}),
    epochs=5,
    batch_size=64,
    learning_rate=0.1,
    weight_decay=5e-4,
)

"""Tell ten kinds of things apart in tiny photographs, CIFAR-10 (Krizhevsky 2009).

    zoo run cifar10 --data FOLDER

FOLDER holds the published cifar-10-binary.tar.gz (170 MB: 50,000 and 10,000 pictures of 32x32
pixels). It is left out where TensorFlow Datasets has the set already or may download it,
which it does on first use.

The network, the moves of up to 4 pixels, the mirroring and the 45,000 pictures to train on are
those of He et al. 2016 (arXiv:1512.03385), section 4.2. They train for 182 epochs, as
`--set epochs=182` does; AdamW under a cosine needs fewer for a first look.

Score: not measured here. The files could not be had on the machine this was written on, and
so neither score nor training time is given.
"""

from zoo import DataOptions, InputOptions, Recipe

recipe = Recipe(
    task="classification",
    data=DataOptions(
        source="tfds:cifar10",
        splits={"train": "train[:90%]", "validation": "train[90%:]", "test": "test"},
    ),
    input=InputOptions(size=(32, 32), channels=3),
    model={"encoder": "resnet20", "head": "average"},
    augment={"flip": True, "translate": 0.125},
    epochs=30,
    batch_size=128,
    learning_rate=4e-3,
    weight_decay=0.02,
)

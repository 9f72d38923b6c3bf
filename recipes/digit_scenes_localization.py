"""Find one handwritten digit in a cluttered scene: its class and its box.

    zoo run digit_scenes_localization

Hardware: 2 cores of an AMD EPYC without AVX-512, float32, no GPU.
Training: 60 to 75 s with each head.
Score on 1,000 test scenes, seed 0, by `--set model.head=...`:

    head        mean IoU   IoU >= 0.5   accuracy
    spatial     0.905      0.996        0.975
    average     0.813      0.968        0.933
    flatten     0.804      0.976        0.907

The spatial head (soft-argmax) keeps positions, which an average loses but for what the
borders tell, and which a dense layer on the flattened map has to learn place by place.
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

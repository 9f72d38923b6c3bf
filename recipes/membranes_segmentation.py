"""Tell the membranes of nerve cells from the cells in electron micrographs.

    zoo run membranes_segmentation --data FOLDER

FOLDER holds the 30 labelled pictures of the ISBI 2012 challenge (Arganda-Carreras et al. 2015) as
data/membrane/train/image/N.png and label/N.png. Training sees 256x256 patches of 22 of them, 2
validate, and 24 to 29 are tested on, all whole.

Hardware: 2 cores of an AMD EPYC without AVX-512, float32, no GPU.
Training: about 4 min, 8 s an epoch; about 7 min were measured with other work beside.
Score on 6 test pictures, mean and standard deviation of seeds 0 to 2: mean IoU 0.784 +- 0.007
(cell 0.906, membrane 0.661), pixel accuracy 0.921 +- 0.002. All cell has mean IoU 0.39.
A stem of stride 2 was chosen on 6 pictures held out for that (0.778, against 0.735 for a narrower
network at full resolution in twice the time).
"""

from zoo import DataOptions, InputOptions, Recipe, SamplingOptions

recipe = Recipe(
    task="segmentation",
    data=DataOptions(
        source="mask_folders",
        place="isbi_em_membrane",
        # The scores above are of the pictures that this sets aside.
        divide="name",
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
    # Every patch holds both classes, wherever it lies.
    sampling=SamplingOptions(foreground=0),
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

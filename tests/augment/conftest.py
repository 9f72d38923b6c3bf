"""Pictures, tables of chances, and running an augmentation in both of its worlds."""

import numpy as np
import pytest
import tensorflow as tf

# Columns of the table of chances.
COLUMNS = [
    "FLIP",
    "VERTICAL",
    "ROTATE",
    "ZOOM",
    "MOVE_Y",
    "MOVE_X",
    "BRIGHTNESS",
    "CONTRAST",
    "SATURATION",
    "CROP_HEIGHT",
    "CROP_WIDTH",
    "CROP_Y",
    "CROP_X",
    "PATCH_Y",
    "PATCH_X",
    "SHEAR_X",
    "SHEAR_Y",
    "PERSPECTIVE_X",
    "PERSPECTIVE_Y",
    "HUE",
    "BLUR",
    "SHARPEN",
    "JPEG",
    "ERASE_AREA",
    "ERASE_ASPECT",
    "ERASE_Y",
    "ERASE_X",
]


@pytest.fixture(scope="session")
def chances():
    """A table in the middle of every range, nothing mirrored, but for the columns given."""

    def table(count=1, **columns):
        values = np.full([count, len(COLUMNS)], 0.5, np.float32)
        for name, column in columns.items():
            values[:, COLUMNS.index(name)] = column
        return values

    return table


@pytest.fixture(scope="session")
def pictures():
    """Random uint8 pictures, always the same."""

    def drawn(count=1, height=6, width=8, channels=3):
        shape = (count, height, width, channels)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    return drawn


@pytest.fixture(scope="session")
def both():
    """The augmented batch as NumPy, the same eagerly and inside tf.data."""

    def run(augment, batch, uniforms):
        seed = tf.constant([3, 4])
        eager = augment(batch, tf.constant(uniforms), seed)
        pipeline = tf.data.Dataset.from_tensors((batch, uniforms))
        (mapped,) = list(pipeline.map(lambda batch, uniforms: augment(batch, uniforms, seed)))
        assert eager.keys() == mapped.keys() >= batch.keys()
        for name in eager:
            # A graph fuses what follows each other, so a coordinate's last digits differ.
            np.testing.assert_allclose(eager[name], mapped[name], atol=0.01)
        return {name: np.asarray(value) for name, value in eager.items()}

    return run

"""How far a served model's answers may lie from those of the Keras model in float32."""

from dataclasses import dataclass

_FEW_PIXELS = 100


@dataclass(frozen=True)
class Tolerance:
    """The largest differences that a verification lets pass.

    Attributes:
        score: Of a probability, 0 to 1.
        box: Of a box edge, in pixels of the model's input, so that it is of no account how large
            a picture is.
        mask: Share of a mask's pixels whose class differs, and of a class's share of the mask.
    """

    score: float
    box: float
    mask: float

    @property
    def few(self) -> float:
        """A smaller mask counts as one of so many pixels, two of which may differ.

        Where two classes are as likely a single pixel goes either way, and would be a share of
        a small mask to go by.
        """
        # A little more than two, so that what shares are rounded to decides nothing.
        return max(_FEW_PIXELS, 2.01 / self.mask)


TOLERANCES = {
    # Rounding apart, the sums are the same in another order.
    "float32": Tolerance(score=1e-4, box=0.05, mask=1e-3),
    # 8 bits of mantissa: 0.4 % a value, of which most cancels out.
    "bfloat16": Tolerance(score=0.03, box=4.0, mask=0.02),
    # 256 steps for all values of a map. How much that matters says the score on the test split.
    "int8": Tolerance(score=0.25, box=16.0, mask=0.1),
}
"""By the precision that a network computes in, a model card's ``precision``."""

ANSWERS = {
    # Pixels are fitted by other sums than the zoo's, and then rounded: one in fifty lies off by 1.
    "float32": Tolerance(score=0.02, box=0.5, mask=0.01),
    "int8": Tolerance(score=0.27, box=16.5, mask=0.11),
}
"""How far the answers of ``predict.py`` for files may lie from the zoo's, by precision."""

PIXELS = 3.0
"""How far the pixels that ``predict.py`` reads may lie off on average, of 0 to 255: lossy pictures
are decoded by another library."""

SCORES = {
    # As many points as a picture in a thousand; on fewer pictures, none.
    "float32": 0.001,
    "bfloat16": 0.01,
    "int8": 0.01,
}
"""How far a score on the test split, 0 to 1, may lie below that of the Keras model in float32."""

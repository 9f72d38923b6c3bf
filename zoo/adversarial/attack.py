"""What an attack is, as plain, checked values."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from zoo.amounts import plural
from zoo.errors import UserError
from zoo.options import first_error

_STEPS = 10
# Madry et al. let all steps together reach 2.5 times as far as epsilon, so that a walk can turn.
_REACH = 2.5

Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]


class Attack(BaseModel):
    """How far and in which way pixels are moved to raise the loss.

    Distances are in values of pixels, 0 to 255: the 8/255 of the literature is ``epsilon=8``.

    Attributes:
        attack: ``"fgsm"``, one step of ``epsilon`` (Goodfellow et al. 2015, arXiv:1412.6572), or
            ``"pgd"``, steps that are each projected back (Madry et al. 2018,
            arXiv:1706.06083).
        epsilon: How far at most: no pixel by more (``"linf"``), or all channels of all pixels of
            a picture by no more, as the root of their summed squares (``"l2"``).
        norm: ``"linf"`` or ``"l2"``.
        steps: Of PGD; 10 unless given.
        step_size: How far each of them goes in ``norm``; ``2.5 * epsilon / steps``, but no
            further than ``epsilon``, unless given.
        random_start: Whether PGD begins at a random place within ``epsilon``; it does unless
            told not to.

    Example:
        >>> Attack(attack="pgd", epsilon=8, steps=5).reach
        4.0
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attack: Literal["fgsm", "pgd"] = "pgd"
    epsilon: Positive = 8.0
    norm: Literal["linf", "l2"] = "linf"
    steps: Annotated[int, Field(ge=1)] | None = None
    step_size: Positive | None = None
    random_start: bool | None = None

    @field_validator("steps", "step_size", "random_start")
    @classmethod
    def _belongs_to_pgd(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("attack") == "fgsm" and value not in (None, False):
            raise ValueError("fgsm takes one step of epsilon from the picture itself; use pgd")
        return value

    @property
    def walk(self) -> int:
        """How many steps are taken."""
        return 1 if self.attack == "fgsm" else self.steps or _STEPS

    @property
    def reach(self) -> float:
        """How far each step goes, in values of pixels."""
        return self.step_size or min(self.epsilon, _REACH * self.epsilon / self.walk)

    @property
    def jumps(self) -> bool:
        """Whether it begins at a random place."""
        return self.attack == "pgd" and self.random_start is not False

    @property
    def method(self) -> str:
        """The attack in words but for how far it goes, as ``"PGD of 10 steps, L-inf"``."""
        steps = f" of {plural(self.walk, 'step')}"
        norm = {"linf": "L-inf", "l2": "L2"}[self.norm]
        return f"{self.attack.upper()}{steps if self.attack == 'pgd' else ''}, {norm}"

    @property
    def text(self) -> str:
        """The attack in words, as ``"PGD of 10 steps, L-inf, epsilon 8"``."""
        return f"{self.method}, epsilon {self.epsilon:g}"


def make_attack(**options: Any) -> Attack:
    """Returns an attack of options that a user typed.

    Args:
        **options: Fields of :class:`Attack`.

    Raises:
        UserError: One sentence for the first that is unknown or out of its range.
    """
    try:
        return Attack(**options)
    except ValidationError as error:
        raise UserError(first_error(error, Attack, "the attack")) from None

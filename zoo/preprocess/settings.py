"""What the pixels of a model's input are: the settings of preprocessing, checked."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from zoo.errors import UserError, check_options, nearest
from zoo.preprocess.geometry import FITS
from zoo.values import Values, checked_values


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


@dataclass(frozen=True)
class Settings:
    """How large a model's input is, and how pictures of other sizes and values come to fit it.

    Attributes:
        size: Height and width of the model's input in pixels.
        channels: Channels of the model's input.
        fit: ``"pad"`` (letterbox: the whole picture, centred on black), ``"stretch"`` (the
            whole picture, its aspect ratio lost) or ``"crop"`` (scaled to cover, the
            centre kept: what lies outside is lost).
        values: Of pictures of more than 8 bits: what becomes 0 and what becomes 255, for a
            camera of 12 bits in files of 16 ``(0, 4095)``. ``None`` for the full range of the
            integers they are stored as, and for 0 to 1 of floats. Pictures of 8 bits are
            taken as they are.

    Raises:
        UserError: When a value is none of these.
    """

    size: tuple[int, int]
    channels: int = 3
    fit: str = "pad"
    values: Values | None = None

    def __post_init__(self):
        size = self.size
        if not isinstance(size, tuple | list) or len(size) != 2 or not all(map(_is_count, size)):
            raise UserError(
                f"size={self.size!r} is not a picture size; "
                "give height and width in pixels, as in size=(128, 128)"
            )
        object.__setattr__(self, "size", tuple(size))
        if not _is_count(self.channels):
            raise UserError(
                f"channels={self.channels!r} is not a number of channels; "
                "use 1 for gray, 3 for RGB or what your arrays have"
            )
        if self.fit not in FITS:
            raise UserError(f"fit={self.fit!r} is not a way to fit{nearest(str(self.fit), FITS)}")
        if self.values is not None:
            object.__setattr__(self, "values", checked_values(self.values))

    @property
    def lossy(self) -> bool:
        """Whether parts of a picture can be lost, so that no box or mask can cover them."""
        return self.fit == "crop"

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as plain values; ``from_json`` takes them."""
        values = None if self.values is None else list(self.values)
        return {**asdict(self), "size": list(self.size), "values": values}

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> Self:
        """Builds the object from what ``to_json`` gave.

        Raises:
            UserError: For an unknown or missing setting, or a value that is not valid.
        """
        check_options(settings, cls.__dataclass_fields__, "preprocessing")
        if "size" not in settings:
            raise UserError("preprocessing has no size; give height and width, as in [128, 128]")
        return cls(**settings)

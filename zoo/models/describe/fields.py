"""Receptive fields, exact: which input pixels each position of a map sees, along one axis.

The arithmetic for a chain of convolutions is Araujo, Norris and Sim's (2019, "Computing receptive
fields of convolutional neural networks", Distill). Theirs is a size and a stride; here each
position has its own first and last pixel, because branches that join need not have the same
middle, and because what the positions of an enlarged map see differs from one to the next.
Positions repeat after a period, so a few of them stand for all.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

# Pixels that an interpolation takes on either side of a position; unnamed kinds are cubic.
_HALF_TAPS = {"nearest": 0, "bilinear": 1, "lanczos3": 3, "lanczos5": 5}


@dataclass(frozen=True)
class Reach:
    """Which positions of its input an output position of a layer sees, along one axis.

    Attributes:
        first: The first one, by output position; never falls as the position grows.
        last: The last one; never falls either.
        outputs: A period: so many output positions on, ...
        inputs: ... the reach is so many input positions on.
    """

    first: Callable[[int], int]
    last: Callable[[int], int]
    outputs: int = 1
    inputs: int = 1


@dataclass(frozen=True)
class Axis:
    """What the positions of a map see along one axis of the picture.

    Attributes:
        spans: First and last pixel that position 0, 1, ... sees, for one period of positions,
            as if the picture had no borders; ``None`` if they see everything.
        stride: Input pixels from one position to the next on average; ``None`` if the map has
            no positions along this axis.
    """

    spans: tuple[tuple[int, int], ...] | None
    stride: Fraction | None

    @property
    def field(self) -> int | None:
        """Pixels from the first to the last seen, of the position that sees the most."""
        return None if self.spans is None else max(last - first + 1 for first, last in self.spans)

    def span(self, position: int) -> tuple[int, int]:
        """Returns the first and the last pixel that a position sees."""
        assert self.spans is not None
        assert self.stride is not None
        period = len(self.spans)
        first, last = self.spans[position % period]
        shift = int(position // period * period * self.stride)
        return first + shift, last + shift

    def through(self, reach: Reach) -> "Axis":
        """Returns what the output of a layer with such a reach sees."""
        if self.stride is None:
            return self
        stride = self.stride * reach.inputs / reach.outputs
        if self.spans is None:
            return Axis(None, stride)
        period = reach.outputs * len(self.spans) // math.gcd(len(self.spans), reach.inputs)
        # What a position sees grows with the position, so the ends of the reach see the ends.
        return _shortest(
            tuple(
                (self.span(reach.first(position))[0], self.span(reach.last(position))[1])
                for position in range(period)
            ),
            stride,
        )


@dataclass(frozen=True)
class View:
    """What the positions of a map see of the picture, down and across."""

    down: Axis
    across: Axis

    @property
    def field(self) -> tuple[int, int] | None:
        """Height and width of the receptive field; ``None`` if any side of it is everything."""
        if self.down.field is None or self.across.field is None:
            return None
        return self.down.field, self.across.field

    @property
    def stride(self) -> tuple[Fraction, Fraction] | None:
        """Input pixels between two positions; ``None`` without positions."""
        if self.down.stride is None or self.across.stride is None:
            return None
        return self.down.stride, self.across.stride


PIXEL = View(*[Axis(((0, 0),), Fraction(1))] * 2)
NOWHERE = Axis(None, None)
EVERYTHING = View(NOWHERE, NOWHERE)


def joined(axes: list[Axis]) -> Axis:
    """Returns what a map sees that is made of several, position by position: their union."""
    strides = [axis.stride for axis in axes if axis.stride is not None]
    if not strides:
        return NOWHERE
    stride = max(strides)
    if any(axis.spans is None for axis in axes):
        return Axis(None, stride)
    period = math.lcm(*(len(axis.spans or ()) for axis in axes))
    # Maps of different strides fit nothing; a period in which the coarsest comes out even will do.
    period *= (stride * period).denominator
    spans = [[axis.span(position) for axis in axes] for position in range(period)]
    return _shortest(
        tuple((min(one for one, _ in each), max(one for _, one in each)) for each in spans), stride
    )


def window(taps: int, stride: int, dilation: int, before: int) -> Reach:
    """Returns the reach of a convolution or pooling.

    Args:
        taps: Of the window.
        stride: Of the window.
        dilation: Steps from one tap to the next.
        before: Positions of padding before the first.
    """
    return Reach(
        lambda position: position * stride - before,
        lambda position: position * stride - before + (taps - 1) * dilation,
        inputs=stride,
    )


def padding_before(padding: str, size: int | None, taps: int, stride: int, dilation: int) -> int:
    """Returns how many positions of padding a window puts before a map's first.

    Args:
        padding: ``"same"``, which splits what it needs in halves and puts an odd one at the end,
            or ``"valid"``.
        size: Of the map; if unknown, one that the stride divides.
        taps: Of the window.
        stride: Of the window.
        dilation: Steps from one tap to the next.
    """
    if padding != "same":
        return 0
    wide = (taps - 1) * dilation + 1
    total = wide - stride if size is None else (math.ceil(size / stride) - 1) * stride + wide - size
    return max(total, 0) // 2


def transposed(taps: int, stride: int, padding: str, output_padding: int | None) -> Reach:
    """Returns the reach of a transposed convolution: the inputs whose window meets a position."""
    cut = 0
    if padding == "same":
        # What is cut is the padding of the convolution that goes the other way.
        cut = max(taps - stride, 0) // 2 if output_padding is None else taps // 2

    def last(position: int) -> int:
        return (position + cut) // stride

    def first(position: int) -> int:
        # Between windows that leave gaps the nearest stands in for nothing.
        return min(-(-(position + cut - taps + 1) // stride), last(position))

    return Reach(first, last, outputs=stride)


def resampled(ratio: Fraction, interpolation: str) -> Reach:
    """Returns the reach of an interpolation between the middles of pixels.

    Args:
        ratio: Size of the input by that of the output.
        interpolation: As Keras names it.
    """
    half = _HALF_TAPS.get(interpolation, 2)
    if half == 0:
        nearest = partial(_floor_of, ratio, ratio / 2)
        return Reach(nearest, nearest, ratio.denominator, ratio.numerator)

    def middle(position: int) -> Fraction:
        return (position + Fraction(1, 2)) * ratio - Fraction(1, 2)

    def first(position: int) -> int:
        return math.floor(middle(position)) - half + 1

    def last(position: int) -> int:
        # Right on a pixel a linear interpolation takes that pixel alone; that wider ones do so
        # too is passed over.
        return (math.ceil if half == 1 else math.floor)(middle(position)) + half - (half == 1)

    return Reach(first, last, ratio.denominator, ratio.numerator)


def shares(size: int, parts: int) -> Reach:
    """Returns the reach of pooling a size to so many parts, which may overlap by one."""
    ratio = Fraction(size, parts)
    return Reach(
        lambda part: math.floor(part * ratio),
        lambda part: math.ceil((part + 1) * ratio) - 1,
        ratio.denominator,
        ratio.numerator,
    )


def listed(axis: Axis, reach: Reach, given: int, wanted: int, stride: Fraction) -> Axis:
    """Returns what a map sees after a reach that its strides do not account for.

    That is so where an odd size was rounded up on the way down: then each position of the map is
    listed by itself.

    Args:
        axis: What the layer's input sees.
        reach: From positions of the output to those of the input.
        given: Size of the input.
        wanted: Size of the output.
        stride: Of the output.
    """

    def within(position: int) -> int:
        return min(max(position, 0), given - 1)

    spans = tuple(
        (axis.span(within(reach.first(one)))[0], axis.span(within(reach.last(one)))[1])
        for one in range(wanted)
    )
    return _shortest(spans, stride)


def _floor_of(ratio: Fraction, offset: Fraction, position: int) -> int:
    return math.floor(position * ratio + offset)


def _shortest(spans: tuple[tuple[int, int], ...], stride: Fraction) -> Axis:
    """The axis with the shortest period that says the same."""
    for period in range(1, len(spans)):
        if len(spans) % period or (stride * period).denominator != 1:
            continue
        axis = Axis(spans[:period], stride)
        if all(axis.span(position) == span for position, span in enumerate(spans)):
            return axis
    return Axis(spans, stride)

"""Options that many functions share, each group one object.

A function that takes a group as a keyword has every field of it as an option:
``zoo.build(..., normalization="group")`` reaches all those that have a ``style``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.errors import UserError
from zoo.models import checks

NORMALIZATIONS = ("batch", "group", "layer", None)


@dataclass(frozen=True, kw_only=True)
class Style:
    """What surrounds every convolution, in encoders, decoders and heads alike.

    Attributes:
        normalization: ``"batch"``, ``"group"``, ``"layer"`` or ``None``; see
            :func:`zoo.models.blocks.normalize`.
        block_activation: Name of a Keras activation.
        dropout: Share that is dropped inside each block while training.
        drop_block: What is dropped: 0 for whole channels, n for squares of n x n positions.
        noise: Standard deviation of the Gaussian noise that is added inside each block while
            training, where normalised maps have 1 (Poole et al. 2014, arXiv:1406.1831).

    Raises:
        UserError: For a value that no network can be built from.
    """

    normalization: str | None = "batch"
    block_activation: str = "relu"
    dropout: float = 0.0
    drop_block: int = 0
    noise: float = 0.0

    def __post_init__(self) -> None:
        checks.one_of("normalization", self.normalization, NORMALIZATIONS)
        checks.activation_name("block_activation", self.block_activation)
        checks.rate("dropout", self.dropout)
        checks.whole("drop_block", self.drop_block, minimum=0)
        checks.rate("noise", self.noise, "standard deviation")
        if self.drop_block and not self.dropout:
            raise UserError(
                f"drop_block={self.drop_block!r} drops nothing without a rate; give dropout= as "
                "well"
            )


@dataclass(frozen=True, kw_only=True)
class Layout(Style):
    """How an encoder's stages are laid out; what is for stages is one value, or one a stage.

    Attributes:
        kernel_size: Height and width of the kernels.
        dilation: Step between a kernel's taps: a wider field of view at the same cost.
        padding: ``"same"`` keeps the size; ``"valid"`` takes a border at every convolution.
        downsample: ``"max"`` or ``"average"`` (2x2 pooling before a stage), or ``"stride"`` (its
            first convolution has stride 2).
        output_stride: Where to stop shrinking: from this stride on, stages are dilated instead,
            twice as wide as the one before (Chen et al. 2017, arXiv:1706.05587). ``None`` for
            never.
    """

    kernel_size: int | Sequence[int] = 3
    dilation: int | Sequence[int] = 1
    padding: str = "same"
    downsample: str = "stride"
    output_stride: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("padding", self.padding, ("same", "valid"))
        checks.one_of("downsample", self.downsample, ("max", "average", "stride"))
        if self.output_stride is not None:
            checks.whole("output_stride", self.output_stride)


@dataclass(frozen=True, kw_only=True)
class Residual(Layout):
    """Stages of blocks with or without shortcuts around them.

    Attributes:
        residual: Whether the blocks have shortcuts.
        preactivation: Normalization and activation before each convolution instead of after it
            (He et al. 2016, arXiv:1603.05027).
        squeeze_excitation: How many times narrower than the block the vector is from which its
            channels are weighed (Hu et al. 2018, arXiv:1709.01507; 16 there), 0 for none.
        stochastic_depth: Share of pictures for which the last block is left out while training,
            less for those before it in proportion to their depth (Huang et al. 2016,
            arXiv:1603.09382).
    """

    residual: bool = True
    preactivation: bool = False
    squeeze_excitation: int = 0
    stochastic_depth: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("residual", self.residual, (True, False))
        checks.one_of("preactivation", self.preactivation, (True, False))
        checks.whole("squeeze_excitation", self.squeeze_excitation, minimum=0)
        checks.rate("stochastic_depth", self.stochastic_depth)
        if self.stochastic_depth and not self.residual:
            raise UserError(
                f"stochastic_depth={self.stochastic_depth!r} leaves blocks out, which needs "
                "shortcuts around them; give residual=True"
            )


@dataclass(frozen=True, kw_only=True)
class Perceptron:
    """Dense layers between a pooled vector and the answers.

    Attributes:
        hidden: Units of each of them: one number, or one a layer; 0 for none.
        dropout: Share that is dropped behind each of them while training, or before the answers
            if there is none.
        block_activation: Name of the Keras activation of each.

    Raises:
        UserError: For a value that no network can be built from.
    """

    hidden: int | Sequence[int] = 0
    dropout: float = 0.0
    block_activation: str = "relu"

    def __post_init__(self) -> None:
        if isinstance(self.hidden, Sequence) and not isinstance(self.hidden, str):
            checks.wholes("hidden", self.hidden)
        else:
            checks.whole("hidden", self.hidden, minimum=0)
        checks.rate("dropout", self.dropout)
        checks.activation_name("block_activation", self.block_activation)

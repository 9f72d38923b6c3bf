"""The blocks that encoders, decoders and heads are made of: functions, tensor -> tensor.

Every convolution starts from He et al.'s normal initialisation (2015, arXiv:1502.01852) and has
no bias where a normalization follows, which would subtract it again. Layer names are fixed, so
that weights can be matched by name.
"""

from zoo.models.blocks.attention import attention_gate
from zoo.models.blocks.convolution import (
    activate,
    convolution,
    convolution_block,
    disturb,
    drop,
    groups_of,
    normalize,
)
from zoo.models.blocks.residual import (
    basic_block,
    bottleneck_block,
    squeeze_and_excite,
)
from zoo.models.blocks.upsampling import UPSAMPLINGS, enlarge, upsample

__all__ = [
    "UPSAMPLINGS",
    "activate",
    "attention_gate",
    "basic_block",
    "bottleneck_block",
    "convolution",
    "convolution_block",
    "disturb",
    "drop",
    "enlarge",
    "groups_of",
    "normalize",
    "squeeze_and_excite",
    "upsample",
]

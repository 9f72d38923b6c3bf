"""``predict.py`` beside a model: all that is left to do around it, for NumPy and Pillow.

Decoding, EXIF, fitting to the input and the way back to the picture, as
:class:`zoo.preprocess.Preprocessing` does it; what differs is the decoder of JPEGs, which
Preprocessing also lets shrink pictures that are much too large.
"""

import inspect
import textwrap
from pathlib import Path

import jinja2

from zoo.export.runtimes.contract import Format
from zoo.preprocess import CHANNELS, Preprocessing
from zoo.stems import distinct_stems, write_new
from zoo.values import SIXTEEN_BITS, Values

PROGRAM = "predict.py"

# Pillow's names of pictures of so many channels.
_MODES: dict[int, str] = dict(zip(CHANNELS, ("L", "RGB", "RGBA"), strict=True))


def write_program(
    folder: Path, format_: Format, preprocessing: Preprocessing, outputs: tuple[str, ...]
) -> None:
    """Writes ``predict.py``, which asks the model beside it about files.

    Args:
        folder: Of the model and its card.
        format_: Of the model.
        preprocessing: Of the model.
        outputs: Of the model: ``class``, ``box`` or ``mask``.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template(f"{PROGRAM}.j2").render(
        title=format_.title,
        file=format_.files[0],
        runtime=format_.runtime,
        load=_plain(inspect.getsource(format_.load)),
        distinct_stems=inspect.getsource(distinct_stems).rstrip(),
        write_new=inspect.getsource(write_new).rstrip(),
        fit=preprocessing.fit,
        channels=preprocessing.channels,
        mode=_MODES.get(preprocessing.channels),
        outputs=outputs,
    )
    (folder / PROGRAM).write_text(text, encoding="utf-8")


def refuses(data: bytes, values: Values | None) -> bool:
    """Returns whether ``predict.py`` refuses an encoded picture that the zoo reads.

    Of a PNG of 16 bits in colour or with alpha Pillow keeps the upper 8, which are the right
    ones of the whole range alone.

    Args:
        data: A picture that the zoo reads.
        values: Of the model's preprocessing.
    """
    # A PNG's header (RFC 2083): bits of a sample at byte 24, kind of colours at 25, 0 being gray.
    deep = data.startswith(b"\x89PNG") and data[24] == 16 and data[25] != 0
    return deep and values not in (None, SIXTEEN_BITS)


def _plain(source: str) -> str:
    # Names that only the package knows.
    return textwrap.dedent(source).replace("(path: Path) -> Network:", "(path):").rstrip()

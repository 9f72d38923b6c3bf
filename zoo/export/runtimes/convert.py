"""Publishing in other formats: written aside, verified in its runtime, scored, renamed."""

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zoo.errors import CheckError, UserError
from zoo.export.card import facts, write_card
from zoo.export.publish import replace as replace_folder
from zoo.export.replay import CARD
from zoo.export.runtimes.answers import Network
from zoo.export.runtimes.contract import Calibration, Format
from zoo.export.runtimes.program import write_program
from zoo.export.runtimes.quiet import quietly
from zoo.export.runtimes.score import Scored, Scorer, judge
from zoo.export.runtimes.traced import Traced
from zoo.export.runtimes.verify import Agreement, Requests, verify
from zoo.export.told import Told
from zoo.export.tolerance import ANSWERS, TOLERANCES
from zoo.inference import Predictor


@dataclass(frozen=True)
class Converted:
    """A model in one format, or why there is none.

    Attributes:
        format: Its name; ``"keras"`` for the model itself.
        precision: ``"float32"``, ``"bfloat16"`` or ``"int8"``.
        path: Folder of the model; ``None`` where nothing was published.
        size_bytes: Of the model's files, of the Keras model's weights.
        agreement: With the Keras model; ``None`` where it was not measured.
        scored: On the test split, if that was asked for.
        failed: Why it was not published; empty where it was.
    """

    format: str
    precision: str
    path: Path | None
    size_bytes: int = 0
    agreement: Agreement | None = None
    scored: Scored | None = None
    failed: str = ""

    def to_json(self) -> dict[str, Any]:
        """Returns the same as plain values."""
        return {
            "format": self.format,
            "precision": self.precision,
            "path": None if self.path is None else str(self.path),
            "bytes": self.size_bytes,
            "verification": None if self.agreement is None else asdict(self.agreement),
            **(asdict(self.scored) if self.scored else {}),
            **({"failed": self.failed} if self.failed else {}),
        }


class Converter:
    """Publishes one model in several formats.

    Args:
        predictor: The model and everything around it.
        destination: Below which each format has its folder, ``FORMAT`` or ``FORMAT-int8``.
        name: Of the model, for its card.
        pictures: To verify with, of the data the model is for.
        told: What the card says of where the model comes from.
        license: Of the model, for its card.
        calibration: To quantize by, where int8 is wanted.
        scorer: If the formats are to be scored.
        original: What the scorer said of the Keras model.

    Raises:
        UserError: If the model is too large.
        CheckError: If no picture to verify with can be read.
    """

    def __init__(
        self,
        predictor: Predictor,
        destination: Path,
        name: str,
        pictures: Sequence[Any],
        told: Told,
        *,
        license: str | None = None,
        calibration: Calibration | None = None,
        scorer: Scorer | None = None,
        original: Scored | None = None,
    ):
        self._predictor = predictor
        self._destination = destination
        self._name = name
        self._told = told
        self._license = license
        self._calibration = calibration
        self._scorer = scorer
        self._original = original
        self._requests = Requests(predictor, pictures)
        self._traced = Traced(predictor)

    def folder(self, format_: Format, precision: str) -> Path:
        """Returns where a model goes.

        Raises:
            UserError: If something is there already that was not published so.
        """
        suffix = "" if precision == "float32" else f"-{precision}"
        folder = self._destination / f"{format_.name}{suffix}"
        if folder.is_symlink() or (folder.exists() and not (folder / CARD).is_file()):
            what = "a link" if folder.is_symlink() else f"there already and holds no {CARD}"
            raise UserError(
                f"{folder} is {what}, so that it is not replaced; remove it, or choose another --to"
            )
        return folder

    def convert(self, format_: Format, precision: str) -> Converted:
        """Publishes the model in a format; one that fails a check is not published, and says why.

        Args:
            format_: Which.
            precision: ``"float32"``, or ``"int8"`` where there is a calibration.

        Raises:
            UserError: If the place cannot be written to.
        """
        folder = self.folder(format_, precision)
        found = Converted(format_.name, precision, None)

        def fill(staged: Path) -> None:
            nonlocal found
            self._write(format_, staged, precision)
            files = [staged / name for name in format_.files]
            found = replace(found, size_bytes=sum(file.stat().st_size for file in files))
            card = self._card(format_, precision)
            write_card(staged, card)
            write_program(
                staged, format_, self._predictor.preprocessing, self._predictor.task.targets
            )
            tolerance, answers = TOLERANCES[precision], ANSWERS[precision]

            @functools.cache
            def load() -> Network:
                with quietly():
                    network = format_.load(files[0])
                    # Some say what they run on when they are first asked.
                    network(self._requests.pixels[:1])
                return network

            agreement = verify(staged, self._requests, tolerance, answers, load)
            found = replace(found, agreement=agreement)
            seen: dict[str, Any] = {
                **asdict(agreement),
                "tolerance": asdict(tolerance),
                "answers_tolerance": asdict(answers),
            }
            if self._scorer is not None and self._original is not None:
                scored = self._scorer.network(load(), f"{format_.title} in {precision}")
                found = replace(found, scored=scored)
                judge(self._scorer.name, self._original, scored, precision)
                seen["test"] = {"pictures": scored.pictures, "scores": scored.scores}
            write_card(staged, {**card, "verification": seen})

        try:
            replace_folder(folder, fill)
        except CheckError as error:
            return replace(
                found, failed=f"{format_.title} in {precision}: {error}; it was not published"
            )
        return replace(found, path=folder)

    def _write(self, format_: Format, staged: Path, precision: str) -> None:
        calibration = self._calibration if precision == "int8" else None
        try:
            with quietly():
                format_.write(self._traced, staged, calibration)
        except (OSError, UserError, CheckError):
            raise
        except Exception as error:
            # Whatever a converter raises, it is this format that the model is not for.
            reason = (str(error).strip().splitlines() or ["no message"])[0]
            raise CheckError(
                f"it cannot be converted: {type(error).__name__}: {reason[:300]}"
            ) from error

    def _card(self, format_: Format, precision: str) -> dict[str, Any]:
        predictor, calibration = self._predictor, self._calibration
        height, width = predictor.preprocessing.size
        outputs: Any = predictor.model.output
        return {
            "name": self._name,
            "task": predictor.task.name,
            "format": format_.name,
            "precision": precision,
            "files": list(format_.files),
            "class_names": list(predictor.class_names),
            "license": self._license,
            "input": {
                "name": "image",
                "dtype": "float32",
                "shape": [None, height, width, predictor.preprocessing.channels],
                "range": [0, 255],
            },
            "outputs": {
                name: {"dtype": "float32", "shape": list(output.shape)}
                for name, output in outputs.items()
            },
            "preprocessing": predictor.preprocessing.to_json(),
            "calibration": (
                {"split": "train", "pictures": len(calibration)}
                if precision == "int8" and calibration is not None
                else None
            ),
            **self._told.to_json(),
            **facts(format_.runtime),
        }

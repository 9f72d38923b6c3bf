"""What became of the weights of a file, layer by layer."""

from dataclasses import dataclass

Shapes = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Difference:
    """A layer that is not the same in the file and in the model.

    Attributes:
        name: Of the layer.
        in_file: Shapes of its arrays in the file; empty if it is not there.
        in_model: Shapes of its weights in the model; empty if it is not there.
    """

    name: str
    in_file: Shapes = ()
    in_model: Shapes = ()

    def __str__(self) -> str:
        if not self.in_file:
            return f"{self.name} is not in the file, its shapes are {list(self.in_model)}"
        if not self.in_model:
            return f"{self.name} is not in the model, its shapes are {list(self.in_file)}"
        return (
            f"{self.name} has shapes {list(self.in_file)} in the file and "
            f"{list(self.in_model)} in the model"
        )


@dataclass(frozen=True)
class WeightReport:
    """What was loaded into a model, what was not, and what was changed on the way.

    Attributes:
        source: Where the weights are from.
        copied: Names of the layers that were copied as they are.
        adapted: Layers whose kernel was fitted to the model's number of input channels.
        missing: Layers of the model that are not in the file; they keep what they had.
        surplus: Layers of the file that are not in the model.
        reshaped: Layers of other shapes in the file; they keep what they had.
        first_kernel: How kernels were fitted.

    Example:
        >>> print(load_weights(model, "runs/old", partial=True))
        weights of runs/old: 8 layers loaded
        class_logits has shapes [(4, 2), (2,)] in the file and [(4, 5), (5,)] in the model
    """

    source: str
    copied: tuple[str, ...] = ()
    adapted: tuple[Difference, ...] = ()
    missing: tuple[Difference, ...] = ()
    surplus: tuple[Difference, ...] = ()
    reshaped: tuple[Difference, ...] = ()
    first_kernel: str = "repeat"

    @property
    def unmatched(self) -> tuple[Difference, ...]:
        """Everything that was not loaded."""
        return (*self.reshaped, *self.missing, *self.surplus)

    @property
    def loaded(self) -> int:
        """How many layers were loaded, as they are or fitted."""
        return len(self.copied) + len(self.adapted)

    def lines(self) -> list[str]:
        """Returns what there is to say, a line for each layer that was not simply copied."""
        return [
            f"weights of {self.source}: {self.loaded} layers loaded",
            *(self._adaptation(layer) for layer in self.adapted),
            *map(str, self.unmatched),
        ]

    def _adaptation(self, layer: Difference) -> str:
        old, new = layer.in_file[0], layer.in_model[0]
        return (
            f"{layer.name}: its kernel for {old[2]} input channels was fitted to {new[2]} "
            f"(first_kernel={self.first_kernel!r})"
        )

    def __str__(self) -> str:
        return "\n".join(self.lines())

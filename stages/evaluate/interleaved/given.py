"""What is evaluated: the rows, their pictures, and where the models are."""

from dataclasses import dataclass
from pathlib import Path

from stages.interleaved.contexts import Vectors
from stages.interleaved.model import Views
from stages.interleaved.recipe import InterleavedRecipe
from stages.tokenize.interleaved.rows import TokenizedRow


@dataclass(frozen=True)
class Given:
    """`train` has a row for each text, `test` one for each picture."""

    params: InterleavedRecipe
    base: Path
    trained: Path
    synonyms: Path
    train: list[TokenizedRow]
    test: list[TokenizedRow]
    views: Views
    vectors: Vectors | None

    @property
    def entities(self) -> list[str]:
        return [row.entity for row in self.test]

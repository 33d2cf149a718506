"""What `seal` reads of a recipe's row, whatever its objective."""

from pydantic import BaseModel, ConfigDict

from stages.recipe import Model


class SealedRecipe(BaseModel):
    """The parts that every objective's row has; each objective's own class has checked the rest before."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    objective: str
    source: str
    dataset: str
    base: str
    parent: str
    task: str
    model: Model | dict[str, Model]

    @property
    def data_folder(self) -> str:
        """What tokenize read, as dvc.yaml has it."""
        return f"data/{self.source}/{self.dataset}"

    @property
    def models(self) -> dict[str, Model]:
        """The base's model under "", or each part under its name."""
        return {"": self.model} if isinstance(self.model, Model) else dict(self.model)

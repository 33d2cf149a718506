"""A recipe that joins a frozen CLIP tower and a quantised causal LM by a projector: LLaVA's two steps.

`align` trains the projector alone, on captions; `instruct` trains it and LoRA, on conversations (Liu et al.
2023, arXiv:2304.08485). The projector's default shape is that of LLaVA-1.5 (arXiv:2310.03744).
"""

from string import Formatter
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from stages.chat import IMAGE
from stages.params import Device, Params
from stages.recipe import Model, QLoRA, Recipe

Task = Literal["align", "instruct"]
ProjectorKind = Literal["mlp", "residual"]


class Parts(Params):
    """The two frozen models: hub models with their commits, or both the one embedded base."""

    language: Model
    vision: Model


class Tokenize(Params):
    """How a conversation reads: `system`, then `user` and `assistant` by turns, each answer ended by EOS.

    `longest_answer` counts characters (of a caption too), `max_length` tokens, those of the picture included.
    """

    system: str = ""
    user: str = "USER: {question}"
    assistant: str = "ASSISTANT: {answer}"
    caption_prompts: tuple[str, ...] = Field(("Describe the picture in one sentence.",), min_length=1)
    captions_a_picture: int | None = Field(None, gt=0)  # null: all; of a test picture all are references
    max_length: int = Field(512, ge=16)
    longest_answer: int | None = Field(200, gt=0)  # null: any

    @field_validator("user", "assistant")
    @classmethod
    def _one_field(cls, template: str, info: object) -> str:
        field = "question" if getattr(info, "field_name", "") == "user" else "answer"
        try:
            fields = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
        except ValueError as error:
            raise ValueError(f"the template is no format string: {error}") from None
        if fields != [field]:
            raise ValueError(f"the template must hold {{{field}}} once and no other field, found: {fields or 'none'}")
        if field == "answer" and not template.endswith("{answer}"):
            raise ValueError("`assistant` must end with {answer}: the answer is ended by the end of sequence alone")
        if not template.partition("{")[0].strip():
            raise ValueError(f"`{field}` needs a name before it, such as USER: or ASSISTANT:")
        return template

    @model_validator(mode="after")
    def _no_picture(self) -> Self:
        for text in (self.system, self.user, self.assistant, *self.caption_prompts):
            if IMAGE in text:
                raise ValueError(f"a template must not hold {IMAGE}: the picture stands before the first question")
        if any(not prompt.strip() for prompt in self.caption_prompts):
            raise ValueError("`caption_prompts` must not be empty texts")
        return self


class Train(QLoRA):
    """The projector's shape and rate beside QLoRA's numbers; `align` leaves LoRA out.

    `projector_learning_rate` null: the projector learns at `learning_rate`.
    """

    projector: ProjectorKind = "mlp"
    projector_learning_rate: float | None = Field(None, gt=0, lt=1)
    lora_rank: int = Field(64, gt=0, le=512)
    lora_alpha: int = Field(16, gt=0)
    target_modules: tuple[str, ...] = Field(("q_proj", "k_proj", "v_proj", "fc1", "fc2"), min_length=1)

    @property
    def projector_rate(self) -> float:
        return self.learning_rate if self.projector_learning_rate is None else self.projector_learning_rate


class Evaluate(Params):
    """Captions and answers on the test pictures, with and without the picture.

    `pictures`: how many are asked about at most, those with the smallest sha256; null: all.
    """

    batch_size: int = Field(64, gt=0)
    max_new_tokens: int = Field(64, gt=0)
    pictures: int | None = Field(1000, gt=1)
    bootstrap_samples: int = Field(2000, ge=100)
    seed: int = 1
    device: Device = "auto"


class ChatRecipe(Recipe):
    """One row whose `objective` is `chat`."""

    objective: Literal["chat"]
    source: Literal["curate"]
    features: str = Field(min_length=1)
    task: Task
    model: Parts
    tokenize: Tokenize
    train: Train
    evaluate: Evaluate

    @property
    def models(self) -> tuple[Model, ...]:
        """What is downloaded, or lies in models/base."""
        return (self.model.language, self.model.vision)

    @property
    def train_adapter(self) -> bool:
        """Whether LoRA is trained beside the projector."""
        return self.task == "instruct"

    @field_validator("features")
    @classmethod
    def _cached(cls, name: str) -> str:
        if name == "none":
            raise ValueError("this objective reads patches: name a row under `features:` whose `what` is `patches`")
        return name

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.task == "align" and self.parent != "none":
            raise ValueError("`parent` of task `align` must be none: a projector starts anew")
        if self.parent != "none" and not self.parent.removeprefix("trained/").strip("/."):
            raise ValueError("`parent` must be none or trained/NAME")
        if self.parent != "none" and not self.parent.startswith("trained/"):
            raise ValueError("`parent` must be none or trained/NAME, the adapter that `align` wrote")
        return self

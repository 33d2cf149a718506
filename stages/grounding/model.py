"""FROMAGe: a frozen language model that reads pictures and asks for them (Koh et al. 2023, arXiv:2301.13823).

Three linear maps and one embedding row are trained. The frozen language model and CLIP tower are not
submodules: `parameters()`, `state_dict()` and `save_pretrained` know the eight trained tensors alone, whose
names are those of the released checkpoint (github.com/kohjingyu/fromage).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedModel
from transformers.modeling_outputs import ModelOutput

from stages.bases import compute_as_in_training
from stages.grounding import IMAGE
from stages.grounding.configuration import FromageConfig
from stages.grounding.generation import Answers, answer
from stages.grounding.losses import next_token_loss


@dataclass
class FromageOutput(ModelOutput):  # type: ignore[misc]
    """`loss` when labels were given (nats a token), and the last hidden state (n, length, language_width)."""

    loss: Tensor | None = None
    last_hidden_state: Tensor | None = None
    past_key_values: Any = None


class Fromage(PreTrainedModel):  # type: ignore[misc]
    """The eight trained tensors, over any OPT-like causal LM and CLIP vision tower (`attach`).

    OPT-like: the logits are `get_output_embeddings()` of the base model's last hidden state, and nothing else.

    `input_ids` are interleaved: text, and for each picture `config.visual_tokens` times `IMAGE`, which the
    pictures' `features` (pictures, vision_width) fill in reading order. A caption, two concatenated pairs and
    a dialogue differ in their ids only. Features are the tower's pooled output, cached or from `pixel_values`.
    """

    config_class = FromageConfig
    base_model_prefix = ""
    main_input_name = "input_ids"

    def __init__(self, config: FromageConfig) -> None:
        super().__init__(config)
        width, k = config.language_width, config.visual_tokens
        self.visual_embeddings = nn.Linear(config.vision_width, width * k)
        self.visual_fc = nn.Linear(config.vision_width, config.shared_width)
        self.text_hidden_fcs = nn.ModuleList([nn.Sequential(nn.Linear(width, config.shared_width))])
        self.logit_scale = nn.Parameter(torch.tensor(float(config.logit_scale)))
        self.ret_input_embeddings = nn.Embedding(1, width)
        self._frozen: tuple[Any, Any] | None = None
        self._usual_norm: float | None = None
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """PyTorch's own, as the released model has it; transformers' normal of 0.02 is 10x tighter or wider."""
        if isinstance(module, nn.Linear | nn.Embedding):
            module.reset_parameters()
        elif module is self:
            nn.init.constant_(self.logit_scale, float(self.config.logit_scale))

    # The frozen parts

    @classmethod
    def over(cls, language: Any, vision: Any, /, *, ret_id: int, seed: int, **config: Any) -> Self:
        """A fresh model: its widths are read off the two parts; `config` has the rest of `FromageConfig`."""
        widths = {
            "language_width": language.get_input_embeddings().embedding_dim,
            "vision_width": vision.config.hidden_size,
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = cls(FromageConfig(ret_id=ret_id, **widths, **config))
        model.attach(language, vision)
        model.start_ret()
        return model

    def attach(self, language: Any, vision: Any | None) -> Self:
        """Hold the frozen parts in their dtype and quantisation; None for a tower that isn't needed.

        The trained tensors, and the tower, go to the language model's device.
        """
        table, head = language.get_input_embeddings(), language.get_output_embeddings()
        for what, found in (("input embeddings", table.embedding_dim), ("output head", head.in_features)):
            if found != self.config.language_width:
                raise ValueError(f"the language model's {what} are {found} wide, not {self.config.language_width}")
        if self.config.ret_id > table.num_embeddings:
            raise ValueError(f"[RET] is {self.config.ret_id}, but the language model has {table.num_embeddings} rows")
        if vision is not None and vision.config.hidden_size != self.config.vision_width:
            raise ValueError(f"the tower is {vision.config.hidden_size} wide, not {self.config.vision_width}")
        for part in (language, vision):
            if part is not None:
                part.requires_grad_(False).eval()
        # A generation between two steps would repack NF4 weights for good, and no gradient passes through those.
        compute_as_in_training(language)
        self._frozen, self._usual_norm = (language, vision), None
        self.to(language.device)
        return self

    @property
    def language(self) -> Any:
        if self._frozen is None:
            raise ValueError("this is a shell without its frozen parts: call `attach(language, vision)` first")
        return self._frozen[0]

    @property
    def vision(self) -> Any:
        if self._frozen is None or self._frozen[1] is None:
            raise ValueError("no vision tower is attached: give cached `features`, or `attach(language, vision)`")
        return self._frozen[1]

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        """Moving the model moves the frozen parts too, but casts only what is trained."""
        super()._apply(fn, recurse)
        for part in self._frozen or ():
            if part is not None and part.device != self.device:
                part.to(self.device)
        return self

    # Pictures and text

    def features_of(self, pixel_values: Tensor) -> Tensor:
        """The tower's pooled output (pictures, vision_width), in float32."""
        tower = self.vision
        with torch.no_grad():
            pooled: Tensor = tower(pixel_values=pixel_values.to(tower.device, tower.dtype)).pooler_output
        return pooled.float()

    def visual_prefix(self, features: Tensor) -> Tensor:
        """What the language model reads of each picture: (pictures, visual_tokens, language_width)."""
        tokens: Tensor = self.visual_embeddings(features.to(self.device, self.dtype))
        return tokens.view(-1, self.config.visual_tokens, self.config.language_width)

    def image_embeddings(self, features: Tensor) -> Tensor:
        """Pictures in the shared space: (pictures, shared_width), of length 1."""
        return functional.normalize(self.visual_fc(features.to(self.device, self.dtype)), dim=-1)

    def text_embeddings(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        features: Tensor | None = None,
        pixel_values: Tensor | None = None,
    ) -> Tensor:
        """Texts (or dialogues with pictures) in the shared space: (n, shared_width), of length 1."""
        return self.at_ret(self.hidden_of(input_ids, attention_mask, features, pixel_values)[0], input_ids)

    def at_ret(self, hidden: Tensor, input_ids: Tensor) -> Tensor:
        """The shared-space embedding (n, shared_width) at each row's last [RET]; ValueError for a row without."""
        is_ret = (input_ids == self.config.ret_id).to(hidden.device)
        if not bool(is_ret.any(dim=1).all()):
            raise ValueError(
                f"rows {(~is_ret.any(dim=1)).nonzero().flatten().tolist()} hold no {self.config.ret_token}"
            )
        places = torch.arange(input_ids.shape[1], device=is_ret.device)
        last = (is_ret * places).argmax(dim=1)
        return self.shared(hidden[torch.arange(len(hidden), device=hidden.device), last])

    def shared(self, hidden: Tensor) -> Tensor:
        """Hidden states (n, language_width) to the shared space: (n, shared_width), of length 1."""
        return functional.normalize(self.text_hidden_fcs[0](hidden.to(self.dtype)), dim=-1)

    def embed(self, ids: Tensor, features: Tensor | None = None) -> Tensor:
        """Input embeddings (n, length, language_width), in the language model's dtype.

        ValueError when a row's `IMAGE` ids are no whole pictures, or not as many as there are features.
        """
        table, k = self.language.get_input_embeddings(), self.config.visual_tokens
        ids = ids.to(self.device)
        is_ret, is_image = ids == self.config.ret_id, ids == IMAGE
        embedded: Tensor = table(ids.masked_fill(is_ret | is_image, 0))
        embedded = torch.where(is_ret[..., None], self.ret_input_embeddings.weight[0].to(embedded.dtype), embedded)
        counts = is_image.sum(dim=1)
        given = 0 if features is None else len(features)
        if bool((counts % k != 0).any()) or int(counts.sum()) != given * k:
            raise ValueError(f"rows hold {counts.tolist()} visual tokens; {given} pictures need {k} each")
        if features is None or not given:
            return embedded
        return embedded.masked_scatter(is_image[..., None], self.visual_prefix(features).to(embedded.dtype))

    def hidden_of(
        self,
        input_ids: Tensor | None,
        attention_mask: Tensor | None = None,
        features: Tensor | None = None,
        pixel_values: Tensor | None = None,
        *,
        inputs_embeds: Tensor | None = None,
        past_key_values: Any = None,
        use_cache: bool = False,
    ) -> tuple[Tensor, Any]:
        """The last hidden state (n, length, language_width), which the head reads too, and the cache.

        Positions are counted from the mask, so that padding on either side changes nothing.
        """
        if inputs_embeds is None:
            if input_ids is None:
                raise ValueError("give `input_ids`, or `inputs_embeds`")
            if features is None and pixel_values is not None:
                features = self.features_of(pixel_values)
            inputs_embeds = self.embed(input_ids, features)
        if attention_mask is None:
            attention_mask = torch.ones(inputs_embeds.shape[:2], dtype=torch.long, device=inputs_embeds.device)
        attention_mask = attention_mask.to(inputs_embeds.device)
        positions = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)[:, -inputs_embeds.shape[1] :]
        output = self.language.base_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=positions,
            past_key_values=past_key_values,
            use_cache=use_cache,
        )
        return output.last_hidden_state, output.past_key_values

    def logits_of(self, hidden: Tensor) -> Tensor:
        """Logits (n, ret_id + 1) of states (n, language_width); the last column is [RET]'s.

        OPT's matrix is padded beyond its tokenizer (50272 rows, 50265 tokens). Those rows mean nothing, and
        [RET]'s id is one of them, so they are cut, as the released code cuts the matrix to the tokenizer.
        """
        head = self.language.get_output_embeddings()
        hidden = hidden.to(head.weight.dtype)  # mixed precision hands float32 states out of `forward`
        known: Tensor = head(hidden)[..., : self.config.ret_id]
        ret = functional.linear(hidden, self.ret_input_embeddings.weight.to(hidden.dtype))
        return torch.cat([known, ret.to(known.dtype)], dim=-1)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        features: Tensor | None = None,
        pixel_values: Tensor | None = None,
        labels: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> FromageOutput:
        """Hidden states of interleaved rows, and with `labels` (n, length) their next-token loss."""
        hidden, _ = self.hidden_of(input_ids, attention_mask, features, pixel_values, inputs_embeds=inputs_embeds)
        loss = None if labels is None else next_token_loss(hidden, labels, self.logits_of)
        return FromageOutput(loss=loss, last_hidden_state=hidden)

    @torch.no_grad()
    def generate(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        features: Tensor | None = None,
        pixel_values: Tensor | None = None,
        *,
        max_new_tokens: int,
        stop_ids: Collection[int] = (),
        ret_scale_factor: float = 1.0,
        min_word_tokens: int = 0,
    ) -> Answers:
        """Greedy continuation of interleaved rows (`stages/grounding/generation.py` says how)."""
        if features is None and pixel_values is not None:
            features = self.features_of(pixel_values)
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        return answer(
            self,
            input_ids.to(self.device),
            mask.to(self.device),
            features,
            max_new_tokens=max_new_tokens,
            stop_ids=stop_ids,
            ret_scale_factor=ret_scale_factor,
            min_word_tokens=min_word_tokens,
        )

    @torch.no_grad()
    def start_ret(self) -> None:
        """Put the [RET] row at the mean of the frozen rows, where it disturbs the other tokens least.

        (Hewitt 2021, "Initializing new word embeddings for pretrained language models"; transformers resizes
        embeddings the same way.) From a random direction a small model took several times as long.
        """
        rows = self.language.get_input_embeddings().weight[: self.config.ret_id]
        self.ret_input_embeddings.weight.copy_(rows.float().mean(dim=0, keepdim=True))

    @torch.no_grad()
    def renormalise_ret(self) -> None:
        """Scale the [RET] row to the mean length of the frozen rows; a trainer calls it after every step.

        From the released code's main.py, which does so after each batch; the paper doesn't mention it. Tied
        input and output embeddings make a longer row louder in every softmax.
        """
        if self._usual_norm is None:
            rows = self.language.get_input_embeddings().weight[: self.config.ret_id]
            self._usual_norm = float(rows.float().norm(dim=1).mean())
        row = self.ret_input_embeddings.weight
        row.mul_(self._usual_norm / row.norm())


def register() -> None:
    """Make `AutoConfig` and `AutoModel` know `fromage`, without remote code; calling it again changes nothing."""
    AutoConfig.register("fromage", FromageConfig, exist_ok=True)
    AutoModel.register(FromageConfig, Fromage, exist_ok=True)

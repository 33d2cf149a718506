"""Trains the base from scratch: one process a core, each drawing its own material as it goes.

Beside the answers, a linear head on the image tokens (thrown away at the end) names the letter and
the mark at every half patch along the strip: some twenty labels a picture instead of one to five.

Data-parallel over processes beats threads here: at this size a matrix product is too small to share.
What is learned depends on (seed, step, rank, processes), so `threads` is a tracked param.
"""

import json
import os
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.foundation.paligemma2.architecture import HIDDEN, PATCH
from stages.foundation.paligemma2.drawing import HEIGHT, MARKS, PIXEL_MEAN, PIXEL_STD, WIDTH, draw
from stages.foundation.paligemma2.questions import LONGEST, Question, ask

# Longest word before each step: short words first.
CURRICULUM = ((350, 8), (840, 14))
CHECKPOINT_EVERY = 250  # steps
LETTERS = string.ascii_letters
ROWS, COLUMNS = HEIGHT // PATCH, WIDTH // PATCH
PER_COLUMN = 2  # places a column of patches at which letter and mark are named


@dataclass(frozen=True)
class Schedule:
    """`batch` is over all processes. Each of `cycles` is (steps, peak learning rate): warm-up, then a cosine to 0."""

    cycles: tuple[tuple[int, float], ...]
    batch: int
    warmup_steps: int
    weight_decay: float
    seed: int
    processes: int

    @property
    def steps(self) -> int:
        return sum(steps for steps, _ in self.cycles)

    def learning_rate(self, step: int) -> float:
        """The rate at `step`, counted over all cycles."""
        for steps, peak in self.cycles:
            if step < steps:
                warm = min(1.0, (step + 1) / self.warmup_steps)
                return float(peak * warm * 0.5 * (1 + np.cos(np.pi * step / steps)))
            step -= steps
        return 0.0


def longest_at(step: int) -> int:
    """The longest word drawn at `step`."""
    return next((longest for end, longest in CURRICULUM if step < end), LONGEST)


class Encoder:
    """Questions to token ids, the same ids as PaliGemmaProcessor's, without its cost a sample."""

    def __init__(self, tokenizer: Any, image_tokens: int) -> None:
        self.tokenizer, self.known = tokenizer, {}  # type: Any, dict[str, list[int]]
        self.image = [tokenizer.image_token_id] * image_tokens

    def ids(self, text: str) -> list[int]:
        if text not in self.known:
            self.known[text] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return self.known[text]

    def __call__(self, question: Question) -> tuple[list[int], list[int]]:
        """Prefix ids (image, <bos>, prompt, newline) and suffix ids (answer, <eos>)."""
        prefix = self.image + self.ids(self.tokenizer.bos_token + question.prompt + "\n")
        answer = [token for part in question.suffix.split(" ") for token in self.ids(part)]
        return prefix, [*answer, self.tokenizer.eos_token_id]

    def batch(self, drawn: "Drawn") -> dict[str, Any]:
        """Padded on the right: input_ids, attention_mask, token_type_ids, labels, pixel_values."""
        import torch

        pairs = [self(question) for question in drawn.questions]
        width = max(len(prefix) + len(suffix) for prefix, suffix in pairs)
        shape = (len(pairs), width)
        ids = np.full(shape, self.tokenizer.pad_token_id)
        mask, kinds, labels = np.zeros(shape, int), np.zeros(shape, int), np.full(shape, -100)
        for row, (prefix, suffix) in enumerate(pairs):
            start, end = len(prefix), len(prefix) + len(suffix)
            ids[row, :end] = prefix + suffix
            mask[row, :end] = 1
            kinds[row, start:end] = 1
            labels[row, start:end] = suffix
        pixels = torch.from_numpy(drawn.strips).permute(0, 3, 1, 2).float().div_(255).sub_(PIXEL_MEAN).div_(PIXEL_STD)
        named = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds, "labels": labels}
        return {name: torch.from_numpy(array) for name, array in named.items()} | {"pixel_values": pixels}


@dataclass(frozen=True)
class Drawn:
    """Questions, their strips (uint8, n x HEIGHT x WIDTH x 3), and what stands where along them.

    `letters` and `marks` are (n, COLUMNS * PER_COLUMN): index into LETTERS, or len(LETTERS) for none;
    1 + index into MARKS, or 0 for none.
    """

    questions: list[Question]
    strips: np.ndarray
    letters: np.ndarray
    marks: np.ndarray


def draw_batch(schedule: Schedule, step: int, rank: int, faces: list[Path]) -> Drawn:
    """This rank's share of one step."""
    rng = np.random.default_rng([schedule.seed, step, rank])
    longest = longest_at(step)
    questions = [ask(rng, faces, longest) for _ in range(schedule.batch // schedule.processes)]
    places = (np.arange(COLUMNS * PER_COLUMN) + 0.5) * PATCH / PER_COLUMN
    strips = np.empty((len(questions), HEIGHT, WIDTH, 3), np.uint8)
    letters = np.full((len(questions), len(places)), len(LETTERS))
    marks = np.zeros_like(letters)
    for row, question in enumerate(questions):
        line = question.line
        strips[row], spans = draw(line, rng, question.whole_line)
        for index, (start, end) in enumerate(spans):
            here = (places >= start) & (places < end)
            letters[row, here] = LETTERS.index(line.word[index])
            if line.mark and index == line.index:
                marks[row, here] = 1 + MARKS.index(line.mark)
    return Drawn(questions, strips, letters, marks)


def make_place_head() -> Any:
    """One linear map: a column's image tokens -> letter and mark at each of its places."""
    import torch

    return torch.nn.Linear(ROWS * HIDDEN, PER_COLUMN * (len(LETTERS) + 1 + len(MARKS) + 1))


def losses(model: Any, place_head: Any, batch: dict[str, Any], drawn: Drawn) -> tuple[Any, Any]:
    """(answer loss, place loss). Logits of answers are computed only where there is an answer."""
    import torch
    import torch.nn.functional as functional

    labels = batch["labels"][:, 1:]
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    out = model.model(**inputs, use_cache=False)
    asked = labels != -100
    answer = functional.cross_entropy(model.lm_head(out.last_hidden_state[:, :-1][asked]).float(), labels[asked])
    tokens = out.image_hidden_states.unflatten(1, (ROWS, COLUMNS)).transpose(1, 2).flatten(2)
    named = place_head(tokens).float().unflatten(-1, (PER_COLUMN, -1)).flatten(0, 2)
    letters, marks = named.split([len(LETTERS) + 1, len(MARKS) + 1], dim=-1)
    place = functional.cross_entropy(letters, torch.from_numpy(drawn.letters).flatten())
    return answer, place + functional.cross_entropy(marks, torch.from_numpy(drawn.marks).flatten())


def train(schedule: Schedule, tokenizer_folder: Path, faces: list[Path], scratch: Path) -> None:
    """Train in `schedule.processes` processes; leaves `scratch/model.pt`. Resumes an interrupted run."""
    from torch.multiprocessing.spawn import spawn

    scratch.mkdir(parents=True, exist_ok=True)
    rendezvous = scratch / "rendezvous"
    rendezvous.unlink(missing_ok=True)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    arguments = (schedule, tokenizer_folder, faces, scratch, rendezvous.absolute())
    spawn(_work, arguments, nprocs=schedule.processes, join=True)  # type: ignore[no-untyped-call]


def _work(rank: int, schedule: Schedule, tokenizer_folder: Path, faces: list[Path], scratch: Path, meet: Path) -> None:
    import torch
    import torch.distributed as distributed
    from tqdm import tqdm
    from transformers import AutoTokenizer

    from stages.foundation.paligemma2.architecture import IMAGE_TOKENS, make_model

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    distributed.init_process_group("gloo", init_method=f"file://{meet}", rank=rank, world_size=schedule.processes)
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    torch.manual_seed(schedule.seed)
    model = make_model(tokenizer).train()
    place_head = make_place_head()
    encoder = Encoder(tokenizer, IMAGE_TOKENS)
    learned = torch.nn.ModuleList([model, place_head])
    decayed = [p for p in learned.parameters() if p.ndim > 1]
    plain = [p for p in learned.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": schedule.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=schedule.learning_rate(0), betas=(0.9, 0.98), fused=True)

    start, log = _resume(scratch, schedule, learned, optimizer)
    bar = tqdm(range(start, schedule.steps), initial=start, total=schedule.steps, desc="base", disable=rank > 0)
    for step in bar:
        drawn = draw_batch(schedule, step, rank, faces)
        batch = encoder.batch(drawn)
        for group in optimizer.param_groups:
            group["lr"] = schedule.learning_rate(step)
        with torch.autocast("cpu", torch.bfloat16):
            answer, place = losses(model, place_head, batch, drawn)
            loss = answer + place
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        _average([p.grad for p in learned.parameters() if p.grad is not None], schedule.processes)
        torch.nn.utils.clip_grad_norm_(learned.parameters(), 1.0)
        optimizer.step()
        if rank == 0 and step % 20 == 0:
            log.append({"step": step, "answer": round(answer.item(), 4), "place": round(place.item(), 4)})
            bar.set_postfix(answer=f"{answer.item():.2f}", place=f"{place.item():.2f}", longest=longest_at(step))
        if rank == 0 and (step + 1) % CHECKPOINT_EVERY == 0:
            _save(scratch, schedule, step + 1, learned, optimizer, log)
    if rank == 0:
        _save(scratch, schedule, schedule.steps, learned, optimizer, log)
        torch.save(model.state_dict(), scratch / "model.pt")
        (scratch / "loss.json").write_text(json.dumps(log))
    distributed.destroy_process_group()


def _average(gradients: list[Any], processes: int) -> None:
    """Average the gradients of all processes, in one message."""
    import torch
    import torch.distributed as distributed

    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= processes
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, parts, strict=True):
        gradient.copy_(mean.view_as(gradient))


def _save(scratch: Path, schedule: Schedule, step: int, learned: Any, optimizer: Any, log: list[Any]) -> None:
    import torch

    state = {"schedule": vars(schedule), "step": step, "learned": learned.state_dict(), "log": log}
    torch.save(state | {"optimizer": optimizer.state_dict()}, scratch / "checkpoint.tmp")
    os.replace(scratch / "checkpoint.tmp", scratch / "checkpoint.pt")


def _resume(scratch: Path, schedule: Schedule, learned: Any, optimizer: Any) -> tuple[int, list[Any]]:
    """Load the checkpoint of an interrupted run of this very schedule, if there is one."""
    import torch

    path = scratch / "checkpoint.pt"
    if not path.exists():
        return 0, []
    state = torch.load(path, weights_only=True)
    if state["schedule"] != vars(schedule):
        return 0, []
    learned.load_state_dict(state["learned"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["log"]

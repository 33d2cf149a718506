"""All labels of a closed list at once against a pass a label, and against writing the answer out.

    python -m bench.closed_labels [--rounds 3] [--shape small] [--shots 0 5] [--batch 8] [--sample 10] [--checked 100]

An IDEFICS with random weights reads prompts of k examples with a picture each and a question with its own, and
answers with one of the 100 sports of the Kaggle set, 1 to 4 tokens and an end token. In turn, on the same prompts:
`score_labels` (all log-likelihoods), `best_labels` (the likeliest label), a pass a label in batches, and greedy
`generate` of 10 tokens in one batch. A pass a label is timed on one prompt and on a random sample of the labels:
its passes don't depend on each other. First the gate: on one prompt, the scores are those of a pass a label.

"unsure" is the model as it is: all tokens about as likely, so no label can be left unread. "sure" has a head that
was solved for these prompts' answers, as sure of them as a tuned model. Prints one JSON line a setting: the median
of the rounds' ratios with their range (above 1: ours is faster), by the clock and by CPU time, which other work on
the machine disturbs less. Exit 1, and no figure, when the gate fails.
"""

import argparse
import json
import os
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from stages.evaluate.closed import best_labels, score_labels

SHAPES = {  # width, layers, feed-forward of the language model; of the tower; proportions of Llama and of a ViT
    "small": ((512, 8, 1376), (512, 8, 2048)),
    "base": ((768, 12, 2048), (768, 12, 3072)),
}
HEAD = 64  # numbers a head
BEGIN, END, AROUND, PICTURE = 1, 2, 32_000, 32_001
VOCABULARY = 32_000
PIECE = 7  # letters: a longer word is two tokens
QUESTION, SEPARATOR = 11, 1  # tokens
NEW_TOKENS = 10
CLOSE = 1e-4  # nats
SURE = 18.0  # added to the logit of the right token; the others' logsumexp is about 10
SPORTS = """air hockey, ampute football, archery, arm wrestling, axe throwing, balance beam, barell racing, baseball,
basketball, baton twirling, bike polo, billiards, bmx, bobsled, bowling, boxing, bull riding, bungee jumping,
canoe slamon, cheerleading, chuckwagon racing, cricket, croquet, curling, disc golf, fencing, field hockey,
figure skating men, figure skating pairs, figure skating women, fly fishing, football, formula 1 racing, frisbee,
gaga, giant slalom, golf, hammer throw, hang gliding, harness racing, high jump, hockey, horse jumping, horse racing,
horseshoe pitching, hurdles, hydroplane racing, ice climbing, ice yachting, jai alai, javelin, jousting, judo,
lacrosse, log rolling, luge, motorcycle racing, mushing, nascar racing, olympic wrestling, parallel bar, pole climbing,
pole dancing, pole vault, polo, pommel horse, rings, rock climbing, roller derby, rollerblade racing, rowing, rugby,
sailboat racing, shot put, shuffleboard, sidecar racing, ski jumping, sky surfing, skydiving, snow boarding,
snowmobile racing, speed skating, steer wrestling, sumo wrestling, surfing, swimming, table tennis, tennis,
track bicycle, trapeze, tug of war, ultimate, uneven bars, volleyball, water cycling, water polo, weightlifting,
wheelchair basketball, wheelchair racing, wingsuit flying"""

Labels = list[list[int]]
Inputs = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--shots", type=int, nargs="+", default=[0, 5])
    parser.add_argument("--batch", type=int, default=8, help="prompts, and labels of a pass-a-label batch")
    parser.add_argument("--sample", type=int, default=10, help="labels that a pass a label is timed on")
    parser.add_argument("--checked", type=int, default=100, help="labels that the gate compares, the best ones first")
    given = parser.parse_args()
    torch.manual_seed(1)
    rng = random.Random(1)
    labels = label_tokens(rng)
    model = make_model(given.shape)
    with torch.inference_mode():
        for shots in given.shots:
            inputs = make_inputs(labels, shots, given.batch, rng)
            answers = rng.sample(range(len(labels)), given.batch)
            for setting in ("unsure", "sure"):
                undo = make_sure(model, inputs, [labels[i] for i in answers]) if setting == "sure" else None
                if not gate(model, inputs, labels, given):
                    return 1
                facts = {"shape": given.shape, "shots": shots, "model": setting}
                print(json.dumps(facts | race(model, inputs, labels, given, rng)), flush=True)
                if undo is not None:
                    model.lm_head.weight.copy_(undo)
    return 0


def race(model: Any, inputs: Inputs, labels: Labels, given: argparse.Namespace, rng: random.Random) -> dict[str, Any]:
    """Everyone in turn, the order reversed every other round; seconds are those of one prompt."""
    one = {name: value[:1] for name, value in inputs.items()}
    contenders: dict[str, Callable[[], Any]] = {
        "all": lambda: score_labels(model, inputs, labels),
        "best": lambda: best_labels(model, inputs, labels),
        "generate": lambda: model.generate(**inputs, max_new_tokens=NEW_TOKENS, do_sample=False),
        "choices": lambda: one_by_one(model, one, rng.sample(labels, given.sample), given.batch),
    }
    parts = {"choices": given.sample / len(labels)}  # of a prompt; the others take all prompts at once
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for number in range(given.rounds):
        for name in list(contenders)[:: 1 if number % 2 == 0 else -1]:
            clock, cpu = time.perf_counter(), time.process_time()
            contenders[name]()
            part = parts.get(name, given.batch)
            times[name].append(((time.perf_counter() - clock) / part, (time.process_time() - cpu) / part))
    result: dict[str, Any] = {"labels": len(labels), "prompt tokens": inputs["input_ids"].shape[1]}
    for place, kind in enumerate(("clock", "CPU")):
        took = {name: [both[place] for both in pairs] for name, pairs in times.items()}
        result[f"{kind} s a prompt"] = {name: round(statistics.median(one), 3) for name, one in took.items()}
        for peer in ("choices", "generate"):
            result |= {f"{ours} over {peer}, {kind}": spread(took[peer], took[ours]) for ours in ("all", "best")}
    used = {"rounds": given.rounds, "threads": torch.get_num_threads(), "load": round(os.getloadavg()[0], 2)}
    return result | used


def spread(theirs: list[float], ours: list[float]) -> list[float]:
    """Median, least and greatest of the rounds' ratios."""
    ratios = [its / mine for its, mine in zip(theirs, ours, strict=True)]
    return [round(of(ratios), 2) for of in (statistics.median, min, max)]


def gate(model: Any, inputs: Inputs, labels: Labels, given: argparse.Namespace) -> bool:
    """Whether both of ours find what a pass a label finds for the first prompt, and agree on all of them."""
    scores = score_labels(model, inputs, labels)
    best, _ = best_labels(model, inputs, labels)
    checked = scores[0].topk(min(given.checked, len(labels))).indices
    one = {name: value[:1] for name, value in inputs.items()}
    wanted = one_by_one(model, one, [labels[i] for i in checked], given.batch)
    off = float((scores[0, checked] - wanted).abs().max())
    same = int(wanted.argmax()) == 0 and torch.equal(best, scores.argmax(1))
    if off > CLOSE or not same:
        print(f"the scores are up to {off:.1e} nats off, the best label is {'' if same else 'not '}the same: no figure")
    return off <= CLOSE and same


def one_by_one(model: Any, one: Inputs, labels: Labels, batch: int) -> torch.Tensor:
    """(labels,) log-likelihoods after one prompt, each in a row of its own with prompt and pictures, no cache."""
    scores = []
    start = one["input_ids"].shape[1] - 1
    for first in range(0, len(labels), batch):
        part = labels[first : first + batch]
        longest = max(map(len, part))
        rows = {name: value.expand(len(part), *value.shape[1:]) for name, value in one.items()}
        ids = torch.tensor([[*label, *[0] * (longest - len(label))] for label in part])
        there = torch.tensor([[1] * len(label) + [0] * (longest - len(label)) for label in part])
        sees = rows["image_attention_mask"]
        rows["input_ids"] = torch.cat([rows["input_ids"], ids], 1)
        rows["attention_mask"] = torch.cat([rows["attention_mask"], there], 1)
        rows["image_attention_mask"] = torch.cat([sees, sees[:, -1:].expand(-1, longest, -1)], 1)
        logits = model(**rows, use_cache=False, logits_to_keep=torch.arange(start, start + longest)).logits
        steps = logits.float().log_softmax(-1).gather(2, ids[:, :, None])[:, :, 0]
        scores.append((steps * there).sum(1))
    return torch.cat(scores)


def label_tokens(rng: random.Random) -> Labels:
    """Each sport's pieces, as tokens of random numbers, and the end token."""
    names = [name.strip() for name in SPORTS.replace("\n", " ").split(",")]
    pieces = [[word[i : i + PIECE] for word in name.split() for i in range(0, len(word), PIECE)] for name in names]
    distinct = sorted({piece for label in pieces for piece in label})
    number = dict(zip(distinct, rng.sample(range(3, VOCABULARY), len(distinct)), strict=True))
    return [[*(number[piece] for piece in label), END] for label in pieces]


def make_inputs(labels: Labels, shots: int, batch: int, rng: random.Random) -> Inputs:
    """Prompts as the IDEFICS processor gives them: padded on the left, each token sees the last picture before it."""
    question = rng.sample(range(3, VOCABULARY), QUESTION)
    marks = [AROUND, PICTURE, AROUND]
    rows = []
    for _ in range(batch):
        examples = [[*marks, *question, *rng.choice(labels)[:-1], *[13] * SEPARATOR] for _ in range(shots)]
        rows.append([BEGIN, *(token for example in examples for token in example), *marks, *question])
    longest = max(map(len, rows))
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
    there = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    last = (ids == PICTURE).cumsum(1)
    sees = torch.nn.functional.one_hot(last, shots + 2)[:, :, 1:]
    pictures = torch.randn(batch, shots + 1, 3, 224, 224)
    return {"input_ids": ids, "attention_mask": there, "image_attention_mask": sees, "pixel_values": pictures}


def make_model(shape: str) -> Any:
    from transformers import IdeficsConfig, IdeficsForVisionText2Text

    (width, layers, inner), (tower, depth, tower_inner) = SHAPES[shape]
    vision = {"embed_dim": tower, "num_hidden_layers": depth, "intermediate_size": tower_inner, "patch_size": 14}
    resampler = {"use_resampler": True, "resampler_n_latents": 64, "resampler_depth": 6, "resampler_n_heads": 16}
    config = IdeficsConfig(  # what isn't a size is as in idefics-9b
        vocab_size=VOCABULARY,
        additional_vocab_size=2,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=width // HEAD,
        cross_layer_interval=4,
        qk_layer_norms=True,
        alpha_initializer="ones",  # with zeros, as a new model has them, no picture matters
        use_resampler=True,
        vision_config={**vision, "num_attention_heads": tower // HEAD, "image_size": 224},
        perceiver_config={**resampler, "resampler_head_dim": 96, "qk_layer_norms_perceiver": True},
    )
    return IdeficsForVisionText2Text(config).eval().requires_grad_(False)


def make_sure(model: Any, inputs: Inputs, answers: Labels) -> torch.Tensor:
    """Change the head so that each prompt's answer is nearly certain; returns the head as it was.

    The smallest change that adds SURE to the right token's logit at every place of the answers, and nothing to the
    other answers' tokens there.
    """
    longest = max(map(len, answers))
    sees = inputs["image_attention_mask"]
    ids = torch.tensor([[*answer, *[END] * (longest - len(answer))] for answer in answers])
    read = {
        **inputs,
        "input_ids": torch.cat([inputs["input_ids"], ids], 1),
        "attention_mask": torch.cat([inputs["attention_mask"], torch.ones_like(ids)], 1),
        "image_attention_mask": torch.cat([sees, sees[:, -1:].expand(-1, longest, -1)], 1),
    }
    hidden = model.model(**read, use_cache=False).last_hidden_state[:, -longest - 1 : -1]
    there = torch.tensor([[place < len(answer) for place in range(longest)] for answer in answers])
    tokens, which = ids[there].unique(return_inverse=True)
    wanted = SURE * torch.nn.functional.one_hot(which, len(tokens)).float()
    before = model.lm_head.weight.clone()
    model.lm_head.weight[tokens] += (torch.linalg.pinv(hidden[there]) @ wanted).T
    return before


if __name__ == "__main__":
    raise SystemExit(main())

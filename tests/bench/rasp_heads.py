#!/usr/bin/env python3
"""Trains transformers with as many heads as RASP's analysis tells and with one head fewer, for head
widths from small to large, on what programs compute (after section 5 of arXiv 2106.06981).

    python3 tests/bench/rasp_heads.py [--programs histogram,sort] [--widths 1,2,4] [--seeds 1,2]

Prints a row of a table for each program and width: percent of 2,000 other inputs of which all
positions are right, the best of the seeds. Needs PyTorch.
"""

import argparse
import functools
import math
import random
import sys
import time
from collections import Counter

import torch

LONGEST, LETTERS, WIDTH, HIDDEN = 20, 26, 64, 256
CLASSES = LETTERS + 2


def count_equal(word):
    count = Counter(word)
    return [count[each] for each in word]


def count_equally_frequent(word):
    count = Counter(word)
    equally = Counter(count.values())
    return [equally[count[each]] for each in word]


def by_frequency(word):
    """Letters from most to least frequent, each once; equal ones as they come; then no letter."""
    first = {}
    for at, each in enumerate(word):
        first.setdefault(each, at)
    count = Counter(word)
    order = sorted(first, key=lambda each: (-count[each], first[each]))
    return order + [LETTERS] * (len(word) - len(order))


# What is computed, the layers and heads of the analysis, and whether inputs begin with a mark.
PROGRAMS = {
    "histogram": (count_equal, 1, 2, False),
    "double histogram": (count_equally_frequent, 2, 2, True),
    "sort": (sorted, 2, 2, False),
    "most frequent": (by_frequency, 3, 2, True),
}


@functools.cache
def samples(program, count, seed):
    compute, _, _, marked = PROGRAMS[program]
    draw = random.Random(seed)
    first = 1 if marked else 0
    tokens = torch.full((count, LONGEST + first), -1)
    answers = torch.full((count, LONGEST + first), -1)
    for at in range(count):
        size = draw.randint(1, LONGEST)
        word = draw.choices(draw.sample(range(LETTERS), draw.randint(1, LONGEST)), k=size)
        tokens[at, first : first + size] = torch.tensor(word)
        answers[at, first : first + size] = torch.tensor(compute(word))
        if marked:
            tokens[at, 0] = LETTERS
    return tokens, answers


class Layer(torch.nn.Module):
    def __init__(self, heads, width):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (torch.nn.Linear(WIDTH, heads * width) for _ in range(3))
        self.out = torch.nn.Linear(heads * width, WIDTH)
        self.expand, self.contract = torch.nn.Linear(WIDTH, HIDDEN), torch.nn.Linear(HIDDEN, WIDTH)
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(WIDTH) for _ in range(2))

    def forward(self, x, mask):
        count, size, _ = x.shape
        y = self.norms[0](x)
        split = lambda of: of.view(count, size, self.heads, -1).transpose(1, 2)
        query, key, value = (split(of(y)) for of in (self.query, self.key, self.value))
        scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1]) + mask
        found = (scores.softmax(-1) @ value).transpose(1, 2).reshape(count, size, -1)
        x = x + self.out(found)
        return x + self.contract(self.expand(self.norms[1](x)).relu())


class Transformer(torch.nn.Module):
    def __init__(self, layers, heads, width):
        super().__init__()
        self.embedding = torch.nn.Embedding(LETTERS + 2, WIDTH)
        self.position = torch.nn.Parameter(0.1 * torch.randn(LONGEST + 1, WIDTH))
        torch.nn.init.normal_(self.embedding.weight, std=0.3)
        self.layers = torch.nn.ModuleList(Layer(heads, width) for _ in range(layers))
        self.norm, self.classes = torch.nn.LayerNorm(WIDTH), torch.nn.Linear(WIDTH, CLASSES)

    def forward(self, tokens):
        mask = torch.where(tokens < 0, -1e9, 0.0)[:, None, None, :]
        x = self.embedding(tokens.where(tokens >= 0, LETTERS + 1)) + self.position[: tokens.shape[1]]
        for layer in self.layers:
            x = layer(x, mask)
        return self.classes(self.norm(x))


def learn(program, heads, width, seed, steps):
    """Percent of inputs of which all positions are right."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = Transformer(PROGRAMS[program][1], heads, width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.98), weight_decay=0.01)
    rate = lambda at: min(1, (at + 1) / 100) * (0.01 + 0.99 * (1 + math.cos(math.pi * at / steps)) / 2)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    tokens, answers = samples(program, 40000, seed)
    for _ in range(steps):
        at = torch.randint(len(tokens), (64,), generator=generator)
        logits = model(tokens[at])
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), answers[at].flatten(), ignore_index=-1)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        tokens, answers = samples(program, 2000, 1000 + seed)
        is_right = (model(tokens).argmax(-1) == answers) | (answers < 0)
    return 100 * is_right.all(1).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--programs", default=",".join(PROGRAMS))
    parser.add_argument("--widths", default="4,8,16,32")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--steps", type=int, default=4000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    numbers = lambda text: [int(each) for each in text.split(",")]
    for program in options.programs.split(","):
        _, layers, heads, _ = PROGRAMS[program]
        for width in numbers(options.widths):
            start = time.time()
            best = lambda *size: max(
                learn(program, *size, seed, options.steps) for seed in numbers(options.seeds))
            print(f"| {program} | {layers}, {heads} | {width} | {best(heads, width):.2f} | "
                  f"{best(heads - 1, heads * width // (heads - 1)):.2f} |", flush=True)
            print(f"{time.time() - start:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()

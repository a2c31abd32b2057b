#!/usr/bin/env python3
"""Runs the transformer benchmarks in alternation with PyTorch, one thread each, and prints one
table: microseconds, the least of all rounds.

    compare.py PROGRAM [--rounds N]

PROGRAM is the built tests/bench/transformer.cpp. A peer that is not installed is named.
"""

import argparse
import json
import math
import subprocess
import time

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    torch = None


def ours(program):
    text = subprocess.run(
        [program, "--benchmark_format=json", "--benchmark_min_time=0.05"],
        capture_output=True, text=True, check=True).stdout
    scale = {"ns": 1e-3, "us": 1.0, "ms": 1e3}
    return {row["name"].replace("/", " "): row["real_time"] * scale[row["time_unit"]]
            for row in json.loads(text)["benchmarks"]}


class Layer(torch.nn.Module if torch else object):
    """The same layer, written as PyTorch users write it for speed."""

    def __init__(self, width, heads, causal, norm_first):
        super().__init__()
        self.heads, self.causal, self.norm_first = heads, causal, norm_first
        self.qkv = torch.nn.Linear(width, 3 * width)
        self.out = torch.nn.Linear(width, width)
        self.expand = torch.nn.Linear(width, 4 * width)
        self.contract = torch.nn.Linear(4 * width, width)
        self.norm1 = torch.nn.LayerNorm(width)
        self.norm2 = torch.nn.LayerNorm(width)

    def attention(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(y.transpose(1, 2).reshape(b, n, d))

    def forward(self, x):
        if self.norm_first:
            x = x + self.attention(self.norm1(x))
            return x + self.contract(F.gelu(self.expand(self.norm2(x))))
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.contract(F.relu(self.expand(x))))


class LanguageModel(torch.nn.Module if torch else object):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(65, 128)
        self.position = torch.nn.Parameter(torch.randn(64, 128) * 0.02)
        self.layers = torch.nn.ModuleList([Layer(128, 4, True, True) for _ in range(4)])
        self.norm = torch.nn.LayerNorm(128)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.position
        for layer in self.layers:
            x = layer(x)
        return F.linear(self.norm(x), self.embedding.weight)


def fastest(action, seconds=0.25):
    for _ in range(3):
        action()
    best, end = math.inf, time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best * 1e6


def peers():
    """For each row of the table, a function that does the work once."""
    work = {}
    for n, d, h in [(16, 32, 2), (64, 128, 4), (256, 256, 8)]:
        layer = Layer(d, h, False, False)
        x = torch.randn(1, n, d, requires_grad=True)
        outward = torch.randn(1, n, d)

        def forward(layer=layer, x=x):
            with torch.inference_mode():
                layer(x)

        def both(layer=layer, x=x, outward=outward):
            layer.zero_grad(set_to_none=True)
            x.grad = None
            layer(x).backward(outward)

        work[f"encoder forward {n}x{d}"] = forward
        work[f"encoder forward+backward {n}x{d}"] = both
    for batch in [1, 12]:
        model = LanguageModel()
        optimizer = torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=0.1, fused=True)
        text = torch.randint(0, 65, (batch, 65))

        def step(model=model, optimizer=optimizer, text=text):
            optimizer.zero_grad(set_to_none=True)
            logits = model(text[:, :-1])
            F.cross_entropy(logits.reshape(-1, 65), text[:, 1:].reshape(-1)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

        work[f"training step, batch {batch}"] = step
    return work


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if torch is None:
        print("PyTorch is not installed: only our own times follow")
    else:
        torch.set_num_threads(1)
        print(f"PyTorch {torch.__version__}, one thread; ours, one thread; microseconds, "
              f"least of {options.rounds} rounds in turn")
    work = peers() if torch else {}
    mine, theirs = {}, {}
    for _ in range(options.rounds):
        for name, value in ours(options.program).items():
            mine[name] = min(mine.get(name, math.inf), value)
        for name, action in work.items():
            theirs[name] = min(theirs.get(name, math.inf), fastest(action))
    print(f"{'':36}{'Sequent':>12}{'PyTorch':>12}{'ratio':>8}")
    for name, value in mine.items():
        other = theirs.get(name)
        tail = f"{other:12.1f}{other / value:8.2f}" if other else f"{'-':>12}"
        print(f"{name:36}{value:12.1f}{tail}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Prints the numbers of tests/train/muon.cpp: three steps of Muon and AdamW on two matrices and a
vector, in double, by the formulas of torch.optim.Muon, whose orthogonalisation is in bfloat16.

    muon.py           prints the numbers
    muon.py --check   also compares the formulas with torch.optim.Muon, to the precision of bfloat16
"""

import sys

import torch

torch.set_default_dtype(torch.float64)


def sequence(count, a=7, b=11, c=5, d=4):
    return torch.tensor([((i * a) % b - c) / d for i in range(count)])


def orthogonalised(x, steps=5):
    a, b, c = 3.4445, -4.7750, 2.0315
    turned = x.size(0) > x.size(1)
    x = x.T if turned else x
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(steps):
        product = x @ x.T
        x = a * x + (b * product + c * product @ product) @ x
    return x.T if turned else x


def muon(p, gradients, rates, decay, momentum=0.95, nesterov=True, as_adam=True,
         orthogonal=orthogonalised):
    p = p.clone()
    mean = torch.zeros_like(p)
    rows, columns = p.shape
    scale = 0.2 * max(rows, columns) ** 0.5 if as_adam else max(1, rows / columns) ** 0.5
    for gradient, rate in zip(gradients, rates):
        mean = momentum * mean + (1 - momentum) * gradient
        update = (1 - momentum) * gradient + momentum * mean if nesterov else mean
        p = p * (1 - rate * decay) - rate * scale * orthogonal(update)
    return p


def gradients(shape, step):
    count = shape[0] * shape[1] if len(shape) == 2 else shape[0]
    return sequence(count, 5 + step, 13, 6, 3).reshape(shape)


def adam_w(p, rates, decay):
    p = torch.nn.Parameter(p.clone())
    optimizer = torch.optim.AdamW([p], weight_decay=decay)
    for step, rate in enumerate(rates):
        optimizer.param_groups[0]["lr"] = rate
        p.grad = gradients(p.shape, step)
        optimizer.step()
    return p.detach()


RATES = [0.05, 0.02, 0.01]


def show(name, values):
    print(f"constexpr std::array {name}{{" + ", ".join(repr(x) for x in values.flatten().tolist())
          + "};")


def run(shape, as_adam, decay=0.1, **options):
    p = sequence(shape[0] * shape[1]).reshape(shape)
    return muon(p, [gradients(shape, step) for step in range(3)], RATES, decay, as_adam=as_adam,
                **options)


def check():
    for shape in ((3, 5), (6, 2)):
        for as_adam in (False, True):
            p = torch.nn.Parameter(sequence(shape[0] * shape[1]).reshape(shape))
            optimizer = torch.optim.Muon(
                [p], weight_decay=0.1,
                adjust_lr_fn="match_rms_adamw" if as_adam else "original")
            for step, rate in enumerate(RATES):
                optimizer.param_groups[0]["lr"] = rate
                p.grad = gradients(shape, step)
                optimizer.step()
            difference = (p.detach() - run(shape, as_adam)).abs().max().item()
            moved = (p.detach() - sequence(p.numel()).reshape(shape)).abs().max().item()
            print(f"// {shape}, as_adam {as_adam}: differs from torch.optim.Muon by "
                  f"{difference:.1e}, moved by {moved:.1e}")
            assert difference < 0.03 * moved


if __name__ == "__main__":
    print(f"// PyTorch {torch.__version__}")
    show("wide", run((3, 5), True))
    show("tall", run((6, 2), True))
    show("tall_by_jordan", run((6, 2), False, nesterov=False))
    show("vector", adam_w(sequence(4), RATES, 0))
    if "--check" in sys.argv:
        check()

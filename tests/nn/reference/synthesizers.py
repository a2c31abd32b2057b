"""Writes synthesizers.safetensors, the reference values of the synthesizers' tests: layers of two
heads, one that sees all positions and one that sees none later, with random weights, in double
precision, their outputs and gradients, after arXiv 2005.00743. The file is checked in; this needs torch
and safetensors (written with torch 2.13.0).

    python synthesizers.py

Tensors are named VARIANT.NAME: x, attended, coefficients (of the sum of outputs that was
differentiated), the weights, and each gradient with `.gradient` behind the name.
"""

import pathlib

import torch
from safetensors.torch import save_file

torch.manual_seed(2)
torch.set_default_dtype(torch.float64)

TOKENS, WIDTH, HEADS, RANK, FIRST, SECOND = 6, 4, 2, 3, 3, 2
HEAD_WIDTH = WIDTH // HEADS

SHAPES = {
    "dot_product": {
        "W_query": (HEADS, HEAD_WIDTH, WIDTH), "b_query": (HEADS, HEAD_WIDTH),
        "W_key": (HEADS, HEAD_WIDTH, WIDTH), "b_key": (HEADS, HEAD_WIDTH),
    },
    "dense": {
        "W_1": (HEADS, HEAD_WIDTH, WIDTH), "b_1": (HEADS, HEAD_WIDTH),
        "W_2": (HEADS, TOKENS, HEAD_WIDTH), "b_2": (HEADS, TOKENS),
    },
    "random": {"R": (HEADS, TOKENS, TOKENS)},
    "fixed_random": {"R_fixed": (HEADS, TOKENS, TOKENS)},
    "factorized_random": {"R_1": (HEADS, TOKENS, RANK), "R_2": (HEADS, TOKENS, RANK)},
    "factorized_dense": {
        "W_first": (HEADS, FIRST, WIDTH), "b_first": (HEADS, FIRST),
        "W_second": (HEADS, SECOND, WIDTH), "b_second": (HEADS, SECOND),
    },
}
MIXTURES = {
    "random_dot_product": ("random", "dot_product"),
    "dense_factorized_random": ("dense", "factorized_random"),
}
SHARED = {
    "W_value": (HEADS, HEAD_WIDTH, WIDTH), "b_value": (HEADS, HEAD_WIDTH),
    "W_out": (WIDTH, WIDTH), "b_out": (WIDTH,),
}


def scores(kind, w, x, head):
    linear = lambda matrix, bias: x @ w[matrix][head].T + w[bias][head]
    if kind == "dot_product":
        return linear("W_query", "b_query") @ linear("W_key", "b_key").T / HEAD_WIDTH**0.5
    if kind == "dense":
        return torch.relu(linear("W_1", "b_1")) @ w["W_2"][head].T + w["b_2"][head]
    if kind == "random":
        return w["R"][head]
    if kind == "fixed_random":
        return w["R_fixed"][head]
    if kind == "factorized_random":
        return w["R_1"][head] @ w["R_2"][head].T
    first, second = linear("W_first", "b_first"), linear("W_second", "b_second")
    return torch.stack(
        [first[:, j // SECOND] * second[:, j % SECOND] for j in range(TOKENS)], dim=1
    )


def attended(kinds, w, x):
    causal = torch.ones(TOKENS, TOKENS).tril().bool()
    heads = []
    for head in range(HEADS):
        parts = [scores(kind, w, x, head) for kind in kinds]
        if len(kinds) > 1:
            parts = [share * part for share, part in zip(torch.softmax(w["mixture"], 0), parts)]
        total = sum(parts)
        if head == 1:
            total = total.masked_fill(~causal, float("-inf"))
        heads.append(torch.softmax(total, 1) @ (x @ w["W_value"][head].T + w["b_value"][head]))
    return torch.cat(heads, 1) @ w["W_out"].T + w["b_out"]


def drawn(shape):
    return (0.6 * torch.randn(shape)).float().double()


written = {}
for name, kinds in {**{kind: (kind,) for kind in SHAPES}, **MIXTURES}.items():
    shapes = dict(SHARED)
    for kind in kinds:
        shapes.update(SHAPES[kind])
    if len(kinds) > 1:
        shapes["mixture"] = (len(kinds),)
    w = {key: drawn(shape).requires_grad_() for key, shape in shapes.items()}
    x = drawn((TOKENS, WIDTH)).requires_grad_()
    y = attended(kinds, w, x)
    coefficients = drawn(y.shape)
    (coefficients * y).sum().backward()
    for key, tensor in {**w, "x": x}.items():
        written[f"{name}.{key}"] = tensor.detach()
        if key != "R_fixed":
            written[f"{name}.{key}.gradient"] = tensor.grad
    written[f"{name}.attended"] = y.detach()
    written[f"{name}.coefficients"] = coefficients
save_file(
    {key: tensor.contiguous() for key, tensor in written.items()},
    pathlib.Path(__file__).parent / "synthesizers.safetensors",
)

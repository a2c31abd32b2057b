"""PyTorch as its users write it for speed: eager, compiled, with FlexAttention, and, for sparse
masks, cut by hand into the dense parts that the mask leaves."""

import copy
import math

import torch
import torch.nn.functional as F

import cases


def mask_of(mask, n):
    at = torch.arange(n)
    return cases.keeps(mask, at[:, None], at[None, :])


class Attention(torch.nn.Module):
    """One product for queries, keys and values; with several heads, the map that joins them."""

    def __init__(self, width, heads, attend):
        super().__init__()
        self.heads, self.attend = heads, attend
        self.qkv = torch.nn.Linear(width, 3 * width, bias=False)
        self.out = torch.nn.Linear(width, width, bias=False) if heads > 1 else None

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = self.attend(q, k, v)
        if self.out is None:
            return y.view(b, n, d)
        return self.out(y.transpose(1, 2).reshape(b, n, d))


def scaled_dot_product(mask, n):
    if mask == "causal":
        return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    bias = None if mask is None else mask_of(mask, n)
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def written_out(mask, n):
    """For small sizes faster than the kernel for long sequences."""
    bias = None
    if mask is not None:
        bias = torch.zeros(n, n).masked_fill(~mask_of(mask, n), -math.inf)

    def attend(q, k, v):
        scores = q @ k.transpose(-1, -2) * (1 / math.sqrt(q.shape[-1]))
        if bias is not None:
            scores = scores + bias
        return scores.softmax(-1) @ v

    return attend


def chunked(mask, n):
    """The window in blocks of 32 rows and the 64 positions they see; every 8th position as eight
    causal sequences."""
    if mask == "every 8th":
        def attend(q, k, v):
            b, h, _, d = q.shape
            q, k, v = (x.view(b, h, n // 8, 8, d).transpose(2, 3) for x in (q, k, v))
            return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(2, 3).reshape(
                b, h, n, d)

        return attend
    i, j = torch.arange(32)[:, None] + 32, torch.arange(64)[None, :]
    inside = cases.keeps(mask, i, j)
    # The first block has nothing in front of it but zeros.
    first = inside & (j >= 32)
    keep = torch.stack([first] + [inside] * (n // 32 - 1))[:, None]

    def attend(q, k, v):
        b, h, _, d = q.shape
        q = q.reshape(n // 32, 1, 32, d)
        k, v = (F.pad(x, (0, 0, 32, 0)).view(n + 32, d).unfold(0, 64, 32).transpose(1, 2)[:, None]
                for x in (k, v))
        return F.scaled_dot_product_attention(q, k, v, attn_mask=keep).view(b, h, n, d)

    return attend


def flex(mask, n):
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    block = create_block_mask(lambda b, h, i, j: cases.keeps(mask, i, j), 1, 1, n, n, device="cpu")
    return lambda q, k, v: flex_attention(q, k, v, block_mask=block)


class Layer(torch.nn.Module):
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


class Synthesizer(torch.nn.Module):
    """One head. In inference, weights that follow from parameters alone are computed before."""

    def __init__(self, tokens, width, kind, mask):
        super().__init__()
        self.kind = kind
        self.value = torch.nn.Linear(width, width, bias=False)
        first, second = {
            "dense": ((width, width), (tokens, width)),
            "factorized dense": ((8, width), (tokens // 8, width)),
            "factorized random": ((tokens, 8), (tokens, 8)),
            "random": ((tokens, tokens), None),
        }[kind]
        self.first = torch.nn.Parameter(torch.randn(first) / 8)
        if second:
            self.second = torch.nn.Parameter(torch.randn(second) / 8)
        self.hidden = None if mask is None else ~mask_of(mask, tokens)
        self.constant = None

    def scores(self, x):
        if self.kind == "random":
            return self.first
        if self.kind == "factorized random":
            return self.first @ self.second.T
        if self.kind == "dense":
            return F.linear(F.relu(F.linear(x, self.first)), self.second)
        one, other = F.linear(x, self.first), F.linear(x, self.second)
        return (one[..., :, None] * other[..., None, :]).flatten(-2)

    def weights(self, x):
        scores = self.scores(x)
        if self.hidden is not None:
            scores = scores.masked_fill(self.hidden, -math.inf)
        return scores.softmax(-1)

    def fold(self):
        if "random" in self.kind:
            with torch.no_grad():
                self.constant = self.weights(None)
        return self

    def forward(self, x):
        weights = self.weights(x) if self.constant is None else self.constant
        return weights @ self.value(x)


class LanguageModel(torch.nn.Module):
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

    def loss(self, text):
        return F.cross_entropy(self(text[:, :-1]).reshape(-1, 65), text[:, 1:].reshape(-1))


def forward_of(modules, x, compiled):
    """Candidates for forward, and the same in double by the last module, which is no candidate
    unless it is the only one."""
    def one(module):
        run = torch.compile(module, fullgraph=True, dynamic=False,
                            options={"freezing": True}) if compiled else module

        def forward():
            with torch.inference_mode():
                return run(x)

        return forward

    def wanted():
        with torch.no_grad():
            return copy.deepcopy(modules[-1]).double()(x.double()).numpy()

    return [one(module.eval()) for module in modules[:-1] or modules], wanted


def both_of(modules, x, compiled):
    """Forward with the gradients of all weights and of the input."""
    x = x.clone().requires_grad_()
    outward = torch.randn_like(x)

    def one(module):
        run = torch.compile(module, fullgraph=True, dynamic=False) if compiled else module
        wanted = [x, *module.parameters()]

        def both():
            return torch.autograd.grad(run(x), wanted, outward)

        return both

    return [one(module) for module in modules[:-1] or modules], None


def in_bfloat16(modules, x):
    """The same with products in bfloat16, as PyTorch's autocast does it."""
    class Rounded(torch.nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, x):
            with torch.autocast("cpu", torch.bfloat16):
                return self.module(x).float()

    return [Rounded(module) for module in modules], x


def training_step(batch, compiled):
    model = LanguageModel()
    loss = torch.compile(model.loss, dynamic=False) if compiled else model.loss
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=0.1, fused=True)
    text = torch.randint(0, 65, (batch, 65))

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss(text).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()

    return [step], None


class Peer:
    def __init__(self, name, threads):
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)
        torch.manual_seed(1)
        self.title = {"eager": "PyTorch", "compiled": "PyTorch compiled",
                      "flex": "FlexAttention compiled", "chunked": "PyTorch chunked"}[name]
        self.version = torch.__version__
        self.gradients = name != "flex"  # PyTorch has none of it for processors
        torch._dynamo.config.recompile_limit = 1000  # each row is a program of its own
        self.rows = {}
        ways = {"eager": [written_out, scaled_dot_product],
                "compiled": [written_out, scaled_dot_product],
                "flex": [flex], "chunked": [chunked]}[name]
        compiled = name in ("compiled", "flex")
        for row, (n, d, h, mask) in cases.ATTENTION.items():
            if name == "flex" and mask is None:
                continue
            if name == "chunked" and mask not in ("window 32", "every 8th"):
                continue
            self.add(row, lambda n=n, d=d, h=h, mask=mask: self.attentions(ways, n, d, h, mask),
                     compiled)
        if name in ("eager", "compiled"):
            for row, (n, d, kind, mask) in cases.SYNTHESIZERS.items():
                if kind == "dot product":
                    self.add(row, lambda n=n, d=d: self.attentions(ways, n, d, 1, None), compiled)
                    continue
                make = lambda n=n, d=d, kind=kind, mask=mask: (
                    Synthesizer(n, d, kind, mask), torch.randn(1, n, d))
                self.rows[f"{row}, forward"] = lambda make=make: self.folded(*make(), compiled)
                self.rows[f"{row}, forward and backward"] = \
                    lambda make=make: self.trained(*make(), compiled)
            for row, (n, d, h, b) in cases.ENCODER.items():
                self.add(row, lambda n=n, d=d, h=h, b=b: (
                    [Layer(d, h, False, False)], torch.randn(b, n, d)), compiled)
            for row, (n, d, h) in cases.BITS_TRAINING.items():
                make = lambda n=n, d=d, h=h: ([Layer(d, h, False, False)], torch.randn(1, n, d))
                self.rows[f"{row}, float"] = lambda make=make: both_of(*make(), compiled)
                self.rows[f"{row}, bf16"] = \
                    lambda make=make: both_of(*in_bfloat16(*make()), compiled)
            for row, b in cases.TRAINING.items():
                self.rows[row] = lambda b=b: training_step(b, compiled)

    @staticmethod
    def attentions(ways, n, d, h, mask):
        modules = [Attention(d, h, way(mask, n)) for way in ways]
        # The last, written for any precision, is what the error is measured against.
        modules.append(Attention(d, h, lambda q, k, v: written_out_in_double(q, k, v, mask)))
        for module in modules[1:]:
            module.load_state_dict(modules[0].state_dict())
        return modules, torch.randn(1, n, d)

    @staticmethod
    def folded(module, x, compiled):
        candidates, wanted = forward_of([copy.deepcopy(module).fold(), module], x, compiled)
        return candidates, wanted

    @staticmethod
    def trained(module, x, compiled):
        return both_of([module], x, compiled)

    def add(self, row, make, compiled):
        self.rows[f"{row}, forward"] = lambda: forward_of(*make(), compiled)
        if self.gradients:
            self.rows[f"{row}, forward and backward"] = lambda: both_of(*make(), compiled)


def written_out_in_double(q, k, v, mask):
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    scores = scores.masked_fill(~mask_of(mask, q.shape[-2]), -math.inf)
    return scores.softmax(-1) @ v


def peer(name, threads):
    return Peer(name, threads)

"""What the Python peers measure: the rows of cases.hpp and transformer.cpp that have a peer there.
The odd sizes are left out: they show how our own rate falls beside the round size."""

ATTENTION = {  # tokens, width, heads, mask
    "attention 16x16": (16, 16, 1, None),
    "attention 64x64": (64, 64, 1, None),
    "attention 256x64": (256, 64, 1, None),
    "attention 1024x64": (1024, 64, 1, None),
    "attention 1024x64 causal": (1024, 64, 1, "causal"),
    "attention 64x128 4 heads": (64, 128, 4, None),
    "attention 256x256 8 heads": (256, 256, 8, None),
    "attention 1024x64 window 32": (1024, 64, 1, "window 32"),
    "attention 1024x64 every 8th": (1024, 64, 1, "every 8th"),
}
SYNTHESIZERS = {  # tokens, width, kind, mask
    f"synthesizers {kind} {n}x64{f' {mask}' if mask else ''}": (n, 64, kind, mask)
    for n in (64, 256)
    for kind, mask in (("dot product", None), ("dense", None), ("random", None),
                       ("factorized random", None), ("factorized dense", None),
                       *([("random", "causal")] if n == 256 else []))
}
ENCODER = {  # tokens, width, heads, batch
    f"encoder {n}x{d}{f' batch {b}' if b > 1 else ''}": (n, d, h, b)
    for b in (1, 32) for n, d, h in ((16, 32, 2), (64, 128, 4), (256, 256, 8))
}
# Fewer bits: rows of bits.hpp, of which each peer measures the formats that it has.
BITS_GENERATION = {  # width, hidden, depth, heads, key heads, vocabulary, positions
    "260K": (64, 172, 5, 8, 4, 512, 200),
    "15M": (288, 768, 6, 6, 6, 32000, 128),
    "SmolLM2": (576, 1536, 30, 9, 3, 49152, 16),
}
BITS_ENCODER = {"bits encoder 128x384": (128, 384, 12, 6)}  # tokens, width, heads, depth
BITS_TRAINING = {"bits training 256x256": (256, 256, 8)}  # tokens, width, heads
TRAINING = {f"training step batch {b}": b for b in (1, 12, 32)}


def keeps(mask, i, j):
    """Which j a position i attends to; for numbers and for arrays."""
    if mask == "causal":
        return j <= i
    if mask == "window 32":
        return (j <= i) & (i - j <= 32)
    if mask == "every 8th":
        return (j <= i) & ((i - j) % 8 == 0)
    return (i == i) & (j == j)

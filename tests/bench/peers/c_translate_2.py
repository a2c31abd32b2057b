"""CTranslate2 in float and in int8, models with random weights: generation and an encoder."""

import shutil
import tempfile

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec

import cases

COMPUTE = {"float": "float32", "q8_0": "int8", "bf16": "bfloat16"}


def normal(*shape):
    return (0.05 * np.random.randn(*shape)).astype(np.float32)


def fill(layer, width, hidden, keys, has_bias, glu):
    """One layer. `keys`: the width of the keys and of the values."""
    def linear(of, outputs, inputs):
        of.weight = normal(outputs, inputs)
        if has_bias:
            of.bias = np.zeros(outputs, np.float32)

    def norm(of):
        of.gamma = np.ones(width, np.float32)
        if has_bias:
            of.beta = np.zeros(width, np.float32)

    norm(layer.self_attention.layer_norm)
    norm(layer.ffn.layer_norm)
    linear(layer.self_attention.linear[0], width + 2 * keys, width)
    linear(layer.self_attention.linear[1], width, width)
    linear(layer.ffn.linear_0, hidden, width)
    if glu:
        linear(layer.ffn.linear_0_noact, hidden, width)
    linear(layer.ffn.linear_1, width, hidden)


def save(spec, symbols):
    spec.register_vocabulary(["<unk>", "<s>", "</s>", *(f"t{at}" for at in range(3, symbols))])
    spec.config.unk_token = "<unk>"
    if hasattr(spec.config, "bos_token"):
        spec.config.bos_token, spec.config.eos_token = "<s>", "</s>"
    spec.validate()
    spec.optimize()
    folder = tempfile.mkdtemp()
    spec.save(folder)
    return folder


class Peer:
    def __init__(self, threads):
        np.random.seed(1)
        self.title, self.version = "CTranslate2", ctranslate2.__version__
        self.threads = threads
        self.rows = {}
        for name, sizes in cases.BITS_GENERATION.items():
            for kind, compute in COMPUTE.items():
                if kind != "bf16":  # on this kind of processor it computes as float does
                    self.rows[f"bits {name} generation, {kind}"] = \
                        lambda sizes=sizes, compute=compute: self.generation(sizes, compute)
        for row, sizes in cases.BITS_ENCODER.items():
            for kind in ("float", "q8_0"):
                self.rows[f"{row}, {kind}"] = \
                    lambda sizes=sizes, kind=kind: self.encoder(sizes, COMPUTE[kind])

    def load(self, make, spec, symbols, compute):
        folder = save(spec, symbols)
        try:
            return make(folder, device="cpu", compute_type=compute, intra_threads=self.threads,
                        inter_threads=1)
        finally:
            shutil.rmtree(folder)

    def generation(self, sizes, compute):
        width, hidden, depth, heads, key_heads, symbols, positions = sizes
        spec = transformer_spec.TransformerDecoderModelSpec.from_config(
            depth, heads, activation=common_spec.Activation.SWISH, pre_norm=True, ffn_glu=True,
            rms_norm=True, rotary_dim=0, rotary_interleave=False,
            num_heads_kv=None if key_heads == heads else key_heads)
        decoder = spec.decoder
        decoder.scale_embeddings = False
        decoder.embeddings.weight = normal(symbols, width)
        decoder.layer_norm.gamma = np.ones(width, np.float32)
        decoder.projection.weight = decoder.embeddings.weight
        for layer in decoder.layer:
            fill(layer, width, hidden, width // heads * key_heads, False, True)
        generator = self.load(ctranslate2.Generator, spec, symbols, compute)

        def run():
            return generator.generate_batch([["<s>"]], min_length=positions, max_length=positions,
                                            include_prompt_in_result=False)

        assert len(run()[0].sequences_ids[0]) == positions
        return [run], None

    def encoder(self, sizes, compute):
        rows, width, heads, depth = sizes
        spec = transformer_spec.TransformerEncoderModelSpec(transformer_spec.TransformerEncoderSpec(
            depth, heads, pre_norm=False, activation=common_spec.Activation.RELU))
        encoder = spec.encoder
        encoder.scale_embeddings = False
        encoder.embeddings[0].weight = normal(1000, width)
        encoder.position_encodings.encodings = normal(512, width)
        for layer in encoder.layer:
            fill(layer, width, 4 * width, width, True, False)
        model = self.load(ctranslate2.Encoder, spec, 1000, compute)
        ids = [list(range(3, 3 + rows))]
        return [lambda: np.array(model.forward_batch(ids).last_hidden_state)], None


def peer(_name, threads):
    return Peer(threads)

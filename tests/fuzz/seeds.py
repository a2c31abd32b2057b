"""Writes the files that the fuzzers begin with: seeds.py FOLDER"""

import base64
import io
import json
import math
import pathlib
import struct
import sys
import zipfile


def put(kind, name, data):
    path = pathlib.Path(sys.argv[1]) / kind / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def safetensors(header, data):
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def checkpoint(width, hidden, depth, heads, key_heads, vocabulary, tokens):
    of_keys = width * width * key_heads // heads
    layer = 2 * width + 2 * width * width + 2 * of_keys + 3 * width * hidden
    embedding = abs(vocabulary) * width
    count = embedding + depth * layer + width + tokens * width // heads
    count += embedding if vocabulary < 0 else 0
    fields = width, hidden, depth, heads, key_heads, vocabulary, tokens
    return struct.pack("<7i", *fields) + floats(*(number / 8 for number in range(count)))


def tokenizer(texts):
    tokens = [struct.pack("<fi", -at, len(text)) + text for at, text in enumerate(texts)]
    return struct.pack("<I", max(map(len, texts))) + b"".join(tokens)


plain = {
    "__metadata__": {"k": "\u00e9"},
    "a": entry("F32", [3], 0, 12),
    "b": entry("F16", [2, 2], 12, 20),
    "c": entry("BF16", [], 20, 22),
}
put("safetensors", "plain", safetensors(plain, floats(1, 2, 3) + b"\0\x3c" * 4 + b"\x80\x3f"))
mapped = {
    "p.a.0": entry("F32", [2, 4], 0, 32),
    "p.a.1": entry("F64", [2, 4], 32, 96),
    "c": entry("F16", [1, 2, 2, 1], 96, 104),
    "m.3.x": entry("I64", [1], 104, 112),
    "p.d": entry("F32", [2], 112, 120),
    "e": entry("F64", [2], 120, 136),
}
doubles = struct.pack("<8d", *range(8))
put("safetensors", "mapped", safetensors(mapped, floats(*range(8)) + doubles + b"\0\x3c" * 4 + b"\0" * 8
    + floats(5, 6) + struct.pack("<2d", 5, 6)))
removed = {"__metadata__": {"d": "e"}} | mapped
del removed["p.d"], removed["e"]
removed["e"] = entry("F32", [2], 112, 120)
put("safetensors", "removed", safetensors(removed, floats(*range(8)) + doubles + b"\0\x3c" * 4
    + b"\0" * 8 + floats(5, 6)))

def long_checkpoint(group, width, hidden, depth, vocabulary, tokens):
    """Of version 1, where the group is 0, or 2; as many heads as key heads, one, and tied."""
    header = struct.pack("<I8i", 0x616B3432, 2 if group else 1, width, hidden, depth, 1, 1, vocabulary, tokens)
    matrices = [vocabulary * width] + [width * width] * 4 * depth + [width * hidden] * 3 * depth

    def numbers(count):
        if not group:
            return floats(*(at % 7 / 8 for at in range(count)))
        return bytes(at % 256 for at in range(count)) + floats(*[1 / 8] * (count // group))

    data = (header + struct.pack("<Bi", 1, group)).ljust(256, b"\0")
    return data + floats(*[1] * (2 * depth + 1) * width) + b"".join(map(numbers, matrices))


def gguf_checkpoint(kind, bytes_of_block, width, hidden, vocabulary):
    """Of one layer, in blocks of 32 numbers."""
    lines, data = b"", b""
    layer = {"attn_q": (width, width), "attn_k": (width, width), "attn_v": (width, width),
             "attn_output": (width, width), "ffn_gate": (width, hidden), "ffn_up": (width, hidden),
             "ffn_down": (hidden, width), "attn_norm": (width,), "ffn_norm": (width,)}
    tensors = {f"blk.0.{name}": shape for name, shape in layer.items()}
    tensors |= {"token_embd": (width, vocabulary), "output_norm": (width,)}
    for name, shape in tensors.items():
        name += ".weight"
        lines += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(shape))
        lines += struct.pack(f"<{len(shape)}Q", *shape)
        lines += struct.pack("<IQ", kind if len(shape) > 1 else 0, len(data))
        if len(shape) == 1:
            data += floats(*[1] * width)
        else:
            block = b"\0\x2c".ljust(bytes_of_block, b"\x5a")
            data += block * (shape[0] * shape[1] // 32)
        data += b"\0" * (-len(data) % 32)
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 0) + lines
    return header + b"\0" * (-len(header) % 32) + data


def saved_packed(kind, bytes_of_panel, packs_all):
    """As save_packed writes them, from a multiple of 64 bytes on."""
    layer = ["W_key", "W_query", "W_value", "W_out", "W_gate", "W_expand", "W_contract"]
    matrices = [(f"{kind} 32x32 layers.{name}", 2) for name in layer]
    matrices.insert(0 if packs_all else len(layer), (f"{kind} 16x32 embedding", 1))
    header, data = {}, b""
    for name, panels in matrices:
        header[name] = entry("U8", [1, panels * bytes_of_panel], len(data), len(data) + panels * bytes_of_panel)
        data += bytes(at % 256 for at in range(panels * bytes_of_panel))
    tables = {} if packs_all else {"embedding": [16, 32]}
    for name, shape in {**tables, "layers.gain_1": [1, 32], "layers.gain_2": [1, 32], "gain": [32]}.items():
        numbers = floats(*[1 / 8] * math.prod(shape))
        header[name] = entry("F32", shape, len(data), len(data) + len(numbers))
        data += numbers
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return struct.pack("<Q", len(text)) + text + data


put("packed", "version_1", long_checkpoint(0, 32, 32, 1, 16, 1))
for group in 4, 32:
    put("packed", f"groups_of_{group}", long_checkpoint(group, 32, 32, 1, 16, 1))
put("packed", "q8_0", gguf_checkpoint(8, 34, 32, 32, 16))
put("packed", "q4_0", gguf_checkpoint(2, 18, 32, 32, 16))
put("packed", "saved_q4_0", saved_packed("q4_0", 320, False))
put("packed", "saved_q8_0", saved_packed("q8_0", 576, True))
put("llama2c", "version_1", long_checkpoint(0, 2, 1, 1, 2, 1))
put("llama2c", "version_2", long_checkpoint(1, 2, 1, 1, 2, 1))
put("llama2c", "small", checkpoint(2, 1, 1, 1, 1, 2, 1))
put("llama2c", "grouped", checkpoint(4, 3, 2, 2, 1, -3, 2))

texts = [b"<unk>", b"\n<s>\n", b"\n</s>\n"] + [b"<0x%02X>" % byte for byte in range(256)]
texts += [b" ", b"a", b"b", b"ab", b" a", b"\xc3\xa9"]
put("tokenizer", "bytes", b"\x06ab \xc3\xa9b" + tokenizer(texts))
few = [b"<unk>", b"<s>", b"</s>", b" ", b"a", b"b", b"ab", b""]
put("tokenizer", "few", b"\x03aba" + tokenizer(few))


def array(header, data):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


shape = "'fortran_order': False, 'shape': (2, 3), }"
put("npy", "floats", array("{'descr': '<f4', " + shape + "\n", floats(*range(6))))
put("npy", "halves", array("{'descr': '<f2', " + shape, b"\0\x3c" * 6))
put("npy", "symbols", array("{'descr': '<i8', " + shape, struct.pack("<6q", *range(6))))


def added(number, text, **more):
    return {"id": number, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True} | more


def named(kind, **more):
    return {"type": kind} | more


def put_tokenizer(name, model, **more):
    file = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model} | more
    put("tokenizers", name, b"\x0bab Ab\xc3\xa9 12b" + json.dumps(file).encode())


def numbered(texts):
    return {text: number for number, text in enumerate(texts)}


put_tokenizer("word_piece", named("WordPiece", unk_token="[UNK]", continuing_subword_prefix="##",
                                  max_input_chars_per_word=9, vocab=numbered(["[UNK]", "a", "##b", "e"])),
              added_tokens=[added(0, "[UNK]", normalized=True)], decoder=named("WordPiece", prefix="##"),
              normalizer=named("BertNormalizer", lowercase=True), pre_tokenizer=named("BertPreTokenizer"),
              post_processor=named("BertProcessing", sep=["[UNK]", 0], cls=["[UNK]", 0]))
pairs = named("BPE", unk_token="<u>", fuse_unk=True, byte_fallback=True, end_of_word_suffix=None,
              vocab=numbered(["<u>", "\u2581", "a", "b", "ab", "<0xC3>", "<0xA9>"]), merges=["a b"])
put_tokenizer("fallback", pairs, decoder=named("Sequence", decoders=[
    named("Replace", pattern={"String": "\u2581"}, content=" "), named("ByteFallback"), named("Fuse"),
    named("Strip", content=" ", start=1, stop=0)]), normalizer=named("Sequence", normalizers=[
        named("Prepend", prepend="\u2581"), named("Replace", pattern={"String": " "}, content="\u2581")]))
letters = numbered(["\u0120", "a", "b", "\u0120b", "\u00c3", "\u00a9", "1", "2", "12", "A"])
gpt4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
put_tokenizer("bytes", named("BPE", vocab=letters, merges=["\u0120 b", "1 2"], ignore_merges=True),
              normalizer=named("NFKC"), decoder=named("ByteLevel"), pre_tokenizer=named(
                  "Sequence", pretokenizers=[
                      named("Split", pattern={"Regex": gpt4}, behavior="Isolated", invert=False),
                      named("ByteLevel", add_prefix_space=False, use_regex=False)]),
              post_processor=named("ByteLevel", trim_offsets=True))
def field(number, value):
    if isinstance(value, int):
        return bytes([number << 3, value])
    if isinstance(value, float):
        return bytes([number << 3 | 5]) + struct.pack("<f", value)
    size = len(value)
    return bytes([number << 3 | 2] if number < 16 else [number << 3 & 127 | 130, number >> 4]) + (
        bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])) + value


units = [0] * 512
units[0] = 1 << 10 | 512
units[256 ^ 98] = 98 | 256 | 1 << 10 | 512
rules = struct.pack("<513I", 2048, *units) + b"c\0"
for kind, name in enumerate(["unigram", "pairs"], 1):
    file = b"".join(field(1, field(1, piece.encode()) + field(2, float(-at)) + field(3, type_of))
                    for at, (piece, type_of) in enumerate([("<u>", 2), ("<s>", 3), ("\u2581", 1), ("a", 1),
                                                           ("c", 1), ("ac", 1), ("\u2581a", 1), ("12", 4)]))
    put("tokenizers", f"pieces_{name}", b"\x0bab Ab\xc3\xa9 12b" + file + field(2, field(3, kind))
        + field(3, field(2, rules) + field(4, 0)))
put_tokenizer("unigram", named("Unigram", unk_id=0, vocab=[["<u>", 0], ["\u2581", -1], ["a", -2], ["ac", -3]]),
              normalizer=named("Precompiled", precompiled_charsmap=base64.b64encode(rules).decode()),
              pre_tokenizer=named("Metaspace", replacement="\u2581", prepend_scheme="first", split=True),
              decoder=named("Metaspace", replacement="\u2581", prepend_scheme="first"))


def text(value):
    return struct.pack("<Q", len(value)) + value


def gguf(pairs, tensors, data):
    lines = [text(key) + struct.pack("<I", kind) + value for key, kind, value in pairs]
    for name, extents, kind, offset in tensors:
        lines.append(text(name) + struct.pack(f"<I{len(extents)}QIQ", len(extents), *extents, kind, offset))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(lines)
    return head + bytes(-len(head) % 32) + data


def strings(*values):
    return struct.pack("<IQ", 8, len(values)) + b"".join(map(text, values))


vocabulary = [
    (b"general.alignment", 4, struct.pack("<I", 32)),
    (b"tokenizer.ggml.model", 8, text(b"gpt2")),
    (b"tokenizer.ggml.tokens", 9, strings(b"<s>", b"a", b"b")),
    (b"tokenizer.ggml.scores", 9, struct.pack("<IQ3f", 6, 3, 0, -1, -2)),
    (b"tokenizer.ggml.token_type", 9, struct.pack("<IQ3i", 5, 3, 3, 1, 1)),
    (b"tokenizer.ggml.merges", 9, strings(b"a b")),
    (b"tokenizer.ggml.bos_token_id", 4, struct.pack("<I", 0)),
    (b"tokenizer.ggml.add_bos_token", 7, b"\x01"),
    (b"k", 12, struct.pack("<d", 0.5)),
    (b"l", 9, struct.pack("<IQ2H", 2, 2, 7, 8)),
]
mapped = [
    (b"a.0", [16, 4], 0, 0),
    (b"a.1", [16, 4], 1, 256),
    (b"c", [32, 3], 8, 384),
    (b"d", [32, 3], 8, 512),
    (b"m.0", [256], 12, 640),
]
q8 = struct.pack("<e32b", 0.5, *range(32)) * 3
q8 += bytes(128 - len(q8))
put("gguf", "mapped", gguf(vocabulary, mapped, floats(*range(64)) + struct.pack("<64e", *range(64)) + q8 * 2
    + bytes(160)))
plain = [
    (b"a", [16, 2, 2], 30, 0),
    (b"b", [16, 2, 2], 28, 128),
    (b"c", [32, 1], 3, 640),
]
put("gguf", "plain", gguf([], plain, b"\x80\x3f" * 64 + struct.pack("<64d", *range(64))
    + struct.pack("<ee", 0.5, -1) + bytes(range(16))))
plain = plain[:2] + [(b"c", [32, 1], 2, 640)]
put("gguf", "q4_0", gguf([], plain, b"\x80\x3f" * 64 + struct.pack("<64d", *range(64))
    + struct.pack("<e", 0.5) + bytes(range(16))))

stream = io.BytesIO()
with zipfile.ZipFile(stream, "w") as archive:
    for name, descr, extents, data in ("a", "<f4", "(2, 3)", floats(*range(6))), ("b", "<f2", "(1, 2)", b"\0\x3c" * 2):
        with archive.open(name + ".npy", "w", force_zip64=True) as member:
            member.write(array(f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {extents}, }}\n", data))
put("npz", "two", stream.getvalue())

config = json.dumps({"r": 2, "lora_alpha": 10, "bias": "none", "rank_pattern": {}}).encode()
put("lora", "adapter", bytes([len(config)]) + config + safetensors({
    "base_model.model.x.lora_A.weight": entry("F32", [2, 3], 0, 24),
    "base_model.model.x.lora_B.weight": entry("F32", [2, 2], 24, 40),
}, floats(*range(10))))

# Configurations of several families, and an index.
shape = {"vocab_size": 11, "hidden_size": 8, "num_attention_heads": 2, "num_hidden_layers": 2,
         "intermediate_size": 12, "max_position_embeddings": 5, "num_key_value_heads": 1}
for number, more in enumerate((
        {"model_type": "llama", "rope_scaling": {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32}},
        {"model_type": "gemma3_text", "head_dim": 4, "sliding_window": 2,
         "layer_types": ["sliding_attention", "full_attention"]},
        {"model_type": "bert", "architectures": ["BertForMaskedLM"], "type_vocab_size": 2},
        {"model_type": "vit", "image_size": [8, 12], "patch_size": 4, "id2label": {"0": "a"}},
        {"model_type": "codegen", "n_positions": 5, "n_embd": 32, "n_layer": 2, "n_head": 4,
         "rotary_dim": 4})):
    put("configurations", f"config_{number}", b"\0" + json.dumps({**shape, **more}).encode())
put("configurations", "index", b"\1" + json.dumps({"weight_map": {
    "a": "fuzz_part.safetensors", "b": "fuzz_part.safetensors"}}).encode())

"""Gives the example chat a model that tells what plain loops tell: compare.py CHAT REFERENCE

The model of llama2c's reference is written as a GGUF file, and as Hugging Face's files.
"""

import array
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile

chat, reference = sys.argv[1:]
WIDTH, HIDDEN, DEPTH, HEADS, KEY_HEADS, VOCABULARY, LENGTH = 64, 172, 5, 8, 4, 512, 512
KEY_WIDTH = WIDTH // HEADS * KEY_HEADS
TEMPLATE = "{{ bos_token }}[INST] <<SYS>> {{ message }} [/INST]"


def check(fits, what, *details):
    if not fits:
        sys.exit("\n".join(map(str, [what, *details])))


def run(*arguments, code=0, **options):
    result = subprocess.run([chat, *map(str, arguments)], capture_output=True, **options)
    check(result.returncode == code, f"ends with {result.returncode}, not {code}", result)
    return result


def read_model(path):
    """Tensors as rows, columns and numbers, under GGUF's names."""
    numbers = array.array("f", path.read_bytes()[28:])
    tensors, at = {}, 0

    def take(name, rows, columns, layers=DEPTH):
        nonlocal at
        for layer in range(layers):
            tensors[name.format(layer)] = (rows, columns, numbers[at:at + rows * columns])
            at += rows * columns

    take("token_embd.weight", VOCABULARY, WIDTH, 1)
    take("blk.{}.attn_norm.weight", 1, WIDTH)
    take("blk.{}.attn_q.weight", WIDTH, WIDTH)
    take("blk.{}.attn_k.weight", KEY_WIDTH, WIDTH)
    take("blk.{}.attn_v.weight", KEY_WIDTH, WIDTH)
    take("blk.{}.attn_output.weight", WIDTH, WIDTH)
    take("blk.{}.ffn_norm.weight", 1, WIDTH)
    take("blk.{}.ffn_gate.weight", HIDDEN, WIDTH)
    take("blk.{}.ffn_down.weight", WIDTH, HIDDEN)
    take("blk.{}.ffn_up.weight", HIDDEN, WIDTH)
    take("output_norm.weight", 1, WIDTH, 1)
    return tensors


def read_tokens(path):
    data, at, result = path.read_bytes(), 4, []
    while at < len(data):
        score, length = struct.unpack_from("<fi", data, at)
        # Bytes have other names: those that are no UTF-8 would not be told apart.
        word = data[at + 8:at + 8 + length].decode()
        result.append((re.sub("<0x(..)>", r"{\1}", word), score))
        at += 8 + length
    return result


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def write_gguf(path, tensors, tokens, end, **changed):
    def words(values):
        return struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(text, values))

    def numbers(kind, code, values):
        return struct.pack(f"<IIQ{len(values)}{code}", 9, kind, len(values), *values)

    def whole(value):
        return struct.pack("<II", 4, value)

    pairs = {
        "general.architecture": struct.pack("<I", 8) + text("llama"),
        "llama.context_length": whole(LENGTH),
        "llama.embedding_length": whole(WIDTH),
        "llama.block_count": whole(DEPTH),
        "llama.feed_forward_length": whole(HIDDEN),
        "llama.attention.head_count": whole(HEADS),
        "llama.attention.head_count_kv": whole(KEY_HEADS),
        "llama.attention.layer_norm_rms_epsilon": struct.pack("<If", 6, 1e-5),
        "tokenizer.chat_template": struct.pack("<I", 8) + text(TEMPLATE),
        "tokenizer.ggml.model": struct.pack("<I", 8) + text("llama"),
        "tokenizer.ggml.tokens": words([each.replace(" ", "\u2581") for each, _ in tokens]),
        "tokenizer.ggml.scores": numbers(6, "f", [score for _, score in tokens]),
        "tokenizer.ggml.token_type": numbers(5, "i", [2, 3] + [1] * (len(tokens) - 2)),
        "tokenizer.ggml.bos_token_id": whole(1),
        "tokenizer.ggml.eos_token_id": whole(end),
        "tokenizer.ggml.add_bos_token": struct.pack("<IB", 7, 1),
    } | changed
    lines, data = [], []
    at = 0
    for name, (rows, columns, values) in tensors.items():
        extents = [columns] if rows == 1 else [columns, rows]
        lines.append(text(name) + struct.pack(f"<I{len(extents)}QIQ", len(extents), *extents, 0, at))
        data.append(values.tobytes() + bytes(-4 * len(values) % 32))
        at += len(data[-1])
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    head += b"".join(text(key) + value for key, value in pairs.items()) + b"".join(lines)
    path.write_bytes(head + bytes(-len(head) % 32) + b"".join(data))


def write_folder(folder, tensors, tokens, end):
    names = {"token_embd": "embed_tokens", "output_norm": "norm", "attn_norm": "input_layernorm",
             "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
             "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
             "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj",
             "ffn_down": "mlp.down_proj", "ffn_up": "mlp.up_proj"}
    header, data, at = {}, [], 0
    for name, (rows, columns, values) in tensors.items():
        *block, own, _ = name.split(".")
        if own in ["attn_q", "attn_k"]:
            # Of each head, the rows of pairs (2k, 2k + 1) become k and k + half.
            size = WIDTH // HEADS
            order = [head + each for head in range(0, rows, size)
                     for each in [*range(0, size, 2), *range(1, size, 2)]]
            values = array.array("f", b"".join(
                values[row * columns:(row + 1) * columns].tobytes() for row in order))
        prefix = f"model.layers.{block[1]}." if block else "model."
        size = 4 * len(values)
        header[prefix + names[own] + ".weight"] = {
            "dtype": "F32", "shape": [columns] if rows == 1 else [rows, columns],
            "data_offsets": [at, at + size]}
        data.append(values.tobytes())
        at += size
    head = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(
        struct.pack("<Q", len(head)) + head + b"".join(data))
    (folder / "config.json").write_text(json.dumps({
        "model_type": "llama", "vocab_size": VOCABULARY, "max_position_embeddings": LENGTH,
        "hidden_size": WIDTH, "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS,
        "intermediate_size": HIDDEN, "num_hidden_layers": DEPTH, "hidden_act": "silu",
        "rms_norm_eps": 1e-5, "rope_theta": 10000, "tie_word_embeddings": True,
        "eos_token_id": [end]}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE}))
    texts = [each.replace(" ", "\u2581") if at else "<unk>" for at, (each, _) in enumerate(tokens)]
    vocabulary = {}
    for at, each in enumerate(texts):
        vocabulary[each if each not in vocabulary else f"unused{at}"] = at
    scores = {each: score for each, score in zip(texts, (score for _, score in tokens))}
    merges = sorted(((-scores[each], at, each[:split], each[split:])
                     for at, each in enumerate(texts) if at >= 259
                     for split in range(1, len(each))
                     if each[:split] in scores and each[split:] in scores))
    replace = {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}
    (folder / "tokenizer.json").write_text(json.dumps({
        "added_tokens": [{"id": 1, "content": texts[1], "special": True}],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": texts[1], "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                     {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {texts[1]: {"id": texts[1], "ids": [1], "tokens": [texts[1]]}}},
        "decoder": {"type": "Sequence", "decoders": [
            replace, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "vocab": vocabulary, "merges": [[left, right] for _, _, left, right in merges]},
    }))


def plain(told):
    """What llama2.c prints: bytes in place of their names, none that is no letter."""
    def byte(found):
        code = int(found[1], 16)
        return chr(code) if 32 <= code < 127 or 9 <= code <= 13 else ""

    return re.sub("{(..)}", byte, told.decode())


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    model, tokenizer, gguf = folder / "model.bin", folder / "tokenizer.bin", folder / "model.gguf"
    prompt = "a cab"
    story = subprocess.run([reference, model, tokenizer, "100", prompt], capture_output=True).stdout
    tensors, tokens = read_model(model), read_tokens(tokenizer)
    write_gguf(gguf, tensors, tokens, 1)
    write_folder(folder, tensors, tokens, 1)

    # A text goes on as plain loops continue it.
    for files in [gguf, folder]:
        told = run(files, "--continue", prompt, "-t", "0", "--length", "80")
        check(len(story) > 60 and plain(story).startswith(plain(told.stdout)[:-1]), "another story",
              story, told)
        check(b"tokens, " in told.stderr and len(plain(told.stdout)) > 60, "no story", told)
    likeliest = run(gguf, "--continue", prompt, "--likeliest", "3").stdout.decode().splitlines()
    logits = [float(each.split()[0]) for each in likeliest]
    check(len(logits) == 3 and logits == sorted(logits, reverse=True), "no logits", likeliest)

    # Conversations: the same by messages, lines, and files; what is forgotten has no influence.
    options = ["-t", "0", "--length", "30"]
    both = run(gguf, *options, "--message", "a cab", "--message", "no dog").stdout
    for files in [gguf, folder]:
        lines = run(files, *options, input=b"a cab\n\nno dog\n").stdout
        check(lines == both, "another answer", files, lines, both)
    alone = run(gguf, *options, "--message", "no dog").stdout
    check(not both.endswith(alone), "no history", both, alone)
    options += ["--context", "24"]
    alone = run(gguf, *options, "--message", "no dog").stdout
    short = run(gguf, *options, "--message", "a cab", "--message", "no dog").stdout
    check(len(short) > len(alone) and short.endswith(alone), "nothing is forgotten", short, alone)
    told = run(gguf, *options, input=b"a" * 99 + b"\nno dog\n")
    check(b"the message takes" in told.stderr and told.stdout == alone, "too long", told)
    run(gguf, *options, "--message", "a cab", "--system", "sir", "--weights", "q8_0", "--format",
        "llama2")

    if os.name == "posix":
        # Ctrl-C stops an answer, not the program.
        program = subprocess.Popen([chat, gguf, "-t", "0", "--length", "400"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        program.stdin.write(b"a cab\n")
        program.stdin.flush()
        program.stdout.read(1)
        program.send_signal(signal.SIGINT)
        said, errors = program.communicate(b"a\n")
        check(program.returncode == 0 and errors.count(b"stopped") == 1 and
              errors.count(b"tokens/s") == 2, "Ctrl-C", program.returncode, said, errors)

    # What is missing is told.
    check(b"https://" in run(code=1).stderr, "not where to get a model")
    check(b"absent" in run(folder / "absent", code=1).stderr, "no file")
    write_gguf(gguf, tensors, tokens, 1,
               **{"tokenizer.chat_template": struct.pack("<I", 8) + text("{{ message }}")})
    check(b"its chat template is not known" in run(gguf, code=1).stderr, "a template")
    write_gguf(gguf, tensors, tokens, 1, **{"llama.rope.freq_base": struct.pack("<If", 6, 5e5)})
    told = run(gguf, code=1).stderr
    check(b"position: the file has position::rotary<500000>" in told, "another base", told)

"""Compares what the example embed answers with plain loops: compare.py EMBED

The model has random weights, the sizes of bert-tiny, and words of letters.
"""

import array
import json
import math
import operator
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

WIDTH, HEADS, DEPTH, HIDDEN, POSITIONS, VOCABULARY = 128, 2, 2, 512, 512, 30522
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CLS, SEP, FIRST = 2, 3, 5  # FIRST letters, then those within words
random.seed(1)


def numbers(count, mean=0.0, deviation=1.0):
    return array.array("f", (random.gauss(mean, deviation) for _ in range(count)))


def write_model(folder, tensors):
    header, data = {}, b""
    chunks = []
    at = 0
    for name, (shape, values) in tensors.items():
        size = 4 * len(values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        chunks.append(values.tobytes())
        at += size
    data = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(data)) + data + b"".join(chunks))
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS]
    tokens += ["##" + each for each in LETTERS]
    tokens += [f"word{at}" for at in range(len(tokens), VOCABULARY)]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    (folder / "config.json").write_text(json.dumps({
        "architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu",
        "hidden_size": WIDTH, "num_attention_heads": HEADS, "num_hidden_layers": DEPTH,
        "intermediate_size": HIDDEN, "max_position_embeddings": POSITIONS, "type_vocab_size": 2,
        "layer_norm_eps": 1e-12, "vocab_size": VOCABULARY}))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 8}')


def random_model():
    used = FIRST + 2 * len(LETTERS)
    table = numbers(used * WIDTH)
    table.extend(array.array("f", bytes(4 * (VOCABULARY - used) * WIDTH)))
    tensors = {
        "embeddings.word_embeddings.weight": ([VOCABULARY, WIDTH], table),
        "embeddings.position_embeddings.weight": ([POSITIONS, WIDTH], numbers(POSITIONS * WIDTH)),
        "embeddings.token_type_embeddings.weight": ([2, WIDTH], numbers(2 * WIDTH)),
    }

    def norm(name):
        tensors[name + ".weight"] = ([WIDTH], numbers(WIDTH, 1, 0.2))
        tensors[name + ".bias"] = ([WIDTH], numbers(WIDTH, 0, 0.2))

    def linear(name, outputs, inputs):
        tensors[name + ".weight"] = ([outputs, inputs],
                                     numbers(outputs * inputs, 0, 1 / math.sqrt(inputs)))
        tensors[name + ".bias"] = ([outputs], numbers(outputs, 0, 0.2))

    norm("embeddings.LayerNorm")
    for layer in range(DEPTH):
        at = f"encoder.layer.{layer}."
        for name in ["self.query", "self.key", "self.value", "output.dense"]:
            linear(at + "attention." + name, WIDTH, WIDTH)
        norm(at + "attention.output.LayerNorm")
        linear(at + "intermediate.dense", HIDDEN, WIDTH)
        linear(at + "output.dense", WIDTH, HIDDEN)
        norm(at + "output.LayerNorm")
    linear("pooler.dense", WIDTH, WIDTH)
    return tensors


def dot(a, b):
    return sum(map(operator.mul, a, b))


def embedding(tensors, text, most=8):
    ids = [FIRST + LETTERS.index(letter) + (len(LETTERS) if at else 0)
           for word in text.split() for at, letter in enumerate(word)]
    ids = [CLS, *ids[:most - 2], SEP]

    def row(name, at):
        values = tensors[name][1]
        return values[at * WIDTH:(at + 1) * WIDTH]

    def norm(x, name):
        mean = sum(x) / WIDTH
        factor = 1 / math.sqrt(sum((each - mean)**2 for each in x) / WIDTH + 1e-12)
        return [(each - mean) * factor * g + b for each, g, b in zip(
            x, tensors[name + ".weight"][1], tensors[name + ".bias"][1])]

    def linear(x, name):
        (outputs, inputs), weight = tensors[name + ".weight"]
        return [dot(x, weight[at * inputs:(at + 1) * inputs]) + bias
                for at, bias in zip(range(outputs), tensors[name + ".bias"][1])]

    def plus(a, b):
        return list(map(operator.add, a, b))

    x = [norm(plus(plus(row("embeddings.word_embeddings.weight", id),
                        row("embeddings.position_embeddings.weight", at)),
                   row("embeddings.token_type_embeddings.weight", 0)), "embeddings.LayerNorm")
         for at, id in enumerate(ids)]
    size = WIDTH // HEADS
    for layer in range(DEPTH):
        name = f"encoder.layer.{layer}."
        q, k, v = ([linear(each, name + "attention.self." + part) for each in x]
                   for part in ["query", "key", "value"])
        for at in range(len(x)):
            attention = []
            for head in range(0, WIDTH, size):
                own = slice(head, head + size)
                scores = [math.exp(dot(q[at][own], other[own]) / math.sqrt(size)) for other in k]
                attention += [dot(scores, [other[c] for other in v]) / sum(scores)
                              for c in range(head, head + size)]
            x[at] = norm(plus(x[at], linear(attention, name + "attention.output.dense")),
                         name + "attention.output.LayerNorm")
        for at in range(len(x)):
            inner = [each * (1 + math.erf(each / math.sqrt(2))) / 2
                     for each in linear(x[at], name + "intermediate.dense")]
            x[at] = norm(plus(x[at], linear(inner, name + "output.dense")),
                         name + "output.LayerNorm")
    mean = [sum(column) for column in zip(*x)]
    length = math.sqrt(dot(mean, mean))
    return [each / length for each in mean]


embed = sys.argv[1]


def run(*arguments, code=0, **options):
    result = subprocess.run([embed, *map(str, arguments)], capture_output=True, text=True,
                            **options)
    if result.returncode != code:
        sys.exit(f"ends with {result.returncode}, not {code}\n{result}")
    return result


def check(fits, what, *details):
    if not fits:
        sys.exit("\n".join(map(str, [what, *details])))


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    tensors = random_model()
    write_model(folder, tensors)

    lines = ["a cat", "dog", "the long line is cut off", "cat a"]
    text = folder / "lines.txt"
    text.write_text("\r\n".join(lines[:2]) + "\n\n  \n" + "\n".join(lines[2:]))
    expected = [embedding(tensors, line) for line in lines]

    # The numbers; a text that is too long; one that is empty.
    for line, wanted in [*zip(lines[:3:2], expected[::2]), ("", embedding(tensors, ""))]:
        printed = [float(each) for each in run(folder, "--print", line).stdout.split()]
        check(len(printed) == WIDTH, "another width", printed)
        worst = max(abs(a - b) for a, b in zip(printed, wanted))
        check(worst < 1e-6, f"{line} differs by {worst}", printed, wanted)

    # Queries, with an index that is made, read, and made of something else.
    query = "a dog"
    wanted = embedding(tensors, query)
    ranking = sorted(((dot(each, wanted), line) for each, line in zip(expected, lines)),
                     reverse=True)

    def check_answer(told, tolerance=2e-4, count=3):
        first, *rest = told.stdout.splitlines()
        check(first == query and len(rest) == count, "not the answer's lines", told)
        for answer, (score, line) in zip(rest, ranking):
            check(abs(float(answer[:8]) - score) < tolerance, "scores", told, ranking)
            check(tolerance > 1e-3 or answer[10:] == line, "lines", told, ranking)

    index = folder / "index.safetensors"
    options = [folder, text, "--best", 3, "--index", index]
    made = run(*options, "--query", query)
    check("the index is in" in made.stderr, "no index", made)
    check_answer(made)
    again = run(*options, input=query + "\n")
    check(again.stdout == made.stdout and "embedded" not in again.stderr, "not from the index",
          again)
    check_answer(run(folder, text, "--query", query, "--weights", "q8_0", "--best", 9), 0.02, 4)
    for other in [["--weights", "q8_0"], ["--line-prefix", "a "], ["--tokens", "5"]]:
        refused = run(*options, *other, code=1)
        check("index.safetensors: was made of another model" in refused.stderr, "taken", refused)
    text.write_text("\n".join(lines[:3]))
    refused = run(*options, code=1)
    check('has "4", wanted is "3"' in refused.stderr, "no count", refused)
    text.write_text("\n".join([*lines[:3], "cat b"]))
    check("of other lines" in run(*options, code=1).stderr, "other lines")
    index.write_bytes(index.read_bytes()[:-4])
    check("index.safetensors" in run(*options, code=1).stderr, "a short index")
    text.write_bytes(b"a\n\xff\n")
    check("lines.txt: line 2 is not UTF-8" in run(folder, text, code=1).stderr, "no line")

    # Without a model, or with another one.
    for arguments in [[], [folder / "absent", text]]:
        told = run(*arguments, code=1).stderr
        check("tokenizer.json" in told and "https://" in told, "not where to get one", told)
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"gelu"', '"relu"'))
    told = run(folder, text, code=1).stderr
    check("activation: the file has activation::relu" in told, "another activation", told)

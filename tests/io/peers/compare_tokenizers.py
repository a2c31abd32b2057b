#!/usr/bin/env python3
"""Compares the tokenizers of this library with the packages tokenizers and sentencepiece.

    compare_tokenizers.py --encode PROGRAM --text FILE... [--count N] [--seed N] [--kind NAME...] [--file FILE...]

PROGRAM is tests/io/peers/encode.cpp, compiled: g++ -std=c++20 -O2 -I include. FILEs of --text are text
that small tokenizers are trained on and that is encoded, too. For each kind of tokenizer a file is made
as the models it is named after have it; N strings (100,000) and N / 10 pairs of them are encoded and
decoded by both, and must have the same tokens, offsets, segments and text. The strings are random
Unicode, words of many scripts, white space, contractions, numbers, emoji, special tokens and lines of
the text. Each --file is a published tokenizer.json, or a
.model of SentencePiece, to compare as well.

    --seed N     of the random strings, 1
    --kind NAME  only kinds whose name contains NAME
    --time       print the speed of both on the text in place of the comparison
    --every      use all code points, not those of Unicode 3.2 and emoji alone: what was assigned
                 later has other properties in the versions of Unicode that the packages mix
    --folder F   keep the files that are made in F

Two splits of a word by a unigram model that have the same score to the last bits may differ: 2 of
110,000 strings with --seed 7 do so.

Exit code 1 if anything differs: the string, both results and the first that differs are printed.
"""

import argparse
import base64
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN = GPT4.replace("{1,3}", "")
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
CASED = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+@"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*@"
         r"|\p{N}#| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
O200K = CASED.replace("@", CONTRACTIONS).replace("#", "{1,3}")
TEKKEN = CASED.replace("@", "").replace("#", "")
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

BLOCKS = [(0x20, 0x7F), (0x20, 0x7F), (0xA0, 0x180), (0x180, 0x250), (0x250, 0x2B0), (0x300, 0x370),
          (0x370, 0x400), (0x400, 0x530), (0x531, 0x590), (0x591, 0x600), (0x600, 0x700),
          (0x900, 0x980), (0x980, 0xA00), (0xB80, 0xC00), (0xE00, 0xE80), (0xE80, 0xF00),
          (0xF00, 0x1000), (0x1000, 0x10A0), (0x10A0, 0x1100), (0x1100, 0x1200), (0x1200, 0x1380),
          (0x13A0, 0x1400), (0x1780, 0x1800), (0x1E00, 0x1F00), (0x1F00, 0x2000), (0x2000, 0x2070),
          (0x2070, 0x20D0), (0x20D0, 0x2100), (0x2100, 0x2190), (0x2190, 0x2300), (0x2460, 0x2500),
          (0x2600, 0x27C0), (0x3000, 0x3040), (0x3040, 0x3100), (0x3100, 0x3190), (0x3200, 0x3400),
          (0x3400, 0x4DB6), (0x4E00, 0x9FA6), (0xA000, 0xA490), (0xAC00, 0xD7A4), (0xF900, 0xFB00),
          (0xFB00, 0xFB50), (0xFB50, 0xFE00), (0xFE00, 0xFE30), (0xFE30, 0xFE70), (0xFF00, 0xFFF0),
          (0xFFF9, 0xFFFE), (0x10000, 0x10100), (0x10400, 0x10480), (0x1D100, 0x1D200),
          (0x1D400, 0x1D800), (0x1F1E6, 0x1F200), (0x1F300, 0x1F650), (0x1F680, 0x1F700),
          (0x20000, 0x20100), (0x2F800, 0x2FA1E), (0xE0100, 0xE0110), (0xF0000, 0xF0010)]
PIECES = ["'s", "'T", "'re", "'VE", "'m", "'ll", "'d", "'\u017f", "'", "\u2019s", "n't", "don't", " ",
          "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "\u00a0", "\u3000", "\u2003", "\u2028",
          "\u200b", "\u200d", "\u200c", "\u00ad", "\ufeff", "\x00", "\x01", "\x7f", "\x85", "\ufffd",
          "0", "7", "12", "345", "6789", "3.14", "1,000", "\u0663", "\u00b2", "\u2167", "a", "A", "the",
          " the", "The", "HELLO", "helloWorld", "e\u0301", "\u00e9", "o\u0308", "\u0130", "\u0131",
          "\u00df", "\u1e9e", "\u03a3\u03c2", "\uac00", "\u1100\u1161", "\u1100\u1161\u11a8", "\u4f60\u597d",
          "\u3042", "\uff21", "\uff76\uff9e", "\ufb01", "\u2581", "\u2581\u2581", "_", "__", "#", "##", "...",
          "!?", "//", "/\n", "``", "''", "-", "\u2013", "\U0001f600", "\U0001f468\u200d\U0001f469",
          "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea", "\u0e33", "\u0915\u094d\u0937", "a\u0327\u0301",
          "\u212b", "\u2126", "\u0344", "\u0958", "\u1e9b\u0323", "[CLS]", "[MASK]", "[SEP]", "<s>",
          "</s>", "<unk>", "<pad>", "<|endoftext|>", "<|im_start|>", "<0x41>", "<mask>", "extra_word"]


class Texts:
    """Random strings and words."""

    def __init__(self, seed, every, lines):
        self.random = random.Random(seed)
        self.every = every
        self.lines = lines
        self.blocks = [[c for c in range(*block) if self.is_used(c)] for block in BLOCKS]
        self.blocks = [block for block in self.blocks if block]
        self.words = ["".join(map(chr, self.random.choices(block, k=self.random.randint(1, 7))))
                      for block in self.blocks for _ in range(60)]

    def is_used(self, code):
        if 0xD800 <= code < 0xE000 or unicodedata.category(chr(code)) == "Cn":
            return False
        if self.every or unicodedata.ucd_3_2_0.category(chr(code)) != "Cn":
            return True
        return 0x1F300 <= code < 0x1F650 or 0x1F680 <= code < 0x1F6C6

    def word(self):
        return self.random.choice(self.words)

    def string(self):
        pick = self.random.random()
        if pick < 0.15 and self.lines:
            line = self.random.choice(self.lines)
            return line if self.random.random() < 0.7 else line + self.random.choice(PIECES) + self.string()
        if pick < 0.3:
            return "".join(chr(self.random.choice(self.random.choice(self.blocks)))
                           for _ in range(self.random.randint(0, 12)))
        if pick < 0.32:
            return self.random.choice(PIECES + self.words) * self.random.randint(1, 60)
        result = ""
        for _ in range(self.random.randint(0, 10)):
            kind = self.random.random()
            if kind < 0.4:
                result += self.word()
            elif kind < 0.8:
                result += self.random.choice(PIECES)
            else:
                result += chr(self.random.choice(self.random.choice(self.blocks)))
            if self.random.random() < 0.4:
                result += " "
        return result

    def corpus(self):
        text = list(self.lines)
        for _ in range(4000):
            text.append(" ".join(self.word() for _ in range(self.random.randint(1, 12))))
        return text


def special(*texts, **arguments):
    return [AddedToken(text, special=True, normalized=False, **arguments) for text in texts]


def template(single, pair, result):
    tokens = sorted({word.split(":")[0] for word in (single + " " + pair).split() if word[0] != "$"})
    return processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[(t, result.token_to_id(t)) for t in tokens])


def word_piece(texts, lower, clean=True):
    result = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    result.normalizer = normalizers.BertNormalizer(clean_text=clean, lowercase=lower)
    result.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    result.train_from_iterator(texts, trainers.WordPieceTrainer(
        vocab_size=9000, special_tokens=names, show_progress=False))
    result.decoder = decoders.WordPiece(cleanup=lower)
    if lower:
        result.post_processor = template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", result)
    else:
        result.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return result


def byte_level(texts, split=None, normalizer=None, prefix=False, specials=("<|endoftext|>",), regex=True,
               suffix=None, unknown=None, before=(), **model):
    arguments = {"end_of_word_suffix": suffix} if suffix else {}
    result = Tokenizer(models.BPE(unk_token=unknown, **arguments, **model))
    if normalizer:
        result.normalizer = normalizer
    steps = list(before)
    if split:
        steps.append(pre_tokenizers.Split(Regex(split[0]), *split[1:]))
        regex = False
    steps.append(pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex))
    result.pre_tokenizer = steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)
    result.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=9000, special_tokens=special(*specials), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **arguments))
    result.decoder = decoders.ByteLevel()
    result.post_processor = processors.ByteLevel(trim_offsets=False)
    return result


def roberta(texts):
    result = byte_level(texts, specials=("<s>", "<pad>", "</s>", "<unk>"))
    result.add_special_tokens([AddedToken("<mask>", lstrip=True, normalized=False)])
    result.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True,
                                                         add_prefix_space=False)
    return result


def opt(texts):
    result = byte_level(texts, prefix=True, specials=("<pad>", "</s>", "<unk>"))
    result.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True, add_prefix_space=True),
        template("</s> $A", "</s> $A </s> $B", result)])
    return result


def llama3(texts):
    result = byte_level(texts, (GPT4, "isolated", False), specials=("<|begin_of_text|>", "<|eot_id|>"),
                        ignore_merges=True)
    result.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        template("<|begin_of_text|> $A", "<|begin_of_text|> $A <|begin_of_text|>:1 $B:1", result)])
    return result


def modern_bert(texts):
    result = byte_level(texts, normalizer=normalizers.NFC(), specials=("<|endoftext|>", "[UNK]", "[CLS]",
                                                                       "[SEP]", "[PAD]", "[MASK]"))
    result.add_tokens([AddedToken(" " * count, normalized=True) for count in range(24, 1, -1)])
    result.add_tokens([AddedToken("extra_word", single_word=True, normalized=False)])
    result.post_processor = template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", result)
    return result


def clip(texts):
    result = byte_level(texts, (CLIP, "removed", True), suffix="</w>", unknown="<|endoftext|>",
                        specials=("<|startoftext|>", "<|endoftext|>"),
                        normalizer=normalizers.Sequence([
                            normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "),
                            normalizers.Lowercase()]))
    result.post_processor = processors.RobertaProcessing(
        ("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False)
    return result


def with_fallback(texts, kind):
    """Llama 2, Mistral, Gemma: merges within words, the file as it is published."""
    trained = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    names = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    trained.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=9000, special_tokens=names, limit_alphabet=1500, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(each) for each in model["merges"]]
    if kind == "crossing":  # merges that join a blank to what is before it
        for left, right in (("e", "\u2581"), ("e\u2581", "\u2581"), ("\u2581", "\u2581t")):
            merges.append((left, right))
            model["vocab"].setdefault(left + right, len(model["vocab"]))
    result = Tokenizer(models.BPE(vocab=model["vocab"], merges=merges, unk_token="<unk>", fuse_unk=True,
                                  byte_fallback=kind != "unknown"))
    replaced = normalizers.Replace(" ", "\u2581")
    if kind == "mistral":
        result.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    elif kind == "gemma":
        result.normalizer = replaced
        result.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    else:
        result.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), replaced])
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    if kind != "gemma":
        steps.append(decoders.Strip(" ", 1, 0))
    result.decoder = decoders.Sequence(steps)
    result.add_special_tokens(special("<unk>", "<s>", "</s>"))
    result.post_processor = template("<s> $A", "<s> $A <s>:1 $B:1", result)
    return result


def charsmap(texts, folder):
    """The rules that SentencePiece compiles for T5 and XLM-R (nmt_nfkc)."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as proto
    path = folder / "charsmap"
    if not path.with_suffix(".model").exists():
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts[:3000]), model_prefix=str(path), vocab_size=900,
            hard_vocab_limit=False, minloglevel=2)
    model = proto.ModelProto()
    model.ParseFromString(path.with_suffix(".model").read_bytes())
    return model.normalizer_spec.precompiled_charsmap


def unigram(texts, folder, kind):
    trained = Tokenizer(models.Unigram())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trained.train_from_iterator([unicodedata.normalize("NFKC", text) for text in texts],
                                trainers.UnigramTrainer(
                                    vocab_size=7000, unk_token="<unk>", show_progress=False,
                                    special_tokens=["<s>", "<pad>", "</s>", "<unk>"]))
    vocabulary = [tuple(each) for each in json.loads(trained.to_str())["model"]["vocab"]]
    if kind == "bytes":
        vocabulary += [(f"<0x{byte:02X}>", -20.0) for byte in range(256)]
    result = Tokenizer(models.Unigram(vocabulary, 3, kind == "bytes"))
    rules = normalizers.Precompiled(charsmap(texts, folder))
    metaspace = pre_tokenizers.Metaspace()
    if kind == "t5":
        result.normalizer = rules
    elif kind == "albert":
        result.normalizer = normalizers.Sequence([
            normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(),
            normalizers.StripAccents(), normalizers.Lowercase(), rules])
    else:
        result.normalizer = normalizers.Sequence([rules, normalizers.Replace(Regex(" {2,}"), " ")])
    if kind == "xlmr":
        result.pre_tokenizer = metaspace
    else:
        result.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), metaspace])
    result.decoder = decoders.Metaspace()
    result.add_special_tokens(special("<s>", "<pad>", "</s>", "<unk>"))
    if kind == "t5":
        result.post_processor = template("$A </s>", "$A </s> $B </s>", result)
    else:
        result.post_processor = template("<s> $A </s>", "<s> $A </s> </s> $B </s>", result)
    return result


def kinds(texts, folder):
    digits = pre_tokenizers.Digits(individual_digits=True)
    return {
        "bert_uncased": lambda: word_piece(texts, True),
        "bert_cased": lambda: word_piece(texts, False),
        "bert_raw": lambda: word_piece(texts, False, clean=False),
        "gpt2": lambda: byte_level(texts),
        "roberta": lambda: roberta(texts),
        "opt": lambda: opt(texts),
        "llama3": lambda: llama3(texts),
        "qwen2": lambda: byte_level(texts, (QWEN, "isolated", False), normalizer=normalizers.NFC(),
                                    specials=("<|endoftext|>", "<|im_start|>", "<|im_end|>")),
        "o200k": lambda: byte_level(texts, (O200K, "isolated", False)),
        "tekken": lambda: byte_level(texts, (TEKKEN, "isolated", False)),
        "smollm2": lambda: byte_level(texts, before=(digits,), specials=("<|endoftext|>", "<|im_start|>")),
        "modern_bert": lambda: modern_bert(texts),
        "clip": lambda: clip(texts),
        "llama2": lambda: with_fallback(texts, "llama2"),
        "mistral": lambda: with_fallback(texts, "mistral"),
        "gemma": lambda: with_fallback(texts, "gemma"),
        "llama_unknown": lambda: with_fallback(texts, "unknown"),
        "llama_crossing": lambda: with_fallback(texts, "crossing"),
        "t5": lambda: unigram(texts, folder, "t5"),
        "xlmr": lambda: unigram(texts, folder, "xlmr"),
        "albert": lambda: unigram(texts, folder, "albert"),
        "unigram_bytes": lambda: unigram(texts, folder, "bytes"),
        "gguf_bert_uncased": lambda: word_piece(texts, True),
        "gguf_bert_cased": lambda: cleaning(word_piece(texts, False)),
    }


def cleaning(result):
    """Decodes as transformers' BERT does."""
    result.decoder = decoders.WordPiece(cleanup=True)
    result.post_processor = template("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", result)
    return result


def gguf(path):
    """A vocabulary as llama.cpp's converter writes it to a GGUF file: WordPiece of a tokenizer.json,
    unigram of a .model."""
    text = lambda of: struct.pack("<Q", len(of.encode())) + of.encode()
    pairs = []

    def add(key, kind, value):
        pairs.append(text("tokenizer.ggml." + key) + struct.pack("<I", kind) + value)

    def add_list(key, kind, values, form):
        pack = form if callable(form) else lambda value: struct.pack(form, value)
        add(key, 9, struct.pack("<IQ", kind, len(values)) + b"".join(map(pack, values)))

    if path.suffix == ".json":
        data = json.loads(path.read_text())
        added = {each["id"] for each in data["added_tokens"]}
        tokens = sorted(data["model"]["vocab"], key=data["model"]["vocab"].get)
        plain = lambda of: of[2:] if of.startswith("##") else "\u2581" + of
        words = [of if at in added else plain(of) for at, of in enumerate(tokens)]
        types = [3 if at in added else 1 for at in range(len(tokens))]
        model, ids = "bert", {"cls": "[CLS]", "seperator": "[SEP]", "unknown": "[UNK]"}
    else:
        from sentencepiece import sentencepiece_model_pb2 as proto
        data = proto.ModelProto()
        data.ParseFromString(path.read_bytes())
        words = tokens = [each.piece for each in data.pieces]
        types = [each.type for each in data.pieces]
        model, ids = "t5", {"eos": "</s>", "unknown": "<unk>"}
        add_list("scores", 6, [each.score for each in data.pieces], "<f")
        add_list("precompiled_charsmap", 0, data.normalizer_spec.precompiled_charsmap, "<B")
        add("add_space_prefix", 7, bytes([data.normalizer_spec.add_dummy_prefix]))
        add("remove_extra_whitespaces", 7, bytes([data.normalizer_spec.remove_extra_whitespaces]))
        add("add_eos_token", 7, b"\0")
    pairs.append(text("general.architecture") + struct.pack("<I", 8) + text(model))
    add("model", 8, text(model))
    add_list("tokens", 8, words, text)
    add_list("token_type", 5, types, "<i")
    for key, of in ids.items():
        add(f"{key}_token_id", 4, struct.pack("<I", tokens.index(of)))
    result = path.with_suffix(".gguf")
    result.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs))
    return result


def packed(text):
    if text is None:
        return b"\xff\xff\xff\xff"
    data = text.encode()
    return struct.pack("<I", len(data)) + data


def line_of(encoding, first, second, text):
    """What encode.cpp prints of a result."""
    places = []
    for each in (first, second or ""):
        at, list_of = 0, [0]
        for char in each:
            at += len(char.encode())
            list_of.append(at)
        places.append(list_of)
    offsets = []
    for (begin, end), sequence in zip(encoding.offsets, encoding.sequence_ids):
        place = places[sequence or 0]
        offsets += [place[begin], place[end]]
    join = lambda numbers: "".join(f"{number} " for number in numbers)
    return ";".join((join(encoding.ids), join(offsets), join(encoding.type_ids), text.encode().hex()))


def compare(name, path, program, pairs):
    result = Tokenizer.from_file(str(path))
    result.no_padding()
    if result.truncation:
        result.no_truncation()
        changed = json.loads(path.read_text())
        changed["truncation"] = None
        path = path.parent / "without_truncation.json"
        path.write_text(json.dumps(changed))
    data = b"".join(packed(first) + packed(second) for first, second in pairs)
    ours = gguf(path) if name.startswith("gguf") else path
    run = subprocess.run([program, ours], input=data, capture_output=True)
    lines = run.stdout.decode().split("\n")[:-1]
    has_rules = "precompiled_charsmap" in path.read_text()
    bad = streams = 0
    for (first, second), line in zip(pairs, lines):
        encoding = result.encode(first, second)
        text = result.decode(encoding.ids)
        wanted = line_of(encoding, first, second, text)
        got, _, stream = line.rpartition(";")
        if has_rules and any(unicodedata.category(c) in ("Cc", "Cf") for c in first + (second or "")):
            # Where the rules remove the first character, the package's offsets are shifted.
            wanted, got = (";".join(each.split(";")[::2]) for each in (wanted, got))
        if got != wanted:
            bad += 1
            if bad <= 3:
                print(f"{name}: {first!r} and {second!r}")
                for part, one, two in zip(("tokens", "offsets", "segments", "text"),
                                          wanted.split(";"), got.split(";")):
                    if one != two:
                        print(f"  {part}: wanted {one}\n  {' ' * len(part)}     got {two}")
                        if part == "tokens":
                            print(f"  wanted {encoding.tokens}")
        elif stream != text.encode().hex():
            streams += 1
            if streams <= 2:
                print(f"{name}: the stream of {first!r} gives {bytes.fromhex(stream)}, not {text!r}")
    if len(lines) != len(pairs) or run.returncode != 0:
        bad += 1
        print(f"{name}: ended with {run.returncode} after {len(lines)} strings: "
              f"{run.stderr.decode()[-500:]} {pairs[len(lines)] if len(lines) < len(pairs) else ''}")
    print(f"{name}: {len(pairs)} strings, {bad} differ, {streams} streams differ", flush=True)
    return bad + streams


def pieces(texts, folder, kind):
    """A small model of SentencePiece."""
    import sentencepiece
    path = folder / kind
    arguments = {"model_type": "bpe" if "bpe" in kind else "unigram", "vocab_size": 7000}
    if "llama" in kind:
        arguments |= {"byte_fallback": True, "normalization_rule_name": "identity", "split_digits": True,
                      "remove_extra_whitespaces": False, "user_defined_symbols": ["extra_word"]}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_prefix=str(path), hard_vocab_limit=False, minloglevel=2,
        max_sentence_length=100000, character_coverage=0.99, **arguments)
    return path.with_suffix(".model")


def compare_pieces(name, path, program, strings):
    import sentencepiece
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    control = [model.id_to_piece(number) for number in range(model.vocab_size())
               if model.is_control(number) or model.is_unknown(number)]
    strings = [text for text in strings if not any(each in text for each in control) and "\0" not in text]
    ours = gguf(path) if name.startswith("gguf") else path
    run = subprocess.run([program, ours], input=b"".join(packed(t) + packed(None) for t in strings),
                         capture_output=True)
    lines = run.stdout.decode().split("\n")[:-1]
    bad = abs(len(lines) - len(strings)) + (run.returncode != 0)
    if bad:
        print(f"{name}: ended with {run.returncode}: {run.stderr.decode()[-500:]}")
    for text, line in zip(strings, lines):
        ids, _, _, got, stream = line.split(";")
        ids = list(map(int, ids.split()))
        wanted = model.encode(text)
        back = model.decode(wanted) if model.unk_id() not in wanted else None
        if ids != wanted or (back is not None and back != bytes.fromhex(got).decode()):
            bad += 1
            if bad <= 3:
                print(f"{name}: {text!r}\n  wanted {[model.id_to_piece(i) for i in wanted]} {back!r}\n  "
                      f"got    {[model.id_to_piece(i) for i in ids]} {bytes.fromhex(got).decode()!r}")
    print(f"{name}: {len(strings)} strings, {bad} differ", flush=True)
    return bad


def measure(name, path, program, files):
    text = "".join(pathlib.Path(file).read_text() for file in files)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        ours = subprocess.run([program, path, "--time", file.name], capture_output=True, text=True).stdout
    result = Tokenizer.from_file(str(path))
    lines = text.splitlines(keepends=True)
    best = 1e9
    for _ in range(3):
        begin = time.perf_counter()
        for line in lines:
            result.encode(line)
        best = min(best, time.perf_counter() - begin)
    begin = time.perf_counter()
    result.encode_batch_fast(lines)
    batch = time.perf_counter() - begin
    size = len(text.encode()) / 1e6
    print(f"{name}: {ours.strip()}; tokenizers {tokenizers.__version__}: {size / best:.1f} MB/s, "
          f"encode_batch_fast {size / batch:.1f} MB/s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encode", required=True, metavar="PROGRAM")
    parser.add_argument("--text", nargs="+", required=True, metavar="FILE")
    parser.add_argument("--count", type=int, default=100000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--kind", nargs="+", default=[""], metavar="NAME")
    parser.add_argument("--file", nargs="*", default=[], type=pathlib.Path)
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--folder", type=pathlib.Path)
    arguments = parser.parse_args()
    lines = [line for file in arguments.text
             for line in pathlib.Path(file).read_text().splitlines(keepends=True)]
    # The same tokenizers for each seed of the strings.
    corpus = Texts(0, arguments.every, lines).corpus()
    texts = Texts(arguments.seed, arguments.every, lines)
    texts.words = Texts(0, arguments.every, lines).words
    strings = [(texts.string(), None) for _ in range(arguments.count)]
    strings += [(texts.string(), texts.string()) for _ in range(arguments.count // 10)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or pathlib.Path(temporary)
        folder.mkdir(exist_ok=True)
        files = [(str(path), path) for path in arguments.file]
        for name, make in kinds(corpus, folder).items():
            if any(part in name for part in arguments.kind):
                path = folder / f"{name}.json"
                if not path.exists():
                    make().save(str(path))
                files.append((name, path))
        for name in ("gguf_pieces_unigram", "pieces_unigram", "pieces_bpe", "pieces_bpe_llama", "pieces_unigram_llama"):
            if any(part in name for part in arguments.kind):
                files.append((name, pieces(corpus[-4000:] + lines, folder, name)))
        bad = 0
        for name, path in files:
            if path.suffix == ".model":
                bad += compare_pieces(name, path, arguments.encode, [first for first, _ in strings])
            elif arguments.time:
                measure(name, path, arguments.encode, arguments.text)
            else:
                bad += compare(name, path, arguments.encode, strings)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

"""Compares what the example llama2c prints with what plain loops do: compare.py LLAMA2C REFERENCE"""

import pathlib
import struct
import subprocess
import sys
import tempfile


def run(*command):
    return subprocess.run(command, capture_output=True)


def check(fits, what, result):
    if not fits:
        sys.exit(f"{what}\n{result}")


llama2c, reference = sys.argv[1:]
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    model, tokenizer = folder / "model.bin", folder / "tokenizer.bin"

    # Stories of a whole length, with prompts, with more steps than positions, with few.
    for steps, arguments, prompt in [
        (512, ["-n", "0"], ""),
        (512, ["-n", "9999", "-i", "hello"], "hello"),
        (200, ["-i", "a cat \u00e9 \u00f6 z\n", "-n", "200"], "a cat \u00e9 \u00f6 z\n"),
        (4, ["-n", "4", "-i", "a long prompt"], "a long prompt"),
    ]:
        expected = run(reference, model, tokenizer, str(steps), prompt)
        check(expected.returncode == 0, "the reference fails", expected)
        told = run(llama2c, model, "-z", tokenizer, "-t", "0", *arguments)
        check(told.returncode == 0, "an error", told)
        check(told.stdout == expected.stdout, f"not {expected.stdout}", told)
        check(steps == 4 or told.stderr.endswith(b" tokens/s\n"), "no speed", told)

    # Packed weights tell a story, too, and predict a text nearly as well.
    told = run(llama2c, model, "-z", tokenizer, "-t", "0", "-n", "9", "-w", "q8_0")
    check(told.returncode == 0 and told.stdout, "an error", told)
    text = folder / "text"
    text.write_text("a cat and a hat " * 20)
    told = run(llama2c, model, "-z", tokenizer, "-q", text)
    lines = [line.split() for line in told.stdout.decode().splitlines()]
    types = ["f32", "bf16", "q8_0", "q4_0", "q4_1", "q8"]
    check([line[0] for line in lines] == types, "not the types", told)
    exact = float(lines[0][2])
    for line in lines[1:3]:
        check(abs(float(line[2]) / exact - 1) < 0.05, "another perplexity", told)

    # A chat answers with the story behind the message, and goes on behind the token of the end.
    message = "[INST] <<SYS>>\nm\n<</SYS>>\n\na cab [/INST]"
    expected = run(reference, model, tokenizer, "99", message).stdout
    options = [model, "-z", tokenizer, "-t", "0", "-n", "99", "-m", "chat"]
    for arguments, text, questions in [
        (["-y", "m", "-i", "a cab"], b"", b""),
        ([], b"m\na cab\n", b"Enter system prompt (optional): User: "),
    ]:
        told = subprocess.run([llama2c, *options, *arguments], input=text, capture_output=True)
        check(told.returncode == 0, "an error", told)
        check(told.stdout.startswith(questions + b"Assistant: "), "no answer", told)
        answer = told.stdout[len(questions) + 11 :].split(b"\nUser: ")[0]
        story = expected[len(message) : -1]
        check(len(story) > 20 and answer.startswith(story), f"not {story}", told)

    # The same seed tells the same story, another one another.
    stories = [
        run(llama2c, model, "-z", tokenizer, "-t", "2", "-s", seed, "-n", "60").stdout
        for seed in ["7", "7", "8"]
    ]
    check(stories[0] == stories[1] != stories[2], "seeds", stories)

    def refuses(words, *arguments):
        checkpoint, *others = arguments
        result = run(llama2c, checkpoint, "-z", *others)
        message = result.stderr.decode()
        check(result.returncode == 1 and not result.stdout, "no error", result)
        check(all(str(word) in message for word in words), f"not {words}", result)

    def changed(file, size=None, **fields):
        other = folder / "other.bin"
        data = bytearray(file.read_bytes())
        for place, value in fields.items():
            struct.pack_into("<i", data, 4 * int(place[1:]), value)
        other.write_bytes(data[:size])
        return other

    size = model.stat().st_size
    refuses(["absent.bin", "cannot be opened"], folder / "absent.bin", tokenizer)
    refuses(["other.bin", size, size - 1], changed(model, size - 1), tokenizer)
    refuses(["width 64", "depth 5", "model 2"], changed(model, size - 512 * 4, _6=448), tokenizer)
    refuses(["other.bin", "token 511"], model, changed(tokenizer, tokenizer.stat().st_size - 1))
    bytes_alone = 4 + 259 * 8 + len("<unk>\n<s>\n\n</s>\n" + 256 * "<0x00>")
    refuses(["other.bin", "259 tokens", "512"], model, changed(tokenizer, bytes_alone))
    with tokenizer.open("ab") as more:
        more.write(struct.pack("<fi", 0, 2) + b"\xc3\xb6")
    refuses(["token 512", "the model's 512"], model, tokenizer, "-i", "\u00f6")
    refuses(["-t", "-1"], model, tokenizer, "-t", "-1")
    refuses(["-x"], model, tokenizer, "-x")
    check(b"tokenizer.bin: cannot be opened" in run(llama2c, model).stderr, "no default", model)
    check(b"MODEL is missing" in run(llama2c).stderr, "no model", llama2c)

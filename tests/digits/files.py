"""Gives the example classify_digits files of MNIST's format, good and bad: files.py PROGRAM"""

import pathlib
import random
import struct
import subprocess
import sys
import tempfile

program = sys.argv[1]
count = 30
pixels = random.Random(1).randbytes(count * 28 * 28)
images = struct.pack(">4I", 0x803, count, 28, 28) + pixels
labels = struct.pack(">2I", 0x801, count) + bytes(at % 10 for at in range(count))


def run(*arguments):
    return subprocess.run(
        [program, "--steps", "2", *map(str, arguments)], capture_output=True, text=True
    )


def check(fits, what, result):
    if not fits:
        sys.exit(f"{what}\n{result}")


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    image_path, label_path = folder / "some-images", folder / "some-labels"

    def write(image_bytes, label_bytes):
        image_path.write_bytes(image_bytes)
        label_path.write_bytes(label_bytes)
        return "--images", image_path, "--labels", label_path

    told = run(*write(images, labels))
    check(told.returncode == 0, "an error", told)
    check("27 digits to learn from, 3 others" in told.stdout, "not the last tenth", told)
    told = run(*write(images, labels), "--test-images", image_path, "--test-labels", label_path)
    check(told.returncode == 0, "an error", told)
    check("30 digits to learn from, 30 others" in told.stdout, "not all of both", told)

    small = struct.pack(">4I", 0x803, count, 8, 8) + pixels[: count * 64]
    for image_bytes, label_bytes, message in [
        (labels, labels, "some-images: begins with 2049, wanted is 2051"),
        (images, images, "some-labels: begins with 2051, wanted is 2049"),
        (b"\x1f\x8b\x08\x00", labels, "some-images: is compressed; gunzip unpacks it"),
        (b"", labels, "some-images: ends within its header, at byte 0"),
        (images[:11], labels, "some-images: ends within its header, at byte 11"),
        (images[:-1], labels, "some-images: has 23519 bytes behind its header, which tells 23520"),
        (images + b"0", labels, "some-images: has 23521 bytes behind its header"),
        (images, labels[:-2], "some-labels: has 28 bytes behind its header, which tells 30"),
        (small, labels, "some-images: has images of 8 x 8 pixels, wanted are 28 x 28"),
        (images, labels[:7] + b"\x1f" + labels[8:], "some-labels: has 31 labels, "),
        (images, labels[:12] + b"\x0a" + labels[13:], "some-labels: label 4 is 10, "),
        (images[:4] + b"\xff" * 4 + images[8:], labels, "which tells 3367254359280"),
        (images[:4] + bytes(4) + images[8:16], labels[:4] + bytes(4), "0 images to train with"),
    ]:
        told = run(*write(image_bytes, label_bytes))
        check(told.returncode == 1 and message in told.stderr, f"not {message}", told)
    told = run("--images", folder / "none", "--labels", label_path)
    check(told.returncode == 1 and "none: cannot be opened" in told.stderr, "no error", told)

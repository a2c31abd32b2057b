"""Compares what the example neural_amp plays with plain loops: compare.py NEURAL_AMP

The model has random weights and the sizes of Neural Amp Modeler's standard WaveNet. The samples must
be the same bits for any size of blocks.
"""

import array
import json
import math
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

DILATIONS = [2**at for at in range(10)]
KERNEL, RATE, SAMPLES = 3, 48000, 150
ARRAYS = [  # inputs, channels, outputs of the head, bias of the head
    (1, 16, 8, False),
    (16, 8, 1, True),
]
random.seed(3)


def random_weights():
    """All weights, as in the file, and by layer."""
    flat, arrays = [], []

    def take(*shape):
        if not shape:
            flat.append(struct.unpack("f", struct.pack("f", random.gauss(0, 0.25)))[0])
            return flat[-1]
        return [take(*shape[1:]) for _ in range(shape[0])]

    for inputs, channels, head, has_bias in ARRAYS:
        rechannel = take(channels, inputs)
        layers = [(take(channels, channels, KERNEL), take(channels), take(channels, 1),
                   take(channels, channels), take(channels)) for _ in DILATIONS]
        arrays.append((rechannel, layers, take(head, channels), take(head) if has_bias else [0.0] * head))
    flat.append(0.5)  # the scale of the head
    return flat, arrays


def matvec(matrix, x):
    return [math.fsum(w * v for w, v in zip(row, x)) for row in matrix]


class Net:
    """Computes sample after sample. The history of each layer begins with what silence gives."""

    def __init__(self, arrays):
        self.arrays, self.history = arrays, {}

    def sample(self, x):
        value, total = [x], None
        for at, (rechannel, layers, head, bias) in enumerate(self.arrays):
            value = matvec(rechannel, value)
            for layer, (window, b, mixin, out, o) in enumerate(layers):
                past = self.history.setdefault((at, layer), [value])
                past.append(value)
                # The first sample stands for all before it.
                taps = [past[max(len(past) - 1 - DILATIONS[layer] * (KERNEL - 1 - k), 0)]
                        for k in range(KERNEL)]
                activation = [
                    math.tanh(b[c] + mixin[c][0] * x + math.fsum(
                        window[c][i][k] * taps[k][i] for i in range(len(value)) for k in range(KERNEL)))
                    for c in range(len(b))]
                total = activation if total is None else [u + v for u, v in zip(total, activation)]
                value = [v + u + w for v, u, w in zip(value, matvec(out, activation), o)]
            total = [u + v for u, v in zip(matvec(head, total), bias)]
        return 0.5 * total[0]


def write_wav(path, samples):
    """24 bits."""
    data = b"".join(struct.pack("<i", each)[:3] for each in samples)
    path.write_bytes(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " +
                     struct.pack("<IHHIIHH", 16, 1, 1, RATE, 3 * RATE, 3, 24) + b"data" +
                     struct.pack("<I", len(data)) + data)


def main():
    flat, arrays = random_weights()
    names = ["input_size", "condition_size", "head_size", "channels", "kernel_size", "dilations",
             "activation", "gated", "head_bias"]
    config = [dict(zip(names, [inputs, 1, head, channels, KERNEL, DILATIONS, "Tanh", False, bias]))
              for inputs, channels, head, bias in ARRAYS]
    given = [random.randrange(-(1 << 23), 1 << 23) // 2 for _ in range(SAMPLES)]
    net = Net(arrays)
    net.sample(0.0)  # silence
    expected = [net.sample(each / (1 << 23)) for each in given]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        model = {"version": "0.5.0", "architecture": "WaveNet",
                 "config": {"layers": config, "head": None, "head_scale": 0.5}, "weights": flat}
        (folder / "model.nam").write_text(json.dumps(model))
        write_wav(folder / "in.wav", given)
        first = None
        for block in (1, 7, 16, 64, 512):
            command = [sys.argv[1], folder / "model.nam", folder / "in.wav", folder / "out.wav",
                       "--block", str(block)]
            print(subprocess.run(command, check=True, text=True, capture_output=True).stdout, end="")
            out = (folder / "out.wav").read_bytes()
            first = first or out
            assert out == first, f"blocks of {block} samples give other samples than blocks of 1"
        played = array.array("f", first[44:])
        error = max(abs(a - b) for a, b in zip(played, expected))
        print(f"largest sample {max(map(abs, expected)):.3f}, largest difference {error:.2e}")
        assert len(played) == SAMPLES and error <= 1e-5

        model["config"]["layers"][0]["channels"] = 12
        (folder / "model.nam").write_text(json.dumps(model))
        refused = subprocess.run(command, text=True, capture_output=True)
        assert refused.returncode == 1 and "standard size" in refused.stderr, refused.stderr


main()

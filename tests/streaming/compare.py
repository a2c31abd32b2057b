"""Compares the probabilities of the example streaming with plain loops: compare.py STREAMING

The weights are random, under the names of Silero VAD's file.
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

CHUNK, CONTEXT, CHUNKS = 512, 64, 3
SHAPES = {
    "stft_conv.weight": (258, 1, 256), "conv1.weight": (128, 129, 3), "conv1.bias": (128,),
    "conv2.weight": (64, 128, 3), "conv2.bias": (64,), "conv3.weight": (64, 64, 3),
    "conv3.bias": (64,), "conv4.weight": (128, 64, 3), "conv4.bias": (128,),
    "lstm_cell.weight_ih": (512, 128), "lstm_cell.weight_hh": (512, 128),
    "lstm_cell.bias_ih": (512,), "lstm_cell.bias_hh": (512,), "final_conv.weight": (1, 128, 1),
    "final_conv.bias": (1,),
}
random.seed(5)


def dot(a, b):
    return sum(map(operator.mul, a, b))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


class Net:
    def __init__(self, weights):
        self.w = weights
        self.state, self.memory, self.before = [0.0] * 128, [0.0] * 128, [0.0] * CONTEXT

    def rows(self, name, width):
        flat = self.w[name]
        return [flat[at:at + width] for at in range(0, len(flat), width)]

    def convolve(self, columns, name, stride):
        """One zero before and behind the columns, then relu."""
        width = len(columns[0])
        padded = [[0.0] * width, *columns, [0.0] * width]
        result = []
        for first in range(0, len(columns), stride):
            window = [padded[first + k][i] for i in range(width) for k in range(3)]
            sums = [dot(row, window) for row in self.rows(name + ".weight", 3 * width)]
            result.append([max(a + b, 0.0) for a, b in zip(sums, self.w[name + ".bias"])])
        return result

    def chunk(self, samples):
        seen = self.before + samples
        self.before = samples[-CONTEXT:]
        seen += [seen[-2 - at] for at in range(64)]
        columns = []
        for frame in range(4):
            s = [dot(row, seen[128 * frame:128 * frame + 256])
                 for row in self.rows("stft_conv.weight", 256)]
            columns.append([math.hypot(s[at], s[at + 129]) for at in range(129)])
        for name, stride in (("conv1", 1), ("conv2", 2), ("conv3", 2), ("conv4", 1)):
            columns = self.convolve(columns, name, stride)
        (x,) = columns
        gates = [dot(w, x) + dot(u, self.state) + b + c for w, u, b, c in zip(
            self.rows("lstm_cell.weight_ih", 128), self.rows("lstm_cell.weight_hh", 128),
            self.w["lstm_cell.bias_ih"], self.w["lstm_cell.bias_hh"])]
        for at in range(128):
            let_in, kept, new, out = gates[at::128]
            self.memory[at] = sigmoid(kept) * self.memory[at] + sigmoid(let_in) * math.tanh(new)
            self.state[at] = sigmoid(out) * math.tanh(self.memory[at])
        return sigmoid(dot(self.w["final_conv.weight"], [max(h, 0.0) for h in self.state]) +
                       self.w["final_conv.bias"][0])


def main():
    weights = {}
    for name, shape in SHAPES.items():
        deviation = 0.3 if len(shape) == 1 else 1.2 / math.sqrt(math.prod(shape[1:]))
        weights[name] = array.array("f", (random.gauss(0, deviation)
                                          for _ in range(math.prod(shape))))
    header, data = {}, b""
    for name, shape in SHAPES.items():
        bytes_ = weights[name].tobytes()
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [len(data), len(data) + len(bytes_)]}
        data += bytes_
    text = json.dumps(header).encode()
    samples = [random.randrange(-20000, 20000) for _ in range(CHUNKS * CHUNK - 100)]
    sound = [each / 32768 for each in samples] + [0.0] * 100
    net = Net(weights)
    expected = [net.chunk(sound[at:at + CHUNK]) for at in range(0, len(sound), CHUNK)]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "weights.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
        pcm = struct.pack(f"<{len(samples)}h", *samples)
        (folder / "in.wav").write_bytes(
            b"RIFF" + struct.pack("<I", 36 + len(pcm)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16) + b"data" +
            struct.pack("<I", len(pcm)) + pcm)
        out = subprocess.run([sys.argv[1], "--weights", folder / "weights.safetensors", "--wav",
                              folder / "in.wav", "--svg", folder / "out.svg", "--chunks"],
                             check=True, text=True, capture_output=True).stdout
        found = [float(each) for each in out.split("\n")[:CHUNKS]]
        error = max(abs(a - b) for a, b in zip(found, expected))
        print(out, f"expected {expected}, largest difference {error:.2e}", sep="")
        assert error <= 1e-5
        assert (folder / "out.svg").read_text().count("<path") == 2


main()

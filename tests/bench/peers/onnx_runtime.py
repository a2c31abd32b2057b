"""ONNX Runtime: graphs made here, all its optimisations, denormals flushed, outputs bound to kept
memory. Each attention is tried as written out and as the runtime's own fused operator."""

import math
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import cases


class Graph:
    """Nodes and constants, each known by the name of its output."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, values):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, operator, *inputs, outputs=1, domain="", **attributes):
        names = [f"n{len(self.nodes)}_{at}" for at in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names if outputs > 1 else names[0]

    def model(self, shape, result):
        graph = helper.make_graph(
            self.nodes, "measured",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, shape)], self.constants)
        return helper.make_model(graph, ir_version=9, opset_imports=[
            helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)])


def normal(*shape):
    return (np.random.randn(*shape) / math.sqrt(shape[0])).astype(np.float32)


def written_out(g, x, shape, heads, w, bias, mask):
    """Weights are inputs x outputs."""
    b, n, d = shape
    part = d // heads
    qkv = g.add("MatMul", x, g.constant(w))
    if bias is not None:
        qkv = g.add("Add", qkv, g.constant(bias))
    q, k, v = g.add("Split", qkv, outputs=3, axis=2)
    turned = [0, 2, 1]
    if heads > 1:
        whole = g.constant(np.array([b, n, heads, part], np.int64))
        q, k, v = (g.add("Reshape", each, whole) for each in (q, k, v))
        q, v = (g.add("Transpose", each, perm=[0, 2, 1, 3]) for each in (q, v))
        turned = [0, 2, 3, 1]
    scores = g.add("MatMul", q, g.add("Transpose", k, perm=turned))
    scores = g.add("Mul", scores, g.constant(np.float32(1 / math.sqrt(part))))
    if mask is not None:
        scores = g.add("Add", scores, g.constant(addend(mask, n)))
    y = g.add("MatMul", g.add("Softmax", scores, axis=-1), v)
    if heads > 1:
        y = g.add("Transpose", y, perm=[0, 2, 1, 3])
        y = g.add("Reshape", y, g.constant(np.array([b, n, d], np.int64)))
    return y


def addend(mask, n):
    at = np.arange(n)
    inside = cases.keeps(mask, at[:, None], at[None, :])
    return np.where(inside, np.float32(0), np.float32(-np.inf))


def fused(g, x, shape, heads, w, bias, mask):
    b, n, d = shape
    zero = np.zeros(3 * d, np.float32) if bias is None else bias
    inputs = [x, g.constant(w), g.constant(zero)]
    if mask not in (None, "causal"):
        inputs += ["", "", g.constant(np.broadcast_to(addend(mask, n), (b, heads, n, n)))]
    return g.add("Attention", *inputs, domain="com.microsoft", num_heads=heads,
                 unidirectional=int(mask == "causal"))


def quantized(model):
    """The model with weights in int8, by tensor and by column, and activations quantized as they
    come. Models pass through files."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/float.onnx", f"{folder}/int8.onnx"
        onnx.save(model, source)
        for per_channel in (False, True):
            quantize_dynamic(source, target, per_channel=per_channel,
                             weight_type=QuantType.QInt8,
                             extra_options={"DefaultTensorType": TensorProto.FLOAT})
            yield onnx.load(target)


def attention_in_double(x, heads, w, bias, mask):
    b, n, d = x.shape
    qkv = x @ w.astype(np.float64) + (0 if bias is None else bias.astype(np.float64))
    q, k, v = qkv.reshape(b, n, 3, heads, d // heads).transpose(2, 0, 3, 1, 4)
    scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(d // heads)
    if mask is not None:
        scores = scores + addend(mask, n)
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    y = shares / shares.sum(-1, keepdims=True) @ v
    return y.transpose(0, 2, 1, 3).reshape(b, n, d)


def norm_in_double(x):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5)


class Peer:
    def __init__(self, threads):
        np.random.seed(1)
        self.title, self.version = "ONNX Runtime", onnxruntime.__version__
        self.threads = threads
        self.rows = {}
        for row, (n, d, h, mask) in cases.ATTENTION.items():
            self.rows[f"{row}, forward"] = \
                lambda n=n, d=d, h=h, mask=mask: self.attention((1, n, d), h, mask)
        for row, (n, d, kind, mask) in cases.SYNTHESIZERS.items():
            self.rows[f"{row}, forward"] = \
                lambda n=n, d=d, kind=kind, mask=mask: self.synthesizer((1, n, d), kind, mask)
        for row, (n, d, h, b) in cases.ENCODER.items():
            self.rows[f"{row}, forward"] = lambda n=n, d=d, h=h, b=b: self.encoder((b, n, d), h)
        for row, (n, d, h, depth) in cases.BITS_ENCODER.items():
            for kind in ("float", "q8_0"):
                self.rows[f"{row}, {kind}"] = \
                    lambda n=n, d=d, h=h, depth=depth, kind=kind: self.encoder(
                        (1, n, d), h, depth, kind == "q8_0")

    def action(self, model, x, shape):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                               providers=["CPUExecutionProvider"])
        result = onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, np.float32)
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(x))
        binding.bind_ortvalue_output(session.get_outputs()[0].name, result)

        def run():
            session.run_with_iobinding(binding)
            return result

        return run

    def candidates(self, build, x, shape, in_bytes=False):
        result = []
        for attend in (written_out, fused):
            g = Graph()
            model = g.model(shape, build(g, attend))
            for each in quantized(model) if in_bytes else [model]:
                result.append(self.action(each, x, shape))
        return result

    def attention(self, shape, heads, mask):
        d = shape[2]
        w, out = normal(d, 3 * d), normal(d, d)
        x = np.random.randn(*shape).astype(np.float32)

        def build(g, attend):
            y = attend(g, "x", shape, heads, w, None, mask)
            return y if heads == 1 else g.add("MatMul", y, g.constant(out))

        def wanted():
            y = attention_in_double(x.astype(np.float64), heads, w, None, mask)
            return y if heads == 1 else y @ out.astype(np.float64)

        return self.candidates(build, x, shape), wanted

    def synthesizer(self, shape, kind, mask):
        """Where weights follow from parameters alone, they are a constant of the graph."""
        if kind == "dot product":
            return self.attention(shape, 1, mask)
        _, n, d = shape
        value = normal(d, d)
        first, second = {
            "dense": (normal(d, d), normal(d, n)),
            "factorized dense": (normal(d, 8), normal(d, n // 8)),
            "factorized random": (normal(n, 8), normal(8, n)),
            "random": (normal(n, n), None),
        }[kind]
        x = np.random.randn(*shape).astype(np.float32)

        def softmax(scores):
            if mask is not None:
                scores = scores + addend(mask, n)
            shares = np.exp(scores - scores.max(-1, keepdims=True))
            return shares / shares.sum(-1, keepdims=True)

        constant = None
        if kind in ("random", "factorized random"):
            one, other = (None if w is None else w.astype(np.float64) for w in (first, second))
            constant = softmax(one if other is None else one @ other)

        def build(g, _):
            v = g.add("MatMul", "x", g.constant(value))
            if constant is not None:
                return g.add("MatMul", g.constant(constant.astype(np.float32)[None]), v)
            scores = g.add("MatMul", "x", g.constant(first))
            if kind == "dense":
                scores = g.add("MatMul", g.add("Relu", scores), g.constant(second))
            else:
                other = g.add("MatMul", "x", g.constant(second))
                scores = g.add("Reshape", scores, g.constant(np.array([n, 8, 1], np.int64)))
                other = g.add("Reshape", other, g.constant(np.array([n, 1, n // 8], np.int64)))
                scores = g.add("Reshape", g.add("Mul", scores, other),
                               g.constant(np.array([1, n, n], np.int64)))
            return g.add("MatMul", g.add("Softmax", scores, axis=-1), v)

        def wanted():
            at = x[0].astype(np.float64)
            shares = constant
            if kind == "dense":
                shares = softmax(np.maximum(0, at @ first) @ second)
            if kind == "factorized dense":
                shares = softmax(((at @ first)[:, :, None] * (at @ second)[:, None, :])
                                 .reshape(n, n))
            return shares @ (at @ value)

        g = Graph()
        return [self.action(g.model(shape, build(g, None)), x, shape)], wanted

    def encoder(self, shape, heads, depth=1, in_bytes=False):
        """Layers; `in_bytes`: with the runtime's dynamic quantization to int8."""
        d = shape[2]
        layers = []
        for _ in range(depth):
            matrices = normal(d, 3 * d), normal(d, d), normal(d, 4 * d), normal(4 * d, d)
            layers.append([(w, 0.1 * np.random.randn(w.shape[1]).astype(np.float32))
                           for w in matrices])
        one, zero = np.ones(d, np.float32), np.zeros(d, np.float32)
        x = np.random.randn(*shape).astype(np.float32)

        def build(g, attend):
            def linear(of, weights, bias):
                return g.add("Add", g.add("MatMul", of, g.constant(weights)), g.constant(bias))

            def norm(of):
                return g.add("LayerNormalization", of, g.constant(one), g.constant(zero), axis=-1)

            y = "x"
            for qkv, out, expand, contract in layers:
                z = linear(attend(g, y, shape, heads, *qkv, None), *out)
                y = norm(g.add("Add", y, z))
                z = linear(g.add("Relu", linear(y, *expand)), *contract)
                y = norm(g.add("Add", y, z))
            return y

        def wanted():
            y = x.astype(np.float64)
            for qkv, out, expand, contract in layers:
                def linear(of, weights, bias):
                    return of @ weights.astype(np.float64) + bias

                y = norm_in_double(y + linear(attention_in_double(y, heads, *qkv, None), *out))
                y = norm_in_double(y + linear(np.maximum(0, linear(y, *expand)), *contract))
            return y

        return self.candidates(build, x, shape, in_bytes), None if in_bytes else wanted


def peer(_name, threads):
    return Peer(threads)

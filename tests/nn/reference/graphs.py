"""Writes graphs.safetensors, the reference values of the tests of graph templates, recursive networks
and perceptrons: random weights, in double precision, their outputs and gradients. Layers that
torch_geometric has are its own; the others are computed here as published, path by path and node by
node. The file is checked in; this needs torch, torch_geometric and safetensors (written with torch
2.13.0 and torch_geometric 2.8.1).

    python graphs.py

Tensors are named TEMPLATE.NAME: node or x, y, coefficients (of the sum of outputs that was
differentiated), edge or edge_0, edge_1, ... (the vectors or weights of the edges, ones where there
are none), the weights, and each gradient with `.gradient` behind the name. The pairs of the edges,
(i, j) where i reads j, are TEMPLATE.edge.pairs.
"""

import pathlib

import torch
from safetensors.torch import save_file
from torch.func import functional_call
from torch_geometric import nn as pyg

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)

EXISTING, NODES = 5, 6  # the last row is no node
# Node 2 reads nobody, node 4 is read by nobody. No pair (i, i): `gcn` adds I, which torch_geometric
# does only where there is no such pair.
PAIRS = torch.tensor([(0, 1), (1, 0), (1, 2), (3, 1), (3, 0), (4, 2), (4, 3)])
OTHERS = torch.tensor([(0, 2), (2, 3), (2, 1), (4, 0), (0, 4), (3, 3)])
FURTHER = torch.tensor([(1, 1), (2, 0), (3, 2), (1, 4)])
INDEX = PAIRS.flip(1).T  # from, to

# A tree: node 0 is the root, nodes 0 and 1 have two children each, the first and the second.
FIRST_CHILDREN = torch.tensor([(0, 1), (1, 3)])
SECOND_CHILDREN = torch.tensor([(0, 2), (1, 4)])
CHILDREN = torch.cat([FIRST_CHILDREN, SECOND_CHILDREN])


def drawn(*shape):
    return (0.7 * torch.randn(shape)).float().double()


written = {}


def write(template, weights, facts, pairs, compute, rows=EXISTING):
    """facts: values by name; the first one is the dense fact, with rows beyond those that exist."""
    leaves = {name: value.requires_grad_() for name, value in {**weights, **facts}.items()}
    dense = next(iter(facts))
    y = compute(leaves, leaves[dense][:rows])
    y = torch.cat([y, torch.zeros(len(leaves[dense]) - rows, y.shape[1])])
    coefficients = drawn(*y.shape)
    (coefficients * y).sum().backward()
    for name, value in leaves.items():
        written[f"{template}.{name}"] = value.detach()
        if value.grad is not None:
            written[f"{template}.{name}.gradient"] = value.grad
    for name, list_of_pairs in pairs.items():
        written[f"{template}.{name}.pairs"] = list_of_pairs.double()
    written[f"{template}.y"] = y.detach()
    written[f"{template}.coefficients"] = coefficients


def nodes(width=3):
    return {"node": drawn(NODES, width)}


def edge_weights():
    return {"edge": drawn(len(PAIRS)).abs() + 0.1}


EDGE = {"edge": PAIRS}

# Convolutions over weighted edges, with torch_geometric's layers.
write("gcn", {"W": drawn(2, 3), "bias": drawn(2)}, {**nodes(), **edge_weights()}, EDGE,
      lambda w, x: torch.relu(functional_call(
          pyg.GCNConv(3, 2), {"lin.weight": w["W"], "bias": w["bias"]}, (x, INDEX, w["edge"]))))
write("sg", {"W": drawn(2, 3), "bias": drawn(2)}, {**nodes(), **edge_weights()}, EDGE,
      lambda w, x: functional_call(
          pyg.SGConv(3, 2, K=3), {"lin.weight": w["W"], "lin.bias": w["bias"]},
          (x, INDEX, w["edge"])))
write("tag", {"W_last": drawn(2, 3), "reached.W": drawn(2, 2, 3), "bias": drawn(2)},
      {**nodes(), **edge_weights()}, EDGE,
      lambda w, x: torch.relu(functional_call(
          pyg.TAGConv(3, 2, K=2),
          {"lins.0.weight": w["reached.W"][1], "lins.1.weight": w["reached.W"][0],
           "lins.2.weight": w["W_last"], "bias": w["bias"]}, (x, INDEX, w["edge"]))))
write("appnp", {}, {**nodes(2), **edge_weights()}, EDGE,
      lambda w, x: pyg.APPNP(K=3, alpha=0.2)(x, INDEX, w["edge"]))

# Messages with edge vectors.
TWO_MAPS = lambda d, n: {"W_expand": drawn(5, d), "b_expand": drawn(5), "W_contract": drawn(n, 5),
                         "b_contract": drawn(n)}
EDGE_VECTORS = lambda: {"edge": drawn(len(PAIRS), 2)}


def two_maps(d, n):
    return torch.nn.Sequential(torch.nn.Linear(d, 5), torch.nn.ReLU(), torch.nn.Linear(5, n))


def two_maps_of(w, prefix):
    return {f"{prefix}0.weight": w["W_expand"], f"{prefix}0.bias": w["b_expand"],
            f"{prefix}2.weight": w["W_contract"], f"{prefix}2.bias": w["b_contract"]}


write("gine", {"epsilon": drawn(1)[0], "W_edge": drawn(3, 2), "b_edge": drawn(3), **TWO_MAPS(3, 2)},
      {**nodes(), **EDGE_VECTORS()}, EDGE,
      lambda w, x: functional_call(
          pyg.GINEConv(two_maps(3, 2), train_eps=True, edge_dim=2),
          {"eps": w["epsilon"].reshape(1), "lin.weight": w["W_edge"], "lin.bias": w["b_edge"],
           **two_maps_of(w, "nn.")}, (x, INDEX, w["edge"])))


def gen(w, x):
    layer = pyg.GENConv(3, 4, learn_t=True, norm=None, edge_dim=2)
    layer.mlp = two_maps(4, 4)
    return functional_call(
        layer,
        {"aggr_module.t": w["temperature"].reshape(1), "lin_src.weight": w["W_node"],
         "lin_dst.weight": w["W_node"], "lin_edge.weight": w["W_edge"], **two_maps_of(w, "mlp.")},
        (x, INDEX, w["edge"]))


write("gen", {"temperature": drawn(1)[0], "W_node": drawn(4, 3), "W_edge": drawn(4, 2),
              **TWO_MAPS(4, 4)},
      {**nodes(), **EDGE_VECTORS()}, EDGE, gen)
write("res_gated",
      {"W_self": drawn(2, 3), "W_to": drawn(2, 3), "W_from": drawn(2, 3), "W_value": drawn(2, 3),
       "W_edge": drawn(2, 2), "U_value": drawn(2, 2), "b_gate": drawn(2), "b_value": drawn(2),
       "bias": drawn(2)},
      {**nodes(), **EDGE_VECTORS()}, EDGE,
      lambda w, x: functional_call(
          pyg.ResGatedGraphConv(3, 2, edge_dim=2),
          {"lin_key.weight": torch.cat([w["W_to"], w["W_edge"]], 1), "lin_key.bias": w["b_gate"],
           "lin_query.weight": torch.cat([w["W_from"], torch.zeros(2, 2)], 1),
           "lin_query.bias": torch.zeros(2),
           "lin_value.weight": torch.cat([w["W_value"], w["U_value"]], 1),
           "lin_value.bias": w["b_value"], "lin_skip.weight": w["W_self"], "bias": w["bias"]},
          (x, INDEX, w["edge"])))
write("gatv2",
      {"W_to": drawn(2, 2, 3), "W_from": drawn(2, 2, 3), "W_edge": drawn(2, 2, 2),
       "a": drawn(2, 1, 2), "bias": drawn(4)},
      {**nodes(), **EDGE_VECTORS()}, EDGE,
      lambda w, x: functional_call(
          pyg.GATv2Conv(3, 2, heads=2, add_self_loops=False, edge_dim=2),
          {"lin_r.weight": w["W_to"].reshape(4, 3), "lin_r.bias": torch.zeros(4),
           "lin_l.weight": w["W_from"].reshape(4, 3), "lin_l.bias": torch.zeros(4),
           "lin_edge.weight": w["W_edge"].reshape(4, 2), "att": w["a"].reshape(1, 2, 2),
           "bias": w["bias"]}, (x, INDEX, w["edge"])))

# Several relations.
RELATIONS = {"edge_0": PAIRS, "edge_1": OTHERS, "edge_2": FURTHER}


def rgcn(w, x):
    index = torch.cat([pairs.flip(1).T for pairs in RELATIONS.values()], 1)
    kinds = torch.cat([torch.full((len(p),), r) for r, p in enumerate(RELATIONS.values())])
    return torch.relu(functional_call(
        pyg.RGCNConv(3, 2, 3),
        {"weight": w["W"].transpose(1, 2), "root": w["W_self"].T, "bias": w["bias"]},
        (x, index, kinds)))


def meta(w, x):
    rows = []
    for i in range(EXISTING):
        means = []
        for r, pairs in enumerate(RELATIONS.values()):
            neighbours = [x[j] for at, j in pairs.tolist() if at == i]
            if neighbours:
                means.append(w["W"][r] @ (sum(neighbours) / len(neighbours)))
        rows.append(w["W_self"] @ x[i] + w["bias"] + (sum(means) / len(means) if means else 0))
    return torch.sigmoid(torch.stack(rows))


def metapaths(i, places=list(RELATIONS)):
    if not places:
        return [[i]]
    return [[i] + rest for at, j in RELATIONS[places[0]].tolist() if at == i
            for rest in metapaths(j, places[1:])]


def magnn(x):
    return torch.stack([sum((sum(x[v] for v in path) / len(path) for path in metapaths(i)),
                            torch.zeros(x.shape[1])) for i in range(EXISTING)])


of_relations = lambda: {"W": drawn(3, 2, 3), "W_self": drawn(2, 3), "bias": drawn(2)}
write("rgcn", of_relations(), nodes(), RELATIONS, rgcn)
write("meta", of_relations(), nodes(), RELATIONS, meta)
write("magnn_mean", {}, nodes(2), RELATIONS, lambda w, x: torch.sigmoid(magnn(x)))
write("magnn_linear", {"W": drawn(2, 3), "bias": drawn(2)}, nodes(), RELATIONS,
      lambda w, x: torch.sigmoid(magnn(x) @ w["W"].T + w["bias"]))


# Trees, by recursion.
def rvnn(w, x):
    def state(i):
        total = w["W_node"] @ x[i] + w["y.bias"]
        for place, children in enumerate((FIRST_CHILDREN, SECOND_CHILDREN)):
            for at, j in children.tolist():
                if at == i:
                    total = total + w["y.U"][place] @ state(j)
        return torch.tanh(total)

    return torch.stack([state(i) for i in range(EXISTING)])


def tree_lstm(w, x):
    def state(i):
        children = [state(j) for at, j in CHILDREN.tolist() if at == i]
        total = sum((h for h, _ in children), torch.zeros(2))
        gate = lambda name, h: w[f"W_{name}"] @ x[i] + w[f"b_{name}"] + w[f"reached.U_{name}"] @ h
        memory = torch.sigmoid(gate("in", total)) * torch.tanh(gate("candidate", total))
        for h, c in children:
            memory = memory + torch.sigmoid(gate("forget", h)) * c
        return torch.sigmoid(gate("out", total)) * torch.tanh(memory), memory

    return torch.stack([state(i)[0] for i in range(EXISTING)])


write("rvnn", {"W_node": drawn(2, 3), "y.U": drawn(2, 2, 2), "y.bias": drawn(2)}, nodes(),
      {"edge_0": FIRST_CHILDREN, "edge_1": SECOND_CHILDREN}, rvnn)
GATES = ("in", "forget", "candidate", "out")
write("tree_lstm",
      {**{f"W_{gate}": drawn(2, 3) for gate in GATES}, **{f"b_{gate}": drawn(2) for gate in GATES},
       **{f"reached.U_{gate}": drawn(2, 2) for gate in GATES}},
      nodes(), {"edge": CHILDREN}, tree_lstm)

# Perceptrons.
write("mlp", {"W_in": drawn(4, 3), "b_in": drawn(4), "deeper.W": drawn(2, 4, 4),
              "deeper.b": drawn(2, 4), "W_out": drawn(2, 4), "b_out": drawn(2)},
      {"x": drawn(5, 3)}, {},
      lambda w, x: functional_call(
          pyg.MLP(in_channels=3, hidden_channels=4, out_channels=2, num_layers=4, norm=None),
          {"lins.0.weight": w["W_in"], "lins.0.bias": w["b_in"],
           "lins.1.weight": w["deeper.W"][0], "lins.1.bias": w["deeper.b"][0],
           "lins.2.weight": w["deeper.W"][1], "lins.2.bias": w["deeper.b"][1],
           "lins.3.weight": w["W_out"], "lins.3.bias": w["b_out"]}, (x,)))

save_file({key: tensor.contiguous() for key, tensor in written.items()},
          pathlib.Path(__file__).parent / "graphs.safetensors")

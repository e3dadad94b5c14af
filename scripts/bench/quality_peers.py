#!/usr/bin/env python3
"""Trains a plain PyTorch nanoGPT exactly as a run of llmtrain was told to, and compares: the same first weights, the same
batches, the same schedule, so that whatever differs is in the two programs. Called by quality.sh.

    quality_peers.py init STAGE                 STAGE/model of a run that never moved is what init.h's formula says
    quality_peers.py train STAGE TEXT PEER      the peer; writes a line of JSON a step, and the held-out loss, to PEER
    quality_peers.py compare STAGE PEER         differences; the last line is a JSON of them

STAGE: the folder of a pretraining stage of a nanoGPT preset without dropout (its config.yaml is what the peer obeys), its
steps logged one by one. TEXT: the file it trained on. Needs torch, safetensors and PyYAML.

First weights and batches are computed here anew, from what lib/params/init.h, lib/base/random.h, lib/data/sample_order.h
and lib/data/packing.h say; the scalar generators are those that scripts/fixtures/sample_order_golden.py has.
"""
import json
import math
import os
import pathlib
import sys
import time

import numpy
import torch
import yaml
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fixtures"))
from sample_order_golden import order, stream_key  # noqa: E402

IGNORED = -100


def normals(key, count):
    """Elements 0 to count of the stream: Box-Muller pairs of Philox4x32-10 words, in double."""
    low = numpy.uint64(0xFFFFFFFF)
    half = numpy.uint64(32)
    pairs = numpy.arange((count + 1) // 2, dtype=numpy.uint64)
    zero = numpy.zeros_like(pairs)
    c0, c1, c2, c3 = pairs & low, pairs >> half, zero, zero
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = numpy.uint64(0xD2511F53) * c0, numpy.uint64(0xCD9E8D57) * c2
        c0, c1, c2, c3 = (p1 >> half) ^ c1 ^ numpy.uint64(k0), p1 & low, (p0 >> half) ^ c3 ^ numpy.uint64(k1), p0 & low
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF

    def uniform(a, b):
        return (((a << half | b) >> numpy.uint64(11)).astype(numpy.float64) + 1.0) * 2.0**-53

    radius = numpy.sqrt(-2.0 * numpy.log(uniform(c0, c1)))
    angle = 2.0 * math.pi * uniform(c2, c3)
    return numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], axis=1).reshape(-1)[:count]


class LayerNorm(torch.nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x):
        return functional.layer_norm(x, self.weight.shape, self.weight, None, self.eps)


def matrix(out, into):
    return torch.nn.Linear(into, out, bias=False)


class Block(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        width = shape["embed"]
        self.heads = shape["heads"]
        self.input_norm, self.post_norm = (LayerNorm(width, shape["norm_eps"]) for _ in range(2))
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (matrix(width, width) for _ in range(4))
        self.up_proj, self.down_proj = matrix(shape["ffn"], width), matrix(width, shape["ffn"])

    def forward(self, x):
        rows, seq, width = x.shape
        normed = self.input_norm(x)
        q, k, v = (projection(normed).view(rows, seq, self.heads, -1).transpose(1, 2)
                   for projection in (self.q_proj, self.k_proj, self.v_proj))
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o_proj(attended.transpose(1, 2).reshape(rows, seq, width))
        return x + self.down_proj(functional.gelu(self.up_proj(self.post_norm(x))))


class NanoGpt(torch.nn.Module):
    def __init__(self, shape, vocab):
        super().__init__()
        self.tokens = torch.nn.Embedding(vocab, shape["embed"])
        self.positions = torch.nn.Embedding(shape["context"], shape["embed"])
        self.blocks = torch.nn.ModuleList(Block(shape) for _ in range(shape["layers"]))
        self.norm = LayerNorm(shape["embed"], shape["norm_eps"])

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.tokens.weight.T

    def loss(self, tokens, targets, reduction="mean"):
        return functional.cross_entropy(self(tokens).flatten(0, 1), targets.flatten(), ignore_index=IGNORED,
                                        reduction=reduction)


def first_matrices(shape, vocab, seed):
    """Name in llmtrain's table -> first value, for everything but the norms, which begin as ones."""
    width, ffn = shape["embed"], shape["ffn"]
    shapes = {"model.embed_tokens.weight": (vocab, width), "model.embed_positions.weight": (shape["context"], width)}
    for layer in range(shape["layers"]):
        for part in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"):
            shapes[f"model.layers.{layer}.{part}.weight"] = (width, width)
        shapes[f"model.layers.{layer}.mlp.up_proj.weight"] = (ffn, width)
        shapes[f"model.layers.{layer}.mlp.down_proj.weight"] = (width, ffn)
    values = {}
    for name, size in shapes.items():
        deviation = shape["init_std"]
        if name.endswith(("o_proj.weight", "down_proj.weight")):
            deviation /= math.sqrt(2.0 * shape["layers"])
        stream = normals(stream_key(seed, "init " + name), size[0] * size[1])
        values[name] = torch.from_numpy((deviation * stream).astype(numpy.float32).reshape(size))
    return values


def make_model(shape, vocab, seed):
    model = NanoGpt(shape, vocab)
    values = first_matrices(shape, vocab, seed)
    with torch.no_grad():
        model.tokens.weight.copy_(values["model.embed_tokens.weight"])
        model.positions.weight.copy_(values["model.embed_positions.weight"])
        for layer, block in enumerate(model.blocks):
            for part in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.up_proj",
                         "mlp.down_proj"):
                weight = getattr(block, part.split(".")[1]).weight
                weight.copy_(values[f"model.layers.{layer}.{part}.weight"])
    return model


class Rows:
    """Tokens laid into rows of `seq` targets; the last row may be short."""

    def __init__(self, tokens, seq):
        self.tokens, self.seq = tokens, seq
        self.count = -(-(len(tokens) - 1) // seq)

    def batch(self, rows):
        inputs = torch.zeros(len(rows), self.seq, dtype=torch.long)
        targets = torch.full((len(rows), self.seq), IGNORED)
        for place, row in enumerate(rows):
            window = self.tokens[row * self.seq:(row + 1) * self.seq + 1]
            inputs[place, :len(window) - 1] = window[:-1]
            targets[place, :len(window) - 1] = window[1:]
        return inputs, targets


def read_text(path, held_out):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    ids = {character: id for id, character in enumerate(sorted(set(text)))}
    tokens = torch.tensor([ids[character] for character in text])
    begin = math.floor(len(tokens) * (1.0 - held_out))
    return tokens[:begin], tokens[begin:], len(ids)


def learning_rate(optim, step, steps):
    schedule = optim["schedule"]
    warmup = schedule["warmup_steps"]
    if step < warmup:
        return optim["lr"] * (step + 1) / (warmup + 1)
    share = 1.0
    if schedule["name"] == "cosine":
        floor = schedule["final_ratio"]
        share = floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
    return optim["lr"] * share


def held_out_loss(model, rows):
    total, count = 0.0, 0
    with torch.no_grad():
        for first in range(0, rows.count, 64):
            inputs, targets = rows.batch(range(first, min(rows.count, first + 64)))
            total += model.loss(inputs, targets, "sum").item()
            count += int((targets != IGNORED).sum())
    return total / count


def settings_of(stage):
    config = yaml.safe_load((stage / "config.yaml").read_text())
    shape, pretrain = config["model"], config["pretrain"]
    expected = {"norm": "layer_norm", "positions": "learned", "activation": "gelu", "bias": False, "qkv_bias": False,
                "tied": True, "dropout": 0, "qk_norm": False}
    other = {key: shape[key] for key, value in expected.items() if shape[key] != value}
    data = pretrain["data"]
    if other or not data["across_documents"] or data["validation"]["hold_out"] != "tail":
        sys.exit(f"{stage}: not a run that the peer can repeat: {other or data}")
    for key in ("norm_eps", "init_std"):
        shape[key] = float(shape[key])
    for key in ("lr", "eps", "beta1", "beta2", "weight_decay", "grad_clip"):
        pretrain["optim"][key] = float(pretrain["optim"][key])
    return config


def train(stage, text, peer):
    config = settings_of(stage)
    shape, pretrain, seed = config["model"], config["pretrain"], config["run"]["seed"]
    optim, steps, seq = pretrain["optim"], pretrain["steps"], pretrain["sequence_length"]
    training, held_out, vocab = read_text(text, pretrain["data"]["validation"]["fraction"])
    training, held_out = Rows(training, seq), Rows(held_out, seq)
    model = make_model(shape, vocab, seed)
    parameters = list(model.parameters())
    groups = [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": optim["weight_decay"]},
              {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=optim["lr"], betas=(optim["beta1"], optim["beta2"]), eps=optim["eps"])
    batch_rows = pretrain["batch_tokens"] // seq
    start = time.perf_counter()
    with open(peer, "w", encoding="utf-8") as lines:
        for step in range(steps):
            places = range(step * batch_rows, (step + 1) * batch_rows)
            rows = [order(seed, "sample_order/0", training.count, *divmod(place, training.count)) for place in places]
            for group in adamw.param_groups:
                group["lr"] = learning_rate(optim, step, steps)
            loss = model.loss(*training.batch(rows))
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(parameters, optim["grad_clip"])
            adamw.step()
            adamw.zero_grad()
            lines.write(json.dumps({"step": step + 1, "loss": loss.item(), "grad_norm": norm.item()}) + "\n")
        held = held_out_loss(model, held_out)
        lines.write(json.dumps({"step": steps, "held_out": held, "seconds": time.perf_counter() - start}) + "\n")


def check_init(stage):
    from safetensors.torch import load_file
    config = settings_of(stage)
    shape = config["model"]
    exported = load_file(stage / "model" / "model.safetensors")
    vocab = exported["transformer.wte.weight"].shape[0]
    ours = {"model.embed_tokens.weight": exported["transformer.wte.weight"],
            "model.embed_positions.weight": exported["transformer.wpe.weight"]}
    for layer in range(shape["layers"]):
        block, table = f"transformer.h.{layer}.", f"model.layers.{layer}."
        joined = exported[block + "attn.c_attn.weight"].T.chunk(3)
        ours.update({f"{table}self_attn.{name}.weight": part for name, part in zip(("q_proj", "k_proj", "v_proj"), joined)})
        ours[table + "self_attn.o_proj.weight"] = exported[block + "attn.c_proj.weight"].T
        ours[table + "mlp.up_proj.weight"] = exported[block + "mlp.c_fc.weight"].T
        ours[table + "mlp.down_proj.weight"] = exported[block + "mlp.c_proj.weight"].T
    theirs = first_matrices(shape, vocab, config["run"]["seed"])
    assert ours.keys() == theirs.keys()
    elements = sum(value.numel() for value in theirs.values())
    unequal = sum(int((ours[name] != value).sum()) for name, value in theirs.items())
    # In units of the last place of a fp32 number: libraries round logarithms and cosines differently.
    apart = max(float(((ours[name] - value).abs() / (value.abs() * 2.0**-23)).max()) for name, value in theirs.items())
    print(f"first weights: {elements:,} elements, {unequal} not bit for bit those of the formula, at most {apart:.2f} "
          "units in the last place apart")
    if apart > 1 or unequal > elements / 1000:
        sys.exit("quality_peers: the first weights are not those of the formula")


def read_lines(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def compare(stage, peer):
    ours = read_lines(stage / "metrics.jsonl")
    theirs = read_lines(peer)
    losses = {line["step"]: line["loss"] for line in ours if line.get("split") == "train"}
    held_out = {line["step"]: line["loss"] for line in ours if line.get("split") == "validation"}
    steps = [line for line in theirs if "loss" in line]
    if set(losses) != {line["step"] for line in steps}:
        sys.exit(f"{stage}: not every step is logged; set pretrain.log_every_steps to 1")
    apart = [(abs(losses[line["step"]] - line["loss"]), line["step"]) for line in steps]
    last = theirs[-1]
    result = {"steps": len(steps), "first": apart[0][0], "largest": max(apart)[0], "at_step": max(apart)[1],
              "ours": held_out[last["step"]], "theirs": last["held_out"]}
    print(f"  training loss: apart {apart[0][0]:.1e} at step 1, at most {max(apart)[0]:.1e} (step {max(apart)[1]}) of "
          f"{len(steps)}; held-out loss: ours {result['ours']:.4f}, PyTorch {result['theirs']:.4f}")
    print(json.dumps(result))


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("PEERS_THREADS", "2")))
    command, stage, *rest = sys.argv[1:]
    {"init": check_init, "train": train, "compare": compare}[command](pathlib.Path(stage), *rest)

#!/usr/bin/env python3
"""The parts of train_speed.sh: one timed run of either program, and the table. Every run prints one line of JSON.

    train_speed.py ours PROGRAM MODEL PRECISION TEXT FOLDER
    train_speed.py peer MODEL PRECISION VARIANT          plain, tuned, compiled (tuned and torch.compile); needs torch
    train_speed.py table RESULTS
"""
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

THREADS = 2


@dataclass
class Work:
    """layers to vocab as the model is; rows of seq tokens a step; warm-up and timed steps, `group` of them timed at once."""
    preset: str
    layers: int
    heads: int
    embed: int
    context: int
    vocab: int
    bias: bool
    gelu: str
    rows: int
    seq: int
    warm: int
    groups: int
    group: int = 1

    def flops_a_token(self):
        """6 N + 12 L C S, lib/arch/flops.h: N without the table of positions, which is only looked up."""
        block = 12 * self.embed**2 + 2 * self.embed
        norms = 1
        if self.bias:
            block += 9 * self.embed + 2 * self.embed
            norms = 2
        parameters = self.vocab * self.embed + self.layers * block + norms * self.embed
        return 6 * parameters + 12 * self.layers * self.embed * self.seq


WORKS = {
    "gpt2-124m": Work("gpt2", 12, 12, 768, 1024, 50304, True, "tanh", 4, 256, 2, 6),
    "nanogpt-10m": Work("nanogpt-shakespeare-10m", 6, 6, 384, 256, 65, False, "none", 64, 256, 1, 4),
    "nanogpt-cpu": Work("nanogpt-shakespeare-cpu", 4, 4, 128, 64, 65, False, "none", 12, 64, 40, 10, 20),
}


def report(who, model, precision, seconds_a_step, memory, **more):
    work = WORKS[model]
    rates = [work.rows * work.seq / seconds for seconds in seconds_a_step]
    print(json.dumps({"who": who, "model": model, "precision": precision, "rate": statistics.median(rates),
                      "memory": memory, **more}), flush=True)


def train_lines(metrics):
    if not metrics.exists():
        return []
    lines = metrics.read_text().splitlines(keepends=True)
    records = [json.loads(line) for line in lines if line.endswith("\n")]
    return [record for record in records if record.get("split") == "train"]


def peak_memory(pid):
    """VmHWM in bytes, 0 once the process is gone."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError):
        return 0


def run_ours(program, model, precision, text, folder):
    work = WORKS[model]
    steps = work.warm + work.groups * work.group
    folder = pathlib.Path(folder)
    pipeline = folder / f"{model}.yaml"
    pipeline.write_text(f"""run: {{name: {model}-{precision}, dir: {folder}, precision: {precision}, threads: {THREADS}}}
model: {{preset: {work.preset}, vocab: {work.vocab}, dropout: 0}}
tokenizer: {{train: {{kind: char, special_tokens: []}}}}
pretrain:
  data: {{train: [{{path: {text}}}], across_documents: true, cache: {folder}/cache}}
  sequence_length: {work.seq}
  batch_tokens: {work.rows * work.seq}
  steps: {steps}
  optim: {{lr: 1e-4}}
  checkpoint: {{every_steps: {steps}}}
  log_every_steps: 1
""")
    metrics = folder / f"{model}-{precision}" / "pretrain" / "metrics.jsonl"
    process = subprocess.Popen([program, "pretrain", "--quiet", "--resume", "never", str(pipeline)])
    memory = 0
    while process.poll() is None:
        # The copy that the save after the last step makes is no part of a step.
        now = peak_memory(process.pid)
        if len(train_lines(metrics)) < steps:
            memory = max(memory, now)
        time.sleep(0.1)
    if process.returncode != 0:
        sys.exit(f"{program}: exit code {process.returncode}")
    lines = train_lines(metrics)
    # From the end of one group to the end of the next, by the clock of the records: whatever the loop does is in it.
    ends = [lines[work.warm - 1 + i * work.group]["t"] for i in range(work.groups + 1)]
    seconds = [(b - a) / work.group for a, b in zip(ends, ends[1:])]
    last = lines[-1]
    peak = last["tokens_per_second"] * work.flops_a_token() / last["mfu"]
    report("llmtrain", model, precision, seconds, memory, products=peak, tensors=last["memory_bytes"])


def gpt(work):
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            width = work.embed
            self.norms = nn.ModuleList(nn.LayerNorm(width, bias=work.bias) for _ in range(2))
            self.qkv, self.out = nn.Linear(width, 3 * width, work.bias), nn.Linear(width, width, work.bias)
            self.up, self.down = nn.Linear(width, 4 * width, work.bias), nn.Linear(4 * width, width, work.bias)

        def forward(self, x):
            rows, seq, width = x.shape
            q, k, v = (part.view(rows, seq, work.heads, -1).transpose(1, 2)
                       for part in self.qkv(self.norms[0](x)).split(width, 2))
            attended = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(attended.transpose(1, 2).reshape(rows, seq, width))
            return x + self.down(functional.gelu(self.up(self.norms[1](x)), approximate=work.gelu))

    class Gpt(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.positions = nn.Embedding(work.vocab, work.embed), nn.Embedding(work.context, work.embed)
            self.blocks = nn.ModuleList(Block() for _ in range(work.layers))
            self.norm = nn.LayerNorm(work.embed, bias=work.bias)
            self.head = nn.Linear(work.embed, work.vocab, bias=False)
            self.head.weight = self.tokens.weight
            for parameter in self.parameters():
                if parameter.dim() > 1:
                    nn.init.normal_(parameter, 0, 0.02)

        def forward(self, tokens, targets):
            x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
            for block in self.blocks:
                x = block(x)
            return functional.cross_entropy(self.head(self.norm(x)).flatten(0, 1), targets.flatten())

    return Gpt()


def product_rate(dtype):
    import torch
    size = 2048
    a, b = (torch.randn(size, size).to(dtype) for _ in range(2))
    torch.mm(a, b)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times)


def run_peer(model, precision, variant):
    import torch
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    work = WORKS[model]
    gpt2 = gpt(work)
    matrices = [p for p in gpt2.parameters() if p.dim() > 1]
    vectors = [p for p in gpt2.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
                                  lr=1e-4, betas=(0.9, 0.95), fused=True if variant != "plain" else None)
    forward = torch.compile(gpt2) if variant == "compiled" else gpt2
    batches = torch.randint(0, min(work.vocab, 65), (work.rows, work.seq + 1))

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = forward(batches[:, :-1], batches[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(gpt2.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    for _ in range(work.warm):
        step()
    seconds = []
    for _ in range(work.groups):
        start = time.perf_counter()
        for _ in range(work.group):
            step()
        seconds.append((time.perf_counter() - start) / work.group)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    report(f"PyTorch {variant}", model, precision, seconds, memory,
           products=product_rate(torch.bfloat16 if precision == "bf16" else torch.float32))


def table(results):
    runs = [json.loads(line) for line in pathlib.Path(results).read_text().splitlines()]
    products = {precision: max(run["products"] for run in runs if run["precision"] == precision)
                for precision in {run["precision"] for run in runs}}
    print("| model, rows x tokens | precision | program | tokens/s | ms a step | ours over it | MFU | peak memory |")
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for model, work in WORKS.items():
        for precision in ("fp32", "bf16"):
            mine = [run["rate"] for run in runs
                    if (run["model"], run["precision"], run["who"]) == (model, precision, "llmtrain")]
            for who in dict.fromkeys(run["who"] for run in runs):
                chosen = [run for run in runs if (run["model"], run["precision"], run["who"]) == (model, precision, who)]
                if not chosen:
                    continue
                rates = [run["rate"] for run in chosen]
                rate = statistics.median(rates)
                ratio = f"{statistics.median(mine) / rate:.2f}" if mine and who != "llmtrain" else ""
                mfu = rate * work.flops_a_token() / products[precision]
                memory = max(run["memory"] for run in chosen) / 2**30
                print(f"| {model}, {work.rows} x {work.seq} | {precision} | {who} | {rate:,.0f} "
                      f"[{min(rates):,.0f}, {max(rates):,.0f}] | {1e3 * work.rows * work.seq / rate:,.1f} | {ratio} "
                      f"| {100 * mfu:.0f} % | {memory:.2f} GiB |")
    rates = ", ".join(f"{precision} {rate / 1e9:,.0f} GFLOP/s" for precision, rate in sorted(products.items()))
    print(f"\nMFU is of the highest rate of matrix products measured in any of the runs: {rates}.")


if __name__ == "__main__":
    {"ours": run_ours, "peer": run_peer, "table": table}[sys.argv[1]](*sys.argv[2:])

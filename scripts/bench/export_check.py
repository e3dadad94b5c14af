#!/usr/bin/env python3
"""Loads what a pretraining stage exported with transformers and compares: the classes' tensors, ids of texts, and the
held-out loss, which both compute over the same rows. Called by export_check.sh; needs torch, transformers and PyYAML.

    export_check.py PROGRAM STAGE TEXT

STAGE: a stage that trained on the one file TEXT, whose tail it holds out, across documents.
"""
import json
import math
import os
import pathlib
import subprocess
import sys

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "fixtures"))
from check_export import TEXTS, check_model, check_tokenizer  # noqa: E402

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

LOSS_TOLERANCE = 1e-4
MORE_TEXTS = ["", "a", "ROMEO:\nBut, soft! what light through yonder window breaks?", "<|endoftext|> 1,000,000.5\r\n",
              "e\u0301 vs é, ﬁ, 한국어 텍스트", "    def f(x):\n\t\treturn x ** 2  # \u00a0"]


def ids_of_ours(program, folder, text):
    printed = subprocess.run([program, "tokenizer", "encode", "--tokenizer", folder, "--special", "--json"], input=text.encode(),
                             stdout=subprocess.PIPE, check=True).stdout
    return json.loads(printed)["ids"]


def held_out_loss(stage, text):
    """transformers' mean loss a token over the rows that the stage held out, and how many tokens they have."""
    pretrain = yaml.safe_load((stage / "config.yaml").read_text())["pretrain"]
    tokenizer = transformers.AutoTokenizer.from_pretrained(stage / "model")
    model = transformers.AutoModelForCausalLM.from_pretrained(stage / "model", dtype=torch.float32).eval()
    ids = tokenizer.encode(pathlib.Path(text).read_text(encoding="utf-8"), add_special_tokens=False)
    ids.append(tokenizer.eos_token_id)
    tail = ids[math.floor(len(ids) * (1.0 - pretrain["data"]["validation"]["fraction"])):]
    seq = pretrain["sequence_length"]
    total, count = 0.0, 0
    with torch.no_grad():
        for begin in range(0, len(tail) - 1, seq):
            row = torch.tensor(tail[begin:begin + seq + 1])
            logits = model(row[None, :-1]).logits[0]
            total += torch.nn.functional.cross_entropy(logits, row[1:], reduction="sum").item()
            count += len(row) - 1
    return total / count, count


def main():
    program, stage, text = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    folder = stage / "model"
    texts = [{"text": text, "ids": ids_of_ours(program, folder, text)} for text in TEXTS + MORE_TEXTS]
    faults = check_model(folder, {}, 0.0) + check_tokenizer(folder, {"texts": texts})
    records = [json.loads(line) for line in (stage / "metrics.jsonl").read_text().splitlines()]
    ours = [record["loss"] for record in records if record.get("split") == "validation"][-1]
    theirs, count = held_out_loss(stage, text)
    print(f"held-out loss over {count:,} tokens: ours {ours:.7f}, transformers {theirs:.7f}, apart {abs(ours - theirs):.1e}")
    if not abs(ours - theirs) <= LOSS_TOLERANCE:
        faults.append(f"held-out losses are {abs(ours - theirs):.2e} apart, expected at most {LOSS_TOLERANCE}")
    for fault in faults:
        print(f"export_check: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Models and the peer for scripts/bench/generate.sh.

usage: generate_peer.py gpt2 FOLDER
           writes GPT-2's shape (124M) with random weights, and a tokenizer of as many ids that no text ends with
       generate_peer.py run FOLDER PROMPT SAMPLES TOKENS
           prints tokens a second of transformers' generate() on two threads in fp32, without loading
"""
import json
import pathlib
import sys
import time


def byte_alphabet():
    """The characters by which GPT-2's vocabulary writes bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = {byte: chr(byte) for byte in printable}
    for byte in range(256):
        if byte not in alphabet:
            alphabet[byte] = chr(256 + len(alphabet) - len(printable))
    return alphabet


def write_gpt2(folder):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    config = GPT2Config(eos_token_id=None, bos_token_id=None)
    GPT2LMHeadModel(config).save_pretrained(folder)
    for name in ("generation_config.json",):
        (pathlib.Path(folder) / name).unlink(missing_ok=True)
    characters = [byte_alphabet()[byte] for byte in range(256)]
    pairs = [(a, b) for a in characters for b in characters][: config.vocab_size - 256]
    vocab = {token: i for i, token in enumerate(characters + [a + b for a, b in pairs])}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    tokenizer = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
                 "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
                 "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                           "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                           "ignore_merges": False, "vocab": vocab, "merges": [[a, b] for a, b in pairs]}}
    (pathlib.Path(folder) / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")


def run(folder, prompt, samples, tokens):
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(2)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = Tokenizer.from_file(str(pathlib.Path(folder) / "tokenizer.json")).encode(prompt).ids
    batch = torch.tensor([ids] * samples)
    options = {"do_sample": True, "temperature": 0.8, "top_k": 50, "max_new_tokens": tokens, "min_new_tokens": tokens,
               "pad_token_id": 0, "eos_token_id": None, "attention_mask": torch.ones_like(batch)}
    with torch.inference_mode():
        model.generate(batch, **{**options, "max_new_tokens": 4, "min_new_tokens": 4})
        start = time.perf_counter()
        made = model.generate(batch, **options)
        seconds = time.perf_counter() - start
    assert made.shape == (samples, len(ids) + tokens), made.shape
    print(f"{samples * tokens / seconds:.1f}")


if sys.argv[1:2] == ["gpt2"] and len(sys.argv) == 3:
    write_gpt2(sys.argv[2])
elif sys.argv[1:2] == ["run"] and len(sys.argv) == 6:
    run(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
else:
    sys.exit(__doc__)

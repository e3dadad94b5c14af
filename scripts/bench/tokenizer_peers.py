#!/usr/bin/env python3
"""One timed run of the packages `tokenizers` or `tiktoken` for tokenizer.sh, on the same documents as tokenizer_bench and
with the same output: seconds on the clock and of processor time of each pass, bytes, ids.

    tokenizer_peers.py encode tokenizers|tokenizers_fast|tiktoken GPT2_FOLDER JSONL THREADS
    tokenizer_peers.py train JSONL VOCAB_SIZE PATTERN THREADS
"""
import json
import os
import pathlib
import sys
import time

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
# As tiktoken's own GPT-2 has it: possessive, so that it is at its fastest.
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"


class Stopwatch:
    def __init__(self):
        self.start, self.processor = time.perf_counter(), time.process_time()

    def __str__(self):
        return f"{time.perf_counter() - self.start:.3f} {time.process_time() - self.processor:.3f}"


def read_documents(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def byte_level(model, pattern):
    from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if pattern == "llama3":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(LLAMA3), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def tokenizers_encoder(folder, fast):
    from tokenizers import models
    tokenizer = byte_level(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")), "gpt2")
    encode = tokenizer.encode_batch_fast if fast else tokenizer.encode_batch
    return lambda documents: sum(len(encoding) for encoding in encode(documents, add_special_tokens=False))


def tiktoken_encoder(folder, threads):
    import tiktoken
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    byte_of = {chr(byte): byte for byte in printable}
    for byte in range(256):
        if byte not in printable:
            byte_of[chr(256 + len(byte_of) - len(printable))] = byte
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    special = {"<|endoftext|>": vocab.pop("<|endoftext|>")}
    ranks = {bytes(byte_of[character] for character in key): id for key, id in vocab.items()}
    encoding = tiktoken.Encoding("gpt2", pat_str=GPT2, mergeable_ranks=ranks, special_tokens=special)
    return lambda documents: sum(len(ids) for ids in encoding.encode_ordinary_batch(documents, num_threads=threads))


def encode(which, folder, path, threads):
    os.environ["RAYON_NUM_THREADS"] = threads
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    folder = pathlib.Path(folder)
    if which == "tiktoken":
        run = tiktoken_encoder(folder, int(threads))
    else:
        run = tokenizers_encoder(folder, which == "tokenizers_fast")
    documents = read_documents(path)
    passes = []
    for _ in range(2):
        stopwatch = Stopwatch()
        ids = run(documents)
        passes.append(str(stopwatch))
    print(*passes, sum(len(document.encode()) for document in documents), ids)


def train(path, vocab_size, pattern, threads):
    os.environ["RAYON_NUM_THREADS"] = threads
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    from tokenizers import models, pre_tokenizers, trainers
    documents = read_documents(path)
    tokenizer = byte_level(models.BPE(), pattern)
    trainer = trainers.BpeTrainer(vocab_size=int(vocab_size), min_frequency=2, special_tokens=["<|endoftext|>"],
                                  show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    stopwatch = Stopwatch()
    tokenizer.train_from_iterator(iter(documents), trainer)
    seconds = str(stopwatch)
    print(seconds, sum(len(document.encode()) for document in documents), tokenizer.get_vocab_size())


if __name__ == "__main__":
    {"encode": encode, "train": train}[sys.argv[1]](*sys.argv[2:])

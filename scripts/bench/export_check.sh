#!/usr/bin/env bash
# Is what is exported what was trained? Trains a small GPT-2, Llama and Qwen 3 for a few steps on a text, then loads each
# with transformers: tensors exactly the class's, equal ids for texts in many scripts, and the held-out loss of the last
# evaluation, computed again by transformers on the same rows, at most 1e-4 apart.
#
# usage: scripts/bench/export_check.sh TEXT      (one file of plain text, at least 100 KB)
# PEERS_PYTHON names an interpreter with torch, transformers and PyYAML; BUILD the folder of the programs.
source "$(dirname "$0")/../common.sh"
case ${1:-} in
  "" | -h | --help)
    show_help
    exit 0
    ;;
esac
text=$(realpath "$1")
python=${PEERS_PYTHON:-python3}
program=$(realpath "${BUILD:-build/release}")/llmtrain
[[ -x $program ]] || fail 2 "$program: no such program; scripts/build.sh makes it"
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT

# check NAME TOKENIZER MODEL: model and tokenizer.train as YAML flow.
check() {
  cat >"$runs/$1.yaml" <<YAML
run: {name: $1, dir: $runs, precision: fp32}
model: {$3}
tokenizer: {train: {$2}}
pretrain:
  data:
    train: [{path: $text}]
    validation: {fraction: 0.1, hold_out: tail}
    across_documents: true
    cache: $runs/cache
  sequence_length: 64
  batch_tokens: 1024
  steps: 60
  optim: {lr: 3e-3}
YAML
  say "$1"
  "$program" pretrain --quiet "$runs/$1.yaml" >"$runs/$1.log" 2>&1 || fail 1 "$(tail -n 3 "$runs/$1.log")"
  "$python" scripts/bench/export_check.py "$program" "$runs/$1/pretrain" "$text"
}

check gpt2 "vocab_size: 1000, pattern: gpt2" \
  "preset: gpt2, layers: 3, embed: 96, heads: 4, ffn: 384, context: 128, vocab: 1024"
check nanogpt "vocab_size: 700, pattern: llama3" \
  "preset: nanogpt-shakespeare-cpu, layers: 2, context: 64, vocab: 700"
check llama "vocab_size: 1000, pattern: llama3" "preset: llama-2m, layers: 3, kv_heads: 2, vocab: 1000"
check qwen3 "vocab_size: 900, pattern: qwen2" \
  "preset: qwen3-0.6b, layers: 2, embed: 128, heads: 4, kv_heads: 2, head_dim: 48, ffn: 320, context: 256, vocab: 904"

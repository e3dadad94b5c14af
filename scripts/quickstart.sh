#!/usr/bin/env bash
# From a bare checkout to a result: sets up what is missing, builds the programs, and runs the pipeline of
# configs/quickstart/pipeline.yaml as far as its stages go. Run again, it redoes only what changed.
#
# usage: scripts/quickstart.sh
source "$(dirname "$0")/common.sh"
if (($#)); then
  show_help
  [[ $1 == -h || $1 == --help ]] && exit 0
  exit 2
fi

pipeline=configs/quickstart/pipeline.yaml

# Shows a command as it can be typed, and runs it.
llmtrain() {
  say "build/release/llmtrain $*"
  build/release/llmtrain "$@"
}

scripts/build.sh llmtrain llmtrain-engine
llmtrain config check $pipeline
llmtrain data stats $pipeline
llmtrain pretrain $pipeline
llmtrain eval $pipeline
llmtrain generate $pipeline --temperature 0 --max-tokens 20 --stop $'\n' \
  --prompt "The roofs in Sunfield are" --prompt "5 + 6 =" --prompt "햇살마을의 지붕은"
say "done: open runs/quickstart/pretrain/report.html in a browser; the model is in runs/quickstart/pretrain/model"

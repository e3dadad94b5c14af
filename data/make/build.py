"""All files of data/ as bytes: {path below data/: content}."""
import json

from . import chats, corpus, evaluation, preferences


def lines(records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode("utf-8")


def make_all():
    sft, prompts, pairs = chats.make_sft(), chats.make_prompts(), preferences.make_preferences()
    records = {**corpus.make_corpus(), **evaluation.make_eval()}
    for folder, (train, heldout) in (("sft", sft), ("preferences", pairs), ("prompts", prompts)):
        records[folder + "/train.jsonl"] = train
        records[folder + "/heldout.jsonl"] = heldout
    return {path: lines(found) for path, found in sorted(records.items())}

#!/usr/bin/env python3
"""Plants faults in a copy of data/ and demands that the checks find each of them: those of `make_data.py check`, and,
where the fault is a leak, held_out_check.py too. Exit 1 if a planted fault goes unseen."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parents[1] / "data"
WORDS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
         "seventeen eighteen nineteen twenty").split()
SINO = "영 일 이 삼 사 오 육 칠 팔 구 십 십일 십이 십삼 십사 십오 십육 십칠 십팔 십구 이십".split()
COUNT = "영 한 두 세 네 다섯 여섯 일곱 여덟 아홉 열 열한 열두 열세 열네 열다섯 열여섯 열일곱 열여덟 열아홉 스무".split()


def records(path):
    return [json.loads(line) for line in (DATA / path).read_text(encoding="utf-8").splitlines()]


def chat(question, answer):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def held_out_sum(sign):
    """(left, right, result) of the first held-out sum of that sign in digits."""
    prompt = next(r["prompt"] for r in records("eval/sums.jsonl") if " %s " % sign in r["prompt"])
    left, right = (int(part) for part in prompt.rstrip(" =").split(" %s " % sign))
    return left, right, left + right if sign == "+" else left - right


def leaks():
    """[(file, record)]: every one must be found by both checks."""
    a, b, c = held_out_sum("+")
    d, e, f = held_out_sum("-")
    fact = next(r for r in records("sft/heldout.jsonl") if r.get("asked") is False and r["language"] == "en")
    korean = next(r for r in records("sft/heldout.jsonl") if r.get("asked") is False and r["language"] == "ko")
    story = next(r for r in records("prompts/heldout.jsonl") if r["kind"] == "story" and r["language"] == "en")
    cloze = records("eval/facts.jsonl")[0]["prompt"]
    return [
        ("corpus/sums_en.jsonl", {"text": "%d + %d = %d" % (a, b, c)}),
        ("corpus/sums_en.jsonl", {"text": "%s take away %s leaves %s." % (
            WORDS[d].capitalize(), WORDS[e], WORDS[f])}),
        ("corpus/stories_en.jsonl", {"text": "One day Mina has %d apples. Then Leo gives her %d of his. Now Mina has %d." % (
            a, b, c)}),
        ("corpus/sums_ko.jsonl", {"text": "%s 빼기 %s 하면 %s." % (SINO[d], SINO[e], SINO[f])}),
        ("corpus/stories_ko.jsonl", {"text": "미나에게 %s 개가 있어요. %s 개를 먹었어요. 이제 %s 개가 있어요." % (
            COUNT[d], COUNT[e], COUNT[f])}),
        ("prompts/train.jsonl", {"prompt": [{"role": "user", "content": "Tell me what %d and %s make!" % (
            a, WORDS[b])}], "kind": "sum", "language": "en"}),
        ("prompts/train.jsonl", {"prompt": [{"role": "user", "content": "Take %s from %d." % (WORDS[e], d)}],
                                 "kind": "sum", "language": "en"}),
        ("corpus/facts_en.jsonl", {"text": "He said: " + fact["messages"][0]["content"].upper().replace("?", " ...")}),
        ("corpus/facts_ko.jsonl", {"text": korean["messages"][0]["content"].replace(" ", "  ")}),
        ("corpus/stories_en.jsonl", {"text": story["prompt"][-1]["content"]}),
        ("corpus/facts_en.jsonl", {"text": cloze + " something."}),
        ("sft/train.jsonl", chat("Say something about %s." % fact["subject"], "It is %s!" % fact["answer"])),
        ("sft/train.jsonl", chat("%s 이야기를 해 줘요." % korean["subject"], "%s 맞지요?" % korean["answer"])),
    ]


def other_faults():
    """[(file, line of text)]: faults of form and of ranking, for `make_data.py check` alone."""
    pair = records("preferences/train.jsonl")[0]
    pair["chosen"], pair["rejected"] = pair["rejected"], pair["chosen"]
    decomposed = unicodedata.normalize("NFD", "지훈")
    return [
        ("preferences/train.jsonl", json.dumps(pair, ensure_ascii=False)),
        ("corpus/facts_ko.jsonl", (DATA / "corpus/facts_ko.jsonl").read_text(encoding="utf-8").splitlines()[4]),
        ("corpus/facts_en.jsonl", "{\"text\": \"no end"),
        ("prompts/heldout.jsonl", json.dumps({"prompt": [{"role": "user", "content": "Who are you?"}]})),
        ("eval/facts.jsonl", json.dumps({"prompt": decomposed, "choices": ["a"], "answer": 0}, ensure_ascii=False)),
    ]


def plant(folder, path, line):
    """Appends the line; returns path:line as the checks name it."""
    with open(folder / path, "a", encoding="utf-8", newline="\n") as file:
        file.write(line + "\n")
    return "%s:%d:" % (path, len((folder / path).read_text(encoding="utf-8").splitlines()))


def run(command, *arguments):
    done = subprocess.run([sys.executable, *map(str, command), *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def copy(folder):
    for path in DATA.glob("*/*.jsonl"):
        target = folder / path.relative_to(DATA)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)


def main():
    unseen = []
    own, second = [DATA / "make_data.py", "check"], [HERE / "held_out_check.py"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        copy(folder)
        places = [(plant(folder, path, json.dumps(record, ensure_ascii=False)), record) for path, record in leaks()]
        for command in (own, second):
            code, said = run(command, folder)
            unseen += ["%s: %s %s" % (command[0].name, place, record) for place, record in places
                       if place not in said]
            if code != 1:
                unseen.append("%s: exit %d with leaks" % (command[0].name, code))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        copy(folder)
        (folder / "sft/heldout.jsonl").unlink()
        places = [plant(folder, path, line) for path, line in other_faults()[:-1]]
        plant(folder, *other_faults()[-1])
        code, said = run(own, folder)
        wanted = places + ["sft/heldout.jsonl: missing", "eval/facts.jsonl: not in normal form NFC"]
        unseen += ["make_data.py: %s" % place for place in wanted if place not in said]
        if code != 1:
            unseen.append("make_data.py: exit %d with faults" % code)
    for fault in unseen:
        print("a planted fault went unseen by " + fault, file=sys.stderr)
    print("%d planted faults, %d unseen" % (2 * len(leaks()) + len(other_faults()) + 1, len(unseen)))
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())

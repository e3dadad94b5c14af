#!/usr/bin/env python3
"""A second opinion on the hold-out rule of data/: no held-out question is answered for, or put to, a model in training.

It imports nothing from the generator and knows nothing of how the files are made: it reads the held-out files, and
searches the training files for what they ask. Usage: held_out_check.py [DATA_FOLDER]; exit 1 on a leak.

  1. No held-out prompt, and no prompt of eval/, occurs in a training text, whatever its case, spaces and punctuation.
  2. No training text states or asks for a held-out sum. Digits and number words of both languages are one number. Its
     twins (the numbers of an addition turned round, the other number taken away) may be taught.
  3. In the training chats no question with its answer names both the subject and the answer of a fact that is never
     asked.
"""
import itertools
import json
import pathlib
import re
import sys
import unicodedata

EN = {word: value for value, word in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty".split())}
# Number words as they are written, spelled out one by one.
SINO = dict(zip("영 일 이 삼 사 오 육 칠 팔 구 십 십일 십이 십삼 십사 십오 십육 십칠 십팔 십구 이십".split(), range(21)))
COUNT = dict(zip("한 두 세 네 다섯 여섯 일곱 여덟 아홉 열 열한 열두 열세 열네 열다섯 열여섯 열일곱 열여덟 열아홉 스무".split(),
                 range(1, 21)))
ENDINGS = "은 는 이 가 을 를 과 와 에 에서 에다 이에요 예요 로 으로 도 만 의".split()


def squeeze(text):
    """Letters, digits and the signs of sums; everything else, case and repeated spaces are gone."""
    text = unicodedata.normalize("NFKC", text).lower()
    return " " + " ".join(re.findall(r"[+=-]|[^\W_]+", text)) + " "


def korean_number(token, following):
    """The values a token can have in a Korean sum: a numeral, alone or with an ending."""
    if token in SINO and following in ("더하기", "빼기", "+", "-"):
        return {SINO[token]}
    return {SINO[token[:len(token) - len(end)]] for end in ENDINGS + [""]
            if token.endswith(end) and token[:len(token) - len(end)] in SINO}


def number_choices(text):
    """For each number that a text names, in order, the set of its possible values."""
    tokens = re.findall(r"\d+|[a-z]+|[가-힣]+|[+-]", text.lower())
    korean_sum = re.search(r"더하|더해|빼|합", text) is not None
    found = []
    for position, token in enumerate(tokens):
        following = tokens[position + 1] if position + 1 < len(tokens) else ""
        before = tokens[position - 1] if position else ""
        if token.isdigit():
            found.append({int(token)})
        elif token in EN:
            found.append({EN[token]})
        elif token in COUNT and following.startswith("개"):
            found.append({COUNT[token]})
        elif korean_sum and not before.isdigit():
            values = korean_number(token, following)
            if values:
                found.append(values)
    return found


def senses(text):
    """Whether a text adds, takes away, or (where neither or both can be read in it) either."""
    low = text.lower()
    adds = re.search(r"\+|\b(plus|add|and|more|together|make)\b|더하|더해|더 |합", low) is not None
    takes = re.search(r"\d\s*-\s*\d|\b(minus|less|from|away|ate|eats|eat|lost|gave|gives|left|leaves)\b|빼|먹|남|잃|주었",
                      low) is not None
    return {"+"} if adds and not takes else {"-"} if takes and not adds else {"+", "-"}


def shows_sum(text, held):
    """The held-out sum that a text states or asks for, or None. It is stated where its two numbers and its result stand
    in a row: in one sentence, or across the sentences of a tale, which name two numbers at most each. It is asked for
    where a sentence, or a text, names its two numbers and no other, and the words do not say that something else is
    done with them. The order of the numbers counts in additions alone: 9 - 7 may be said as `take 7 from 9`."""
    units = [(unit, number_choices(unit)) for unit in re.split(r"[.!?\n]", text)]
    stated, tale = [], []
    for _, choices in units:
        if len(choices) >= 3:
            stated.append(choices)
            stated.append(tale)
            tale = []
        else:
            tale = tale + choices
    stated.append(tale)
    rows = [(None, run[i:i + 3]) for run in stated for i in range(len(run) - 2)]
    rows += [unit for unit in units + [(text, number_choices(text))] if len(unit[1]) == 2]
    for unit, row in rows:
        for numbers in itertools.product(*row):
            one, two = numbers[:2]
            for key, result in (((one, "+", two), one + two), ((max(one, two), "-", min(one, two)), abs(one - two))):
                if key in held and (numbers[2] == result if unit is None else key[1] in senses(unit)):
                    return key
    return None


def read(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        yield "%s/%s:%d" % (path.parent.name, path.name, number), json.loads(line)


def turns(record):
    """[(question or None, text)] of a training record: what is read at one time."""
    if "text" in record:
        return [(None, record["text"])]
    opening = record.get("messages") or record["prompt"]
    found = []
    for tail in [record[key] for key in ("chosen", "rejected") if key in record] or [[]]:
        messages = opening + tail
        for index, message in enumerate(messages):
            found.append((None, message["content"]))
            if message["role"] == "user":
                reply = messages[index + 1]["content"] if index + 1 < len(messages) else ""
                found.append((message["content"], message["content"] + " " + reply))
    return found


def asked(record):
    if isinstance(record.get("prompt"), str):
        return record["prompt"]
    messages = record.get("messages") or record["prompt"]
    return [message["content"] for message in messages if message["role"] == "user"][-1]


def held_out(folder):
    """(prompts, held-out sums as (left, sign, right), (subject, answer) of the facts that are never asked)."""
    prompts, held, facts = [], set(), set()
    for path in sorted(folder.glob("*/heldout.jsonl")) + sorted(folder.glob("eval/*.jsonl")):
        for where, record in read(path):
            prompt = asked(record)
            prompts.append((where, prompt))
            if record.get("kind") == "sum":
                given = number_choices(prompt + (" 더하기" if re.search("[가-힣]", prompt) else ""))
                if len(given) != 2 or any(len(values) != 1 for values in given):
                    sys.exit("%s: expected two numbers in: %s" % (where, prompt))
                one, two = (min(values) for values in given)
                adds = re.search(r"\+|plus|add|더하|더해", prompt) is not None
                held.add((one, "+", two) if adds else (max(one, two), "-", min(one, two)))
            elif record.get("asked") is False and "subject" in record:
                facts.add((record["subject"], record["answer"]))
    return prompts, held, facts


def names(text, word):
    if re.search("[가-힣]", word):
        return word in text
    return re.search(r"\b%s\b" % re.escape(word), text, re.IGNORECASE) is not None


def leaks(folder):
    prompts, held, facts = held_out(folder)
    if not prompts or not held or not facts:
        yield "%s: no held-out prompts, sums or facts to look for" % folder
    training = [(where, *turn) for path in sorted(folder.glob("corpus/*.jsonl")) + sorted(folder.glob("*/train.jsonl"))
                for where, record in read(path) for turn in turns(record)]
    squeezed = [(where, squeeze(text)) for where, _, text in training]
    everything = "\n".join(text for _, text in squeezed)
    for where, prompt in prompts:
        if squeeze(prompt) in everything:
            place = next(place for place, text in squeezed if squeeze(prompt) in text)
            yield "%s: the prompt stands in %s: %s" % (where, place, prompt)
    for where, question, text in training:
        shown = shows_sum(text, held)
        if shown is not None:
            yield "%s: shows the held-out sum %d %s %d: %s" % ((where,) + shown + (text,))
        if question is not None:
            for subject, answer in facts:
                if subject in text and names(text, subject) and names(text, answer):
                    yield "%s: trains on the held-out fact (%s, %s): %s" % (where, subject, answer, text)


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "data"
    found = list(leaks(folder))
    for leak in found[:50]:
        print(leak, file=sys.stderr)
    prompts, held, facts = held_out(folder)
    print("%d held-out prompts, %d sums, %d facts: %d leaks" % (
        len(prompts), len(held), len(facts), len(found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""What must be true of the files: each check yields a line for every fault it finds."""
import gzip
import json
import re
import unicodedata

from . import build, gold, stories, sums, world
from .facts import PERSON_ATTRIBUTES, UNSEEN, VALUES

LARGEST_TOTAL = 3_000_000
TRAINING = re.compile(r"^corpus/|/train\.jsonl$")


def read(folder):
    """{path: bytes} of the data files that stand in a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*/*.jsonl"))}


def records(files):
    """Every (path, line number, record) whose line is JSON."""
    for path, content in files.items():
        for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
            try:
                yield path, number, json.loads(line)
            except ValueError:
                continue


def texts(record):
    """The texts of a record, each by itself, and each question together with its answer."""
    if "text" in record:
        return [record["text"]]
    messages = record.get("messages") or record["prompt"]
    if isinstance(messages, str):
        return [messages]
    found = []
    for ending in ("chosen", "rejected", None):
        turns = messages + (record[ending] if ending in record else [])
        for message, following in zip(turns, turns[1:] + [None]):
            found.append(message["content"])
            if message["role"] == "user" and following is not None:
                found.append(message["content"] + " " + following["content"])
    return found


def plain(text):
    """Letters and digits and signs of sums alone, in lower case."""
    return " ".join(re.findall(r"[\w+\-=]+", text.lower()))


def check_bytes(files, fresh):
    for path in sorted(set(files) | set(fresh)):
        if path not in fresh:
            yield path + ": the script does not make this file"
        elif path not in files:
            yield path + ": missing"
        elif files[path] != fresh[path]:
            yield path + ": differs from what the script makes"


def check_form(files):
    total = sum(len(content) for content in files.values())
    if total > LARGEST_TOTAL:
        yield "all files: %d bytes, at most %d are allowed" % (total, LARGEST_TOTAL)
    for path, content in files.items():
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            yield "%s: not UTF-8: %s" % (path, error)
            continue
        if text != unicodedata.normalize("NFC", text):
            yield path + ": not in normal form NFC"
        if not text.endswith("\n") or "\r" in text:
            yield path + ": a line does not end with a plain newline"
        seen = {}
        for number, line in enumerate(text.splitlines(), 1):
            try:
                json.loads(line)
            except ValueError as error:
                yield "%s:%d: not JSON: %s" % (path, number, error)
            if line in seen:
                yield "%s:%d: the same as line %d" % (path, number, seen[line])
            seen[line] = number


def check_prompts_once(files):
    """No prompt is put twice in one file."""
    seen = {}
    for path, number, record in records(files):
        if not path.startswith(("sft/", "prompts/", "preferences/")):
            continue
        messages = record.get("messages") or record["prompt"]
        first = next(message["content"] for message in messages if message["role"] == "user")
        if (path, first) in seen:
            yield "%s:%d: asks the same as line %d: %s" % (path, number, seen[path, first], first)
        seen[path, first] = number


def held_out_prompts(files):
    for path, number, record in records(files):
        if path.startswith("eval/"):
            yield path, number, record["prompt"]
        elif path.endswith("/heldout.jsonl"):
            messages = record.get("messages") or record["prompt"]
            yield path, number, [m["content"] for m in messages if m["role"] == "user"][-1]


def check_held_out(files):
    """No held-out prompt stands in a training file; no held-out sum, fact question or story pair is trained on."""
    training = []
    for path, number, record in records(files):
        if TRAINING.search(path):
            training.append((path, number, record, [plain(text) for text in texts(record)]))
    whole = "\n".join("\n".join(found) for _, _, _, found in training)
    for path, number, prompt in held_out_prompts(files):
        # Prompts of eval that a trained fact shares are new wordings all the same, so they are looked for too.
        if plain(prompt) in whole and re.search(r"(?<!\w)" + re.escape(plain(prompt)) + r"(?!\w)", whole):
            where = next("%s:%d" % (p, n) for p, n, _, found in training
                         if any(plain(prompt) in text for text in found))
            yield "%s:%d: the prompt occurs in %s: %s" % (path, number, where, prompt)
    names = by_first((hero.name[language], thing[language], language) for hero, thing in stories.pairs(unseen=True)
                     for language in world.LANGUAGES)
    facts = by_first((fact.subject[language], fact.value[language], language) for fact in UNSEEN
                     for language in world.LANGUAGES)
    for path, number, record, _ in training:
        for text in texts(record):
            if sums.leaks(text):
                yield "%s:%d: shows a held-out sum: %s" % (path, number, text)
            for hero, thing in together(text, names):
                yield "%s:%d: brings %s and %s together, a held-out story" % (path, number, hero, thing)
            if path.startswith("corpus/"):
                continue
            for subject, value in together(text, facts):
                yield "%s:%d: asks or answers a held-out fact (%s, %s): %s" % (path, number, subject, value, text)


def by_first(triples):
    """{(first, language): [second]} of (first, second, language)."""
    found = {}
    for first, second, language in triples:
        found.setdefault((first, language), []).append(second)
    return found


def together(text, table):
    """The pairs of the table that a text names both."""
    return [(first, second) for (first, language), seconds in table.items() if has_word(text, first, language)
            for second in seconds if has_word(text, second, language)]


def has_word(text, word, language):
    if word.lower() not in text.lower():
        return False
    return language == world.KO or re.search(r"\b" + re.escape(word) + r"\b", text, re.IGNORECASE) is not None


def check_gold(files):
    """chosen scores higher than rejected; every prompt is one that the gold scorer understands."""
    for path, number, record in records(files):
        if not path.startswith(("preferences/", "prompts/", "sft/")):
            continue
        try:
            if path.startswith("preferences/"):
                better, worse = (gold.score(record["prompt"], record[key][0]["content"])
                                 for key in ("chosen", "rejected"))
                if better - worse < 0.1 - 1e-9 or abs(better - worse - record["margin"]) > 0.005:
                    yield "%s:%d: gold scores %.2f and %.2f, margin %s" % (
                        path, number, better, worse, record["margin"])
            elif path.startswith("prompts/"):
                gold.understand(record["prompt"])
            else:
                check = record["messages"]
                for end in (i for i, message in enumerate(check) if message["role"] == "assistant"):
                    gold.score(check[:end], check[end]["content"])
                    # 0.6 is what is left of a full score without the part for a right answer.
                    if gold.score(check[:end], check[end]["content"]) < 0.6 - 1e-9:
                        yield "%s:%d: a wrong answer: %s" % (path, number, check[end]["content"])
        except gold.UnknownPrompt as error:
            yield "%s:%d: %s" % (path, number, error)


def check_names():
    """No name or value hides in another of its language, so that looking for one never finds another."""
    for language in world.LANGUAGES:
        people = [person.name[language] for person in world.PEOPLE]
        words = sorted({value[language] for values in VALUES.values() for value in values}
                       | {thing[language] for thing in stories.THINGS + world.THINGS}
                       | {town["name"][language] for town in world.TOWN_FACTS} | set(people))
        if len(set(people)) != len(people):
            yield "two people have one name"
        for person in people:
            for word in words:
                if word != person and person.lower() in word.lower():
                    yield "the name %s is hidden in %s" % (person, word)
    for person in world.PEOPLE:
        if person.facts["friend"] in (person, person.facts["sibling"]):
            yield "the friend of %s is a sibling" % person.key
        missing = [attribute for attribute in PERSON_ATTRIBUTES if attribute not in person.facts]
        if missing:
            yield "%s has no %s" % (person.key, missing)


BEFORE = {"은": "는", "이": "가", "을": "를", "과": "와", "이에요": "예요"}  # after a consonant, after a vowel


def check_grammar(files):
    """Articles, plurals, and Korean particles after every word of the world; the final sound is found here by
    decomposing the syllable, not as the generator finds it."""
    words = {value.ko for values in VALUES.values() for value in values} | {thing.ko for thing in stories.THINGS}
    words |= {town["name"].ko for town in world.TOWN_FACTS} | {thing.ko for thing in world.THINGS}
    particles = sorted(list(BEFORE) + list(BEFORE.values()), key=len, reverse=True)
    used = re.compile("(?<![가-힣])(%s|[0-9]+)(%s)(?=[ .,?!]|$)" % (
        "|".join(sorted(map(re.escape, words), key=len, reverse=True)), "|".join(particles)))
    wrong = re.compile(r"\b[Aa] [aeiou]|\b[Aa]n (?!hour)[^aeiou]|\b1 (?:%s)\b|\b(?:[02-9]|\d\d) (?:%s)\b|  |\{|\}" % (
        "|".join(fruit[1] for fruit in stories.FRUIT), "|".join(fruit[0] for fruit in stories.FRUIT)))
    for path, number, record in records(files):
        for text in texts(record):
            for found in wrong.finditer(text):
                yield "%s:%d: wrong English: %s" % (path, number, text[max(0, found.start() - 20):found.end() + 20])
            for word, particle in used.findall(text):
                closed = word[-1] in "013678" if word.isdigit() else len(unicodedata.normalize("NFD", word[-1])) == 3
                if (particle in BEFORE) != closed:
                    yield "%s:%d: wrong particle: %s%s" % (path, number, word, particle)


def contents(record):
    """What is said in a record, each message once."""
    if "text" in record or isinstance(record.get("prompt"), str):
        return [record.get("text") or record["prompt"]]
    keys = ("messages", "prompt", "chosen", "rejected")
    return [message["content"] for key in keys for message in record.get(key, [])]


def check_readme(folder, files):
    """The table of the README is the one that `stats` prints; looked at only where the README stands."""
    readme = folder / "README.md"
    if readme.exists() and "\n".join(table(files)) not in readme.read_text(encoding="utf-8"):
        yield "README.md: the table of files is not what stats prints"


def table(files):
    """The lines of a Markdown table of the files."""
    yield "| file | lines | bytes | words | different words | gzip |"
    yield "|---|---:|---:|---:|---:|---:|"
    for path, content in files.items():
        lines = content.decode("utf-8").splitlines()
        words = " ".join(said for line in lines for said in contents(json.loads(line))).split()
        ratio = len(content) / len(gzip.compress(content, 9, mtime=0))
        yield "| %s | %d | %d | %d | %d | %.1f |" % (path, len(lines), len(content), len(words), len(set(words)), ratio)
    yield "| all | %d | %d | | | |" % (sum(content.count(b"\n") for content in files.values()),
                                       sum(len(content) for content in files.values()))


def faults(folder):
    files, fresh = read(folder), build.make_all()
    checks = [check_bytes(files, fresh), check_form(files), check_prompts_once(files), check_held_out(files),
              check_gold(files), check_names(), check_grammar(files), check_readme(folder, files)]
    return [fault for check in checks for fault in check]

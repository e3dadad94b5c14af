#!/usr/bin/env python3
"""Makes, checks and describes the files of data/, and scores responses with the gold scorer.

    make_data.py make [FOLDER]     write all files (into this folder, if none is named)
    make_data.py check [FOLDER]    make them anew in memory and look for faults; exit 1 if there are any
    make_data.py stats             the table of the README
    make_data.py show KIND [N]     N random lines of the files whose path contains KIND
    make_data.py score FILE        the mean gold score of {"prompt", "response"} lines, by kind and language
    make_data.py win A B           how often A scores higher than B on the same prompts; a tie counts one half
"""
import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from make import build, checks, gold  # noqa: E402
from make.rng import Stream  # noqa: E402


def make(folder):
    for path, content in build.make_all().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    print("wrote %d files into %s" % (len(checks.read(folder)), folder))


def check(folder):
    faults = checks.faults(folder)
    for fault in faults[:50]:
        print(fault, file=sys.stderr)
    files = checks.read(folder)
    print("%d files, %d bytes, %d faults" % (len(files), sum(map(len, files.values())), len(faults)))
    return 1 if faults else 0


def stats():
    for line in checks.table(checks.read(HERE)):
        print(line)


def show(kind, count):
    lines = [path + ": " + line for path, content in checks.read(HERE).items() if kind in path
             for line in content.decode("utf-8").splitlines()]
    for line in Stream("show", kind).sample(lines, count):
        print(line)


def read_responses(path):
    """[(prompt, response)] of a JSON lines file; a fault names its line."""
    found = []
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
        try:
            record = json.loads(line)
            found.append((record["prompt"], record["response"]))
            gold.understand(record["prompt"])
        except (ValueError, KeyError, TypeError) as error:
            sys.exit("%s:%d: expected {\"prompt\", \"response\"} with a prompt of this world, got %s: %s"
                     % (path, number, line[:120], error))
    if not found:
        sys.exit("%s: no lines" % path)
    return found


def score(path):
    groups = {}
    for prompt, response in read_responses(path):
        question = gold.understand(prompt)
        value = gold.score(prompt, response)
        for key in ("all", question.kind, question.language):
            groups.setdefault(key, []).append(value)
    for key, values in groups.items():
        print("%-6s %.4f  (%d)" % (key, sum(values) / len(values), len(values)))


def win(path, other):
    ours, theirs = read_responses(path), read_responses(other)
    if [prompt for prompt, _ in ours] != [prompt for prompt, _ in theirs]:
        sys.exit("%s and %s do not answer the same prompts in the same order" % (path, other))
    points = []
    for (prompt, one), (_, two) in zip(ours, theirs):
        a, b = gold.score(prompt, one), gold.score(prompt, two)
        points.append(1.0 if a > b else 0.5 if a == b else 0.0)
    print("%.4f  (%d wins, %d ties, %d losses)" % (
        sum(points) / len(points), points.count(1.0), points.count(0.5), points.count(0.0)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("make", "check"):
        commands.add_parser(name).add_argument("folder", nargs="?", type=pathlib.Path, default=HERE)
    commands.add_parser("stats")
    shown = commands.add_parser("show")
    shown.add_argument("kind")
    shown.add_argument("count", nargs="?", type=int, default=20)
    commands.add_parser("score").add_argument("file")
    won = commands.add_parser("win")
    won.add_argument("a")
    won.add_argument("b")
    given = parser.parse_args()
    if given.command == "make":
        make(given.folder)
    elif given.command == "check":
        sys.exit(check(given.folder))
    elif given.command == "stats":
        stats()
    elif given.command == "show":
        show(given.kind, given.count)
    elif given.command == "score":
        score(given.file)
    else:
        win(given.a, given.b)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Plain text out of manual pages (roff) and books (HTML, text) under a folder: mixed.jsonl, a document a line, and
mixed.txt, the same documents one after the other, in the working directory. See make_mixed_text.sh.

    mixed_text.py FOLDER MEGABYTES
    mixed_text.py --chunks JSONL BYTES MEGABYTES    cuts documents at line ends into chunks of about BYTES, to stdout
"""
import gzip
import hashlib
import html
import json
import pathlib
import random
import re
import sys

ROFF_ESCAPES = [(re.compile(pattern), text) for pattern, text in (
    (r"\\f(\[[^]]*\]|\(..|.)", ""), (r"\\s[-+]?\d+", ""), (r"\\-", "-"), (r"\\\(em|\\\[em\]", "\u2014"),
    (r"\\\(aq|\\\[aq\]", "'"), (r"\\\(lq|\\\(rq|\\\[lq\]|\\\[rq\]", '"'), (r"\\\*\S", ""), (r"\\&|\\/|\\,|\\:|\\\|", ""),
    (r"\\ |\\~", " "), (r"\\e", r"\\"), (r"\\\[[^]]*\]|\\\(..", ""))]
SKIPPED_REQUESTS = ("TH", "so", "de", "ds", "nr", "ie", "el", "if", "in", "ad", "hy", "ft", "ta", "TS", "TE", "nh", "ll")


def roff_text(source):
    lines = []
    for line in source.splitlines():
        if line.startswith((".\\\"", "'\\\"", "'")):
            continue
        if line.startswith("."):
            request, _, rest = line[1:].strip().partition(" ")
            if request in SKIPPED_REQUESTS:
                continue
            if request in ("SH", "SS"):
                line = "\n" + rest.strip('"')
            elif request in ("PP", "P", "LP", "sp", "TP", "IP"):
                line = rest.replace('"', "")
                lines.append("")
            else:
                line = rest.replace('"', "")
        for pattern, text in ROFF_ESCAPES:
            line = pattern.sub(text, line)
        lines.append(line)
    return "\n".join(lines)


def html_text(source):
    source = re.sub(r"(?s)<(script|style|head).*?</\1>", "", source)
    source = re.sub(r"(?s)<[^>]*>", "", source)
    return re.sub(r"\n\s*\n+", "\n\n", html.unescape(source))


def document(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    name = path.name.removesuffix(".gz")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    if "/man/" in str(path):
        return roff_text(text)
    if re.search(r"\.(x?html?)(\.[a-z_-]+)?$", name, re.I):
        return html_text(text)
    if name.endswith((".txt", ".pod")):
        return text
    return ""


def chunks(path, size, megabytes):
    left = float(megabytes) * 1e6
    with open(path, encoding="utf-8") as documents:
        for document in documents:
            chunk, length = [], 0
            for line in json.loads(document)["text"].splitlines(True):
                chunk.append(line)
                length += len(line.encode())
                if length >= int(size):
                    print(json.dumps({"text": "".join(chunk)}, ensure_ascii=False))
                    left -= length
                    chunk, length = [], 0
            if left <= 0:
                return


def main():
    if sys.argv[1] == "--chunks":
        chunks(*sys.argv[2:])
        return
    folder, megabytes = pathlib.Path(sys.argv[1]), float(sys.argv[2])
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    random.Random(20).shuffle(paths)
    left, seen = int(megabytes * 1e6), set()
    with open("mixed.jsonl", "w", encoding="utf-8") as lines, open("mixed.txt", "w", encoding="utf-8") as plain:
        for path in paths:
            text = document(path).strip() + "\n"
            digest = hashlib.sha256(text.encode()).digest()
            if len(text) < 200 or digest in seen:
                continue
            seen.add(digest)
            lines.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
            plain.write(text)
            left -= len(text.encode())
            if left <= 0:
                break
    print(f"{sys.argv[2]} MB asked, {megabytes - left / 1e6:.1f} MB written from {len(seen)} documents")


if __name__ == "__main__":
    main()

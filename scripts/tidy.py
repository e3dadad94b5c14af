"""Runs clang-tidy-14 on the sources of lib/ and apps/ that are compiled without LibTorch.

usage: tidy.py BUILD_FOLDER

BUILD_FOLDER holds compile_commands.json. What passed is remembered in the user's cache folder by a digest of all that
tidy would read: the preprocessed source with its comments, the flags and .clang-tidy.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "llmtrain-tidy"
TIDY = "clang-tidy-14"


def sources(build):
    """(path, compiler arguments) of what tidy looks at."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["file"])
        arguments = shlex.split(entry["command"])
        compiler = next(i for i, word in enumerate(arguments) if word.endswith(("c++", "g++")))
        inside = path.is_relative_to(ROOT / "lib") or path.is_relative_to(ROOT / "apps")
        if inside and not any("libtorch_include" in word for word in arguments):
            yield path, arguments[compiler:]


def digest(path, arguments):
    """Of everything that decides tidy's verdict on one file."""
    output = arguments.index("-o")
    command = arguments[:output] + arguments[output + 2 :]
    command[command.index("-c")] = "-E"
    text = subprocess.run([*command, "-C"], check=True, capture_output=True).stdout
    config = (ROOT / ".clang-tidy").read_bytes()
    return hashlib.sha256(b"\0".join([shlex.join(arguments).encode(), config, text])).hexdigest()


def check(build, path, arguments):
    """What tidy says against a file, "" if nothing."""
    passed = CACHE / digest(path, arguments)
    if passed.exists():
        return ""
    result = subprocess.run([TIDY, "-p", build, "--quiet", "--extra-arg=-Wno-unknown-warning-option", path], capture_output=True, text=True)
    if result.returncode != 0:
        return result.stdout or result.stderr
    CACHE.mkdir(parents=True, exist_ok=True)
    passed.touch()
    return ""


def main():
    build = pathlib.Path(sys.argv[1])
    # A .clang-tidy that it cannot read, tidy names and then does without.
    config = subprocess.run([TIDY, "--dump-config"], cwd=ROOT, capture_output=True, text=True, check=True)
    if config.stderr:
        sys.exit(config.stderr)
    work = list(sources(build))
    if not work:
        sys.exit(f"tidy.py: error: {build}/compile_commands.json: no source to look at")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for said in pool.map(lambda source: check(build, *source), work):
            failed += said != ""
            print(said, end="", flush=True)
    print(f"tidy: {len(work)} files, {failed} with faults")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

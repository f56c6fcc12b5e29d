#!/usr/bin/env python3
"""clang-tidy over every source file, except those that were clean before and have not changed since.

    check_tidy.py [--jobs N] [BUILD] [FILE…]

BUILD is a finished build folder (build/release): its compilation database says how each file is compiled, its ninja log what each file reads. A file is
looked at again when its text, a header it reads, its command, .clang-tidy or clang-tidy itself has changed. What was clean is remembered, one empty file
each, in $XDG_CACHE_HOME/forebay/tidy (~/.cache), and forgotten after 30 days without use. Prints what is found; exit code 1 if there is anything.

clang-tidy is given a plugin (tests/tidy/own_code.cc) that spares it other people's headers, a tenth of the time. That it still sees ours is checked first,
with tests/tidy/known_defects.cc.
"""
import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "forebay" / "tidy"
TIDY = "clang-tidy-19"
PLUGIN = "tests/tidy/tidy_own_code.so"
KNOWN_DEFECTS = ROOT / "tests" / "tidy" / "known_defects.cc"
KEPT_SECONDS = 30 * 24 * 3600


@functools.cache
def digest(path):
    try:
        return hashlib.sha256(pathlib.Path(path).read_bytes()).digest()
    except FileNotFoundError:
        return b"missing"


def read_dependencies(build):
    """Object file → the files it was made of, as ninja has recorded them."""
    found, current = {}, None
    for line in subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout.splitlines():
        if line.startswith("    "):
            found[current].append(os.path.normpath(os.path.join(build, line.strip())))
        elif ": #deps" in line:
            current = line.split(": #deps")[0]
            found[current] = []
    return found


def read_by_source(dependencies):
    """Source file → what it reads, or, when it is compiled in a bundle with others, what they all read: a few looks more than would be needed."""
    found = {}
    for paths in dependencies.values():
        sources = {path for path in paths if path.endswith(".cc")}
        headers = set(paths) - sources
        for source in sources:
            found.setdefault(source, set()).update(headers)
    return found


def key_of(entry, reads, version):
    """None when nothing is known of what the file reads: then it is always looked at."""
    if entry["file"] not in reads:
        return None
    key = hashlib.sha256(version)
    # Two checkouts of the same text share what they know.
    key.update(entry["command"].replace(str(ROOT), "").encode())
    key.update(digest(entry["file"]))
    # The precompiled header itself differs from build to build; what it was made of is in the list.
    for path in sorted(reads[entry["file"]]):
        if path.endswith((".pch", ".hxx.cxx", "cmake_pch.hxx")):
            continue
        key.update(path.replace(str(ROOT), "").encode())
        key.update(digest(path))
    return key.hexdigest()


def look(build, path):
    run = subprocess.run([TIDY, "--quiet", f"--load={build}/{PLUGIN}", "-p", build, path], capture_output=True, text=True)
    noise = ("warnings generated", "warning generated", "Suppressed", "Use -header-filter")
    errors = [line for line in run.stderr.splitlines() if not any(part in line for part in noise)]
    return run.returncode == 0, "\n".join([run.stdout.rstrip(), *errors]).strip()


def check_known_defects(build):
    """Every line that says "expect: CHECK" is found, and nothing else."""
    expected = set()
    for path in (KNOWN_DEFECTS, KNOWN_DEFECTS.with_suffix(".h")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if " // expect: " in line:
                expected.add((path.name, number, line.split(" // expect: ")[1]))
    _, text = look(build, KNOWN_DEFECTS)
    found = {(pathlib.Path(path).name, int(line), check) for path, line, check in re.findall(r"^(\S+?):(\d+):\d+: error: .*\[([\w-]+)", text, re.M)}
    if found != expected:
        sys.exit(f"tidy: of its known defects it misses {sorted(expected - found)}, and finds besides {sorted(found - expected)}\n{text}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("build", nargs="?", default=str(ROOT / "build/release"))
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    listed = arguments.files or subprocess.run(["git", "ls-files", "src/*.cc", "apps/*.cc"], cwd=ROOT, check=True, capture_output=True,
                                               text=True).stdout.split()
    wanted = {str(ROOT / path) for path in listed if not path.endswith("_test.cc")}
    version = subprocess.run([TIDY, "--version"], check=True, capture_output=True).stdout + digest(ROOT / ".clang-tidy")
    version += digest(ROOT / "tests" / "tidy" / "own_code.cc")
    check_known_defects(build)
    entries = [e for e in json.loads(pathlib.Path(build, "compile_commands.json").read_text()) if e["file"] in wanted]
    # A file that no build reads would never be looked at.
    missing = wanted - {entry["file"] for entry in entries}
    if missing:
        sys.exit("not in the compilation database: " + ", ".join(sorted(missing)))
    reads = read_by_source(read_dependencies(build))
    CACHE.mkdir(parents=True, exist_ok=True)
    for old in CACHE.iterdir():
        if old.stat().st_mtime < time.time() - KEPT_SECONDS:
            old.unlink(missing_ok=True)
    keys, changed = {}, []
    for path, entry in {entry["file"]: entry for entry in entries}.items():
        keys[path] = key_of(entry, reads, version)
        if keys[path] and (CACHE / keys[path]).exists():
            (CACHE / keys[path]).touch()
        else:
            changed.append(path)
    print(f"tidy: {len(keys) - len(changed)} files as they were when they were clean, {len(changed)} to look at", flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for path, (clean, text) in zip(changed, pool.map(lambda each: look(build, each), changed)):
            if clean and keys[path]:
                (CACHE / keys[path]).touch()
            if not clean:
                failed += 1
                print(text, flush=True)
    if failed:
        sys.exit(f"tidy: {failed} files with findings")
    print("tidy: ok")


main()

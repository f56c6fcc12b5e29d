#!/usr/bin/env python3
"""LAYERS: lower modules never include higher ones, roles never include each other, and each third-party library has one home.

    check_layers.py [ROOT]

Also: every source and test file under src/ and tests/ is listed in a CMakeLists.txt, no source file is longer than 600 lines.
Prints each violation as file:line: reason; exit code 1 if there is any.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)

# What each module may include (itself and "proto" always). Kept explicit: a new edge is a decision, made here.
MAY_INCLUDE = {
    "base": set(),
    "async": {"base"},
    "os": {"base", "async"},
    "obs": {"base", "async", "os", "rpc", "model"},
    "config": {"base", "obs", "os"},
    "model": {"base"},
    "rpc": {"base", "async", "os"},
    "kv": {"base", "os", "async"},
    "journal": {"base", "async", "os", "kv"},
    "ufs": {"base", "async", "os", "obs", "config", "model"},
    "master": {"base", "async", "os", "obs", "config", "model", "rpc", "kv", "journal"},
    "worker": {"base", "async", "os", "obs", "config", "model", "rpc", "ufs", "kv"},
    "coordinator": {"base", "async", "os", "obs", "config", "model", "rpc", "kv"},
    "client": {"base", "async", "os", "obs", "config", "model", "rpc"},
    "fuse": {"base", "async", "os", "obs", "config", "client", "model"},
    "cli": None,  # builds every role: includes anything
}
# Third-party names and the module in which alone they may appear (include lines).
HOMES = {
    r"boost/asio": {"async", "obs"},  # obs: the web server, which is no part of a role and never simulated
    r"boost/beast": {"obs"},
    r"rocksdb/": {"kv"},
    r"fuse3?[/_]|fuse_lowlevel": {"fuse"},
    r"curl/": {"ufs"},
    r"openssl/": {"ufs", "cli"},
    r"pugixml": {"ufs"},
    r"isa-l": {"base"},
    r"toml\+\+": {"config"},
    r"CLI/": {"cli"},
    r"spdlog/": {"obs"},
    r"prometheus/": {"obs"},
    r"xxhash": {"base", "os"},
}
MOST_LINES = 600
INCLUDE = re.compile(r'^\s*#include\s+(?:"([^"]+)"|<([^>]+)>)')


def check_file(path, problems):
    module = path.relative_to(ROOT / "src").parts[0]
    allowed = MAY_INCLUDE.get(module)
    if module not in MAY_INCLUDE:
        problems.append(f"{path}: module '{module}' is not in MAY_INCLUDE of tests/check_layers.py")
        return
    is_test = path.stem.endswith("_test")
    lines = path.read_text().splitlines()
    if len(lines) > MOST_LINES:
        problems.append(f"{path.relative_to(ROOT)}:{MOST_LINES}: {len(lines)} lines; the limit is {MOST_LINES}")
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        where = f"{path.relative_to(ROOT)}:{number}"
        own, system = match.groups()
        if own:
            first = own.split("/")[0]
            if first in MAY_INCLUDE and first != module and allowed is not None and first not in allowed and not is_test:
                problems.append(f"{where}: {module} may not include {first} ({own})")
            if first in MAY_INCLUDE:
                continue  # ours, whatever third-party name it resembles
        name = own or system
        for pattern, homes in HOMES.items():
            if re.match(pattern, name) and module not in homes and not (own and own.startswith(module)):
                problems.append(f"{where}: {name} belongs to {', '.join(sorted(homes))} alone")


def check_listed(problems):
    for folder in sorted((ROOT / "src").iterdir()):
        sources = sorted(p for p in folder.rglob("*.cc"))
        if not sources:
            continue
        listing = folder / "CMakeLists.txt"
        text = listing.read_text() if listing.exists() else ""
        for source in sources:
            name = str(source.relative_to(folder))
            if not re.search(rf"(^|[\s/]){re.escape(name)}(\s|\)|$)", text, re.M):
                problems.append(f"{source.relative_to(ROOT)}: not listed in {listing.relative_to(ROOT)}, so never built")


def check_tests_run(problems):
    """Every C++ file and every pytest file below tests/ is named in a CMakeLists.txt of its folder or one above."""
    for source in sorted((ROOT / "tests").rglob("*")):
        if source.suffix != ".cc" and not re.fullmatch(r"test_\w+\.py", source.name):
            continue
        listings = [above / "CMakeLists.txt" for above in source.parents if above.is_relative_to(ROOT / "tests")]
        text = "".join(listing.read_text() for listing in listings if listing.exists())
        name = source.name if source.suffix == ".py" else source.stem  # a fuzzer is listed by its name alone
        if not re.search(rf"(^|[\s/(]){re.escape(name)}(\.cc)?(\s|\)|$)", text, re.M):
            problems.append(f"{source.relative_to(ROOT)}: not named in any CMakeLists.txt, so never built or run")


def main():
    problems = []
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix in (".h", ".cc"):
            check_file(path, problems)
    check_listed(problems)
    check_tests_run(problems)
    print("\n".join(problems) if problems else "layers: ok")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Every test, scenario and storm that docs/faults.md names exists.

    check_faults.py [ROOT]

Prints each name that nothing answers to; exit code 1 if there is any.
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
text = (root / "docs/faults.md").read_text()
tests = set()
for folder in ("src", "tests"):
    for file in (root / folder).rglob("*.cc"):
        tests |= {f"{suite}.{name}" for suite, name in re.findall(r"TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", file.read_text())}
storms = set(re.findall(r'\.name = "(\w+)"', (root / "tests/cluster/persist_storm.cc").read_text()))
scenarios = {file.stem for file in (root / "tests/scenarios").glob("*.toml")}

missing = [name for name in re.findall(r"`([A-Z]\w+\.\w+)`", text) if name not in tests]
missing += [name for name in re.findall(r"SIM `(\w+)`", text) if name not in scenarios]
missing += [name for name in re.findall(r"STORM `(\w+)`", text) if name not in storms]
for name in missing:
    print(f"docs/faults.md: no test, scenario or storm is called {name}")
sys.exit(1 if missing else 0)

"""Prints the share of statements that tests ran, by package: `python .ci/coverage_by_package.py coverage.json`."""

import json
import sys
from collections import Counter
from pathlib import Path

statements, covered = Counter(), Counter()
for name, file in json.loads(Path(sys.argv[1]).read_text())["files"].items():
    package = Path(name).parent.as_posix()
    statements[package] += file["summary"]["num_statements"]
    covered[package] += file["summary"]["covered_lines"]
for package in sorted(statements):
    if statements[package]:
        print(f"{package:<40}{covered[package] / statements[package]:8.1%} of {statements[package]:,} statements")

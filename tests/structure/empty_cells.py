#!/usr/bin/env python3
"""Counts the empty cells in the pictures of the panes, for each size: tests/structure/empty_cells.py [git revision].

Reads tests/it/snapshots/it__pictures__full_*.snap as they are, or as they were at a revision. A cell of a frame counts as
empty, as does a blank; a cell is a column of a row.
"""

import pathlib
import re
import subprocess
import sys
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = "tests/it/snapshots"
FRAME = set(" │─╭╮╰╯┈├┤┃")


def text_of(name, revision):
    if revision is None:
        return (ROOT / FOLDER / name).read_text(encoding="utf-8")
    found = subprocess.run(["git", "show", f"{revision}:{FOLDER}/{name}"], cwd=ROOT, capture_output=True, check=False)
    return found.stdout.decode("utf-8")


def columns(letter):
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def main():
    revision = sys.argv[1] if len(sys.argv) > 1 else None
    for path in sorted((ROOT / FOLDER).glob("it__pictures__full_*.snap")):
        shares = []
        for size, body in re.findall(r"^== (\d+x\d+)\n(.*?)(?=^== |\Z)", text_of(path.name, revision), re.M | re.S):
            width, height = map(int, size.split("x"))
            used = sum(columns(letter) for letter in body if letter != "\n" and letter not in FRAME)
            shares.append(f"{size} {100 * (1 - used / (width * height)):.0f} %")
        print(f"{path.stem.removeprefix('it__pictures__full_'):10} {'  '.join(shares)}")


main()

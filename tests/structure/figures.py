#!/usr/bin/env python3
"""Figures of the source's structure, for a working tree or any commit: `figures.py [COMMIT]`.

Counts files and lines, the length of functions, type names that are declared in more than one file, parameters that are
tuples, and public functions that nothing calls. Tests do not count as source, and a call from a test alone is no call.
"""

import re
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOKENS = re.compile(
    r"//[^\n]*|/\*.*?\*/|r(#*)\".*?\"\1|b?\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])'", re.DOTALL
)


def sources(commit):
    """Returns the text of every Rust file under src, by path."""
    if commit is None:
        return {str(path.relative_to(ROOT)): path.read_text() for path in sorted((ROOT / "src").rglob("*.rs"))}
    git = ["git", "-C", str(ROOT)]
    names = subprocess.run([*git, "ls-tree", "-r", "--name-only", commit, "src"], check=True, capture_output=True)
    paths = [name for name in names.stdout.decode().splitlines() if name.endswith(".rs")]
    show = lambda path: subprocess.run([*git, "show", f"{commit}:{path}"], check=True, capture_output=True).stdout
    return {path: show(path).decode() for path in paths}


def without_texts(source):
    """Returns the source with comments and literals blanked, line for line."""
    blank = lambda found: "".join("\n" if letter == "\n" else " " for letter in found.group(0))
    return TOKENS.sub(blank, source)


def without_tests(path, code):
    """Returns the code without its test modules; nothing of a file that only tests use."""
    if re.search(r"(^|/)(\w*tests|fixture|snapshot)(/|\.rs$)", path):
        return ""
    found = re.search(r"#\[cfg\(test\)\]\s*(pub(\(\w+\))? )?mod \w+ \{", code)
    return code[: found.start()] if found else code


def body_end(code, start):
    """Returns the end of the block that opens at or after a place, or None for a declaration without one."""
    depth = 0
    for at in range(start, len(code)):
        letter = code[at]
        if letter in "([":
            depth += 1
        elif letter in ")]":
            depth -= 1
        elif letter == ";" and depth == 0:
            return None
        elif letter == "{" and depth == 0:
            level = 0
            for end in range(at, len(code)):
                level += {"{": 1, "}": -1}.get(code[end], 0)
                if level == 0:
                    return end
    return None


def parameters(code, start):
    """Returns the text between the brackets of a function's parameters."""
    opened = code.index("(", start)
    depth = 0
    for at in range(opened, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return code[opened + 1 : at]
    return ""


def main():
    commit = sys.argv[1] if len(sys.argv) > 1 else None
    files = sources(commit)
    lengths, declared, tuples, public = [], defaultdict(set), [], []
    words = defaultdict(int)
    code_lines = 0
    for path, source in files.items():
        code = without_tests(path, without_texts(source))
        code_lines += sum(1 for line in code.splitlines() if line.strip())
        for word in re.findall(r"\w+", code):
            words[word] += 1
        for found in re.finditer(r"^\s*(?:pub(?:\([^)]*\))? )?(?:struct|enum|trait|union|type) (\w+)", code, re.MULTILINE):
            is_associated = found.group(0).startswith(" ") and " type " in found.group(0)
            if not is_associated:
                declared[found.group(1)].add(path)
        for found in re.finditer(r"^\s*((?:pub(?:\([^)]*\))? )?)(?:const |async |unsafe )*fn (\w+)", code, re.MULTILINE):
            end = body_end(code, found.end())
            if end is not None:
                lengths.append(code.count("\n", found.start(2), end) + 1)
            depth, text = 0, parameters(code, found.end())
            if re.search(r"(^|,|\n)\s*\([^():]*\)\s*:\s*\(|:\s*&?\s*\(\s*[&\w]", text):
                tuples.append(f"{path}: {found.group(2)}")
            if found.group(1).strip() == "pub":
                public.append((path, found.group(2)))
    shared = {name: places for name, places in declared.items() if len(places) > 1}
    uncalled = [f"{path}: {name}" for path, name in public if words[name] == 1]
    lengths.sort()
    p99 = lengths[int(len(lengths) * 0.99)]
    print(f"files {len(files)}, lines {sum(text.count(chr(10)) for text in files.values())}, code lines {code_lines}")
    print(f"functions {len(lengths)}: median {statistics.median(lengths):.0f} lines, p99 {p99}, longest {lengths[-1]}")
    share = 100 * len(shared) / len(declared)
    print(f"type names {len(declared)}, in more than one file {len(shared)} ({share:.1f}%)")
    print(f"tuple parameters {len(tuples)}")
    print(f"public functions {len(public)}, without a caller {len(uncalled)}")
    if "--list" in sys.argv or commit is None:
        for name, places in sorted(shared.items(), key=lambda entry: (-len(entry[1]), entry[0])):
            print(f"  {name}: {', '.join(sorted(places))}")
        for line in tuples:
            print(f"  tuple parameter: {line}")
        for line in uncalled:
            print(f"  no caller: {line}")


main()

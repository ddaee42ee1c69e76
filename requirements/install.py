"""Installs with pip and shows its progress: `python requirements/install.py NAME …` with pip's arguments.

pip by itself says nothing with --quiet, and hundreds of lines without it.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

PIP = [
    sys.executable,
    "-m",
    "pip",
    "--disable-pip-version-check",
    "--no-input",
    "install",
    "--progress-bar=off",
]
# With a terminal one line is overwritten; else a line tells of every fifth package.
EACH = 1 if sys.stdout.isatty() else 5


def main(name: str, *arguments: str) -> int:
    started, said, count = time.monotonic(), [], 0
    total = sum(count_packages(Path(each)) for each in arguments if each.endswith(".txt"))
    show(f"{name}: pip starts …")
    with subprocess.Popen(
        [*PIP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        for line in pip.stdout or ():
            said.append(line)
            if found := re.match(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)", line):
                count += 1
                if count % EACH == 0:
                    show(f"{name}: {count} of about {total} packages, {found[1]} …")
            elif line.startswith("Installing collected packages"):
                show(f"{name}: writing the packages …")
    if pip.returncode != 0:
        sys.stderr.write("\n" + "".join(said))
        return pip.returncode
    show(f"{name}: done in {time.monotonic() - started:.0f} s")
    sys.stdout.write("\n" if EACH == 1 else "")
    return 0


def count_packages(file: Path) -> int:
    return len(re.findall(r"^[\w.-]+==", file.read_text(), re.MULTILINE))


def show(text: str) -> None:
    sys.stdout.write(f"\r\033[K  {text}" if EACH == 1 else f"  {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

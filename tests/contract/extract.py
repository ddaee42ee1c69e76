"""Writes the facts of published OpenAPI descriptions: `python -m tests.contract.extract RELEASE FILE…`.

Each FILE is a description as the repository below publishes it, of the release that is named. Its facts
go to tests/contract/published; the tests read them there. docs/compatibility.md says how to take a newer one.
"""

import hashlib
import json
import sys
from pathlib import Path

from tests.contract.facts import PUBLISHED, facts_of, write

REPOSITORY = "https://github.com/twilio/twilio-oai"
LICENSE = "Apache-2.0"


def extract(release, text):
    """Return the name and the content of the data file for a description, given as bytes."""
    description = json.loads(text)
    product = description["info"]["title"].rpartition(" ")[2].lower()
    name = f"{product}_v1.json"
    source = {
        "product": description["info"]["title"],
        "repository": REPOSITORY,
        "release": release,
        "file": f"spec/json/twilio_{name}",
        "sha256": hashlib.sha256(text).hexdigest(),
        "version": description["info"]["version"],
        "license": LICENSE,
    }
    return name, write({"source": source, **facts_of(description)}) + "\n"


def main(release, *files):
    for file in files:
        name, text = extract(release, Path(file).read_bytes())
        (PUBLISHED / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

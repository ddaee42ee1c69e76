"""What an index of packages shows: a README that renders there, links that lead somewhere, what it needs."""

import json
import os
import re
import subprocess
import sys

import pytest

from parlour import __version__
from tests.documents import ROOT, read
from tests.servers import TIMEOUT_SECONDS

REPOSITORY = "https://git.example.org/parlour"
FILES = f"{REPOSITORY}/blob/v{__version__}/"


def metadata(**environment):
    printed = subprocess.run(
        [sys.executable, "-m", "hatchling", "metadata"],
        cwd=ROOT,
        env={**os.environ, "REPOSITORY": "", **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=True,
    )
    return json.loads(printed.stdout)


@pytest.fixture(scope="module")
def released():
    return metadata(REPOSITORY=REPOSITORY)


def links_in(readme):
    return re.findall(r"\]\(([^)\s]+)\)", readme["text"])


def test_every_link_of_the_readme_leads_from_anywhere_to_a_file_of_the_version(released):
    links = links_in(released["readme"])
    files = [link.removeprefix(FILES) for link in links if link.startswith(FILES)]

    assert links != []
    assert [link for link in links if not link.startswith("https://")] == []
    assert {"docs/running.md", "LICENSE"} <= set(files)
    assert [each for each in files if not (ROOT / each.partition("#")[0]).exists()] == []


def test_the_readme_is_markdown_and_apart_from_its_links_that_of_the_repository(released):
    assert released["readme"]["content-type"] == "text/markdown"
    assert released["readme"]["text"].replace(FILES, "") == read("README.md")


def test_the_projects_urls_are_those_of_the_repository(released):
    assert released["urls"] == {
        "Source": REPOSITORY,
        "Documentation": f"{FILES}docs/running.md",
        "Changelog": f"{FILES}CHANGELOG.md",
        "Issues": f"{REPOSITORY}/issues",
    }


def test_without_a_repository_the_readme_has_no_links_that_lead_nowhere():
    found = metadata()

    assert [link for link in links_in(found["readme"]) if "://" not in link] == []
    assert "docs/running.md explains every setting" in found["readme"]["text"]
    assert found.get("urls", {}) == {}

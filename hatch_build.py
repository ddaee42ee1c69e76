"""Completes the package's metadata when it is built: the project's URLs, and a README for other places.

The variable REPOSITORY names the page that hosts the repository. Without it the README has no links into the
repository, because relative ones would lead nowhere.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

RELATIVE_LINK = re.compile(r"\[([^\]]+)\]\((?!\w+:|#)([^)]+)\)")


class PackageMetadata(MetadataHookInterface):
    """Sets the fields that `pyproject.toml` lists as dynamic, unless an sdist's PKG-INFO has them already."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the fields to the metadata of the project."""
        repository = os.environ.get("REPOSITORY", "").rstrip("/")
        files = f"{repository}/blob/v{metadata['version']}" if repository else None
        dynamic = metadata.get("dynamic", [])
        if "readme" in dynamic:
            text = Path(self.root, "README.md").read_text(encoding="utf-8")
            metadata["readme"] = {"content-type": "text/markdown", "text": with_links_to(files, text)}
        if "urls" in dynamic:
            metadata["urls"] = {} if files is None else urls(repository, files)


def with_links_to(files: str | None, text: str) -> str:
    """Return the text with relative links below the URL `files`, or without them if it is None."""
    return RELATIVE_LINK.sub(r"\1" if files is None else rf"[\1]({files}/\2)", text)


def urls(repository: str, files: str) -> dict[str, str]:
    return {
        "Source": repository,
        "Documentation": f"{files}/docs/running.md",
        "Changelog": f"{files}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }

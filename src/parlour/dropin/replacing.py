"""Replaces files that other processes may be reading."""

import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Write a file: other processes see its old or its new content."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)

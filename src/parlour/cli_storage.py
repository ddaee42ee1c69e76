"""Commands that move what is stored: `parlour backup`, `export` and `import`."""

import asyncio
import os
import sys
from collections import deque
from pathlib import Path
from typing import IO, Any

import click

from parlour import ground
from parlour.config import Config
from parlour.options import settings
from parlour.resources.remover import remove_all
from parlour.store import Database
from parlour.store.migrate import migrate
from parlour.store.row_texts import RowTexts
from parlour.store.transfer import export_lines, import_lines

PRIVATE = 0o600


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@settings("database")
def back_up(config: Config, file: Path) -> None:
    """Copy the database into FILE, while the server runs; media and the secret key are apart."""
    draft = file.with_name(f"{file.name}.part")
    draft.unlink(missing_ok=True)
    try:
        draft.touch(PRIVATE)
        ground.open_engine(config).back_up(draft)
        sync(draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    click.echo(f"wrote {file}, {file.stat().st_size:,} bytes")


def sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@click.command("export")
@click.argument("file", type=click.File("wb", lazy=False), default="-")
@settings("database")
def export(config: Config, file: IO[bytes]) -> None:
    """Write all that is stored as JSON Lines to FILE, as it was at one moment."""
    if not file.isatty() and Path(file.name).is_file():
        # Auth tokens are in it, sealed, and people's messages.
        Path(file.name).chmod(PRIVATE)
    with progress("Exporting") as bar:
        for line, count in export_lines(ground.open_engine(config)):
            file.write(line)
            bar.length = count
            bar.update(1)


@click.command("import")
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--mend", is_flag=True, help="Put U+FFFD in place of NUL characters, and count them.")
@settings("database")
def import_(config: Config, file: IO[bytes], *, mend: bool) -> None:
    """Put the lines of FILE in; rows that are there already stay as they are."""
    texts = RowTexts(mend=mend)
    engine = ground.open_engine(config)
    migrate(engine)
    # A row whose SID is one of a row that was deleted and is not removed yet would be lost with it.
    asyncio.run(remove_all(Database(engine)))
    size = os.fstat(file.fileno()).st_size
    with progress("Importing", size) as bar:
        steps = deque(import_lines(engine, counted(file, bar), texts), maxlen=1)
    read, added = steps[-1] if steps else (0, 0)
    click.echo(f"{read:,} rows read, {added:,} of them new", err=True)
    for place, count in sorted(texts.mended.items()):
        click.echo(f"mended {count:,} texts in {place}", err=True)


def counted(file: IO[bytes], bar: Any) -> Any:
    for line in file:
        bar.update(len(line))
        yield line


def progress(label: str, length: int = 0) -> Any:
    # Where nobody looks, it prints nothing.
    return click.progressbar(
        length=max(length, 1), label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    )

"""Commands that copy the stored data: `parlour backup`, `export` and `import`."""

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click

from parlour import bootstrap
from parlour.cli.commands import Command
from parlour.cli.options import settings
from parlour.config import Config
from parlour.resources.remover import remove_all
from parlour.store import Database
from parlour.store.engine import Engine
from parlour.store.export_frame import ExportFrame
from parlour.store.folder_file import sync
from parlour.store.row_texts import RowTexts
from parlour.store.storage_errors import Unavailable
from parlour.store.transfer import BadLine, export_lines, import_lines


@click.command("backup", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@settings("database")
def back_up(config: Config, file: Path) -> None:
    """Copy an SQLite database, also while the server runs.

    Media and the secret key are not part of it.
    """
    engine = bootstrap.open_engine(config)
    bootstrap.ensure_exists(engine)
    with whole_file(file) as draft:
        engine.back_up(draft)
    click.echo(f"wrote {file}, {file.stat().st_size:,} bytes")


@click.command("export", cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@settings("database")
def export(config: Config, file: str) -> None:
    """Write all rows of the database to a file, as JSON Lines.

    Without FILE, or with `-`, they go to standard output. The rows are those of one moment. An existing
    file is replaced only when the export is complete.
    """
    engine, path = bootstrap.find_engine(config), Path(file)
    if file == "-":
        write_export(engine, sys.stdout.buffer)
    elif path.exists() and not path.is_file():
        # A pipe, for instance: it cannot be replaced.
        with path.open("wb") as stream:
            write_export(engine, stream)
    else:
        with whole_file(path) as draft, draft.open("wb") as stream:
            write_export(engine, stream)


def write_export(engine: Engine, stream: IO[bytes]) -> None:
    with progress("Exporting") as bar:
        for line, count in export_lines(engine):
            stream.write(line)
            bar.length = count
            bar.update(1)


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a new file beside `path`, readable by its owner only; it replaces `path` after the block.

    It is on the disk before. A process that is killed meanwhile leaves the new file behind, and the
    older file as it was.
    """
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(descriptor)
    draft = Path(name)
    try:
        yield draft
        sync(draft)
        draft.replace(path)
        sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


@click.command("import", cls=Command)
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--mend", is_flag=True, help="Replace NUL characters by U+FFFD, and print their number.")
@settings("database")
def import_(config: Config, file: IO[bytes], *, mend: bool) -> None:
    """Add the rows of an export to the database.

    Rows that exist already are not changed. Without FILE, or with `-`, standard input is read. If there
    is no database, one is created.
    """
    engine = bootstrap.create_engine(config)
    # A row with the SID of a deleted row that is not removed yet would be removed with it.
    asyncio.run(remove_all(Database(engine)))
    size = os.fstat(file.fileno()).st_size
    read, added, texts, frame = 0, 0, RowTexts(mend=mend), ExportFrame()
    try:
        with progress("Importing", size) as bar:
            for read, added in import_lines(engine, counted(file, bar), texts, frame):  # noqa: B007 - they are printed below
                pass
    except (BadLine, Unavailable) as error:
        raise click.ClickException(
            f"{error}\n{read:,} rows were read before that, {added:,} of them new: they stay."
            " After mending it, the same command goes on."
        ) from None
    click.echo(f"{read:,} rows read, {added:,} of them new", err=True)
    for place, count in sorted(texts.mended.items()):
        click.echo(f"mended {count:,} texts in {place}", err=True)
    if not frame.was_exported:
        click.echo(
            "The file does not say how many rows it has, as exports of this version do: if it was"
            " exported by an older one, look whether it is whole.",
            err=True,
        )


def counted(file: IO[bytes], bar: Any) -> Any:
    for line in file:
        bar.update(len(line))
        yield line


def progress(label: str, length: int = 0) -> Any:
    # It prints nothing unless standard error is a terminal.
    return click.progressbar(
        length=max(length, 1), label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    )

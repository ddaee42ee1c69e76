"""All that can be found wrong with the settings of a server before anything is made.

`ensure_possible` is the one place: it opens no port and no database, and writes nothing. What a single
setting may be stands with the setting, in `config.py`.
"""

from pathlib import Path

from parlour.channels.adapter import BadChannel
from parlour.config import BadSetting, Config
from parlour.dropin.authority import ensure_readable
from parlour.store.blobs import BadPlace, ensure_place
from parlour.store.credentials import Vault
from parlour.worker import run as background


def ensure_possible(config: Config) -> None:
    """Raise BadSetting for the first setting, or the first settings together, that a server cannot have."""
    config.check()
    if config.workers > 1 and (config.control or config.intercept):
        raise BadSetting("with --control or --intercept there is one process: --workers must be 1")
    if not config.is_on_a_server:
        ensure_database_place(Path(config.database))
    ensure_key(config)
    try:
        ensure_place(config.media_place())
        background.ensure_channels(config)
    except (BadPlace, BadChannel) as error:
        raise BadSetting(str(error)) from None
    ensure_authority(config)


def ensure_database_place(path: Path) -> None:
    if not path.parent.is_dir():
        raise BadSetting(f"there is no folder {path.parent} for the database")
    if path.is_dir():
        raise BadSetting(f"the database {path} is a folder")


def ensure_key(config: Config) -> None:
    """Raise VaultError if the file of the secret key holds no key. Makes none."""
    path = config.beside("key")
    if config.secret_key is None and path.exists():
        Vault(path.read_text().strip())


def ensure_authority(config: Config) -> None:
    folder = config.authority_folder()
    if folder.exists() and not folder.is_dir():
        raise BadSetting(f"the authority {folder} is not a folder")
    for name in ("authority.pem", "server.pem") if config.intercept else ():
        try:
            ensure_readable(folder / name)
        except (OSError, TypeError, ValueError):
            raise BadSetting(
                f"{folder / name} cannot be read as a certificate and its key: remove it, and it is made anew"
            ) from None

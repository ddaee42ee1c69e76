"""All settings in one frozen dataclass: each with its default, its meaning and its check."""

import dataclasses
import difflib
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from parlour import setting_checks as checks
from parlour.errors import UserError
from parlour.setting_checks import AUTO_HOSTS, LOCAL_HOSTS, NO_HOSTS, Check, between

ENVIRONMENT_PREFIX = "PARLOUR_"
# Known beside the settings: where `parlour logs` finds a server, as `parlour run` and `parlour env` tell it.
URL_VARIABLE = "PARLOUR_URL"
MAX_PORT = 65_535
MAX_WORKERS = 256
MAX_UNATTACHED_HOURS = 366 * 24
MAX_PURGE_DAYS = 30
MAX_STOP_SECONDS = 3_600
MAX_CONNECTIONS = 1_000_000
# How long a client may keep a connection waiting.
TIMEOUT = between(1, 86_400, "seconds")
# Credentials of callers, and the key that opens the vault: adapters do not get these settings.
NOT_FOR_ADAPTERS = frozenset({"account_sid", "auth_token", "secret_key"})


class BadSetting(UserError):
    """A setting has a value that cannot be used."""


def setting(default: Any, meaning: str, check: Check | None = None) -> Any:
    """Declare a setting that is an option and an environment variable.

    `meaning` is its line in `--help`. Without a `check` every value of the type is accepted here;
    `parlour.startup_checks` checks what depends on other settings or on the machine.
    """
    return dataclasses.field(default=default, metadata={"meaning": meaning, "option": True, "check": check})


def repeatable(meaning: str, check: Check | None = None) -> Any:
    """Declare a setting of several words: an option for each, or a variable with blanks between them."""
    metadata = {"meaning": meaning, "option": True, "check": check, "repeatable": True}
    return dataclasses.field(default="", metadata=metadata)


def secret(meaning: str, check: Check | None = None) -> Any:
    """Declare a setting that is an environment variable only: everyone on the machine can read options."""
    return dataclasses.field(default=None, metadata={"meaning": meaning, "option": False, "check": check})


@dataclass(frozen=True)
class Config:
    host: str = setting("127.0.0.1", "Address to listen on.", checks.not_empty)
    port: int = setting(8080, "Port to listen on; 0 takes a free one.", between(0, MAX_PORT))
    workers: int = setting(
        1,
        "Processes that answer requests. With more than one use PostgreSQL: SQLite gets slower.",
        between(1, MAX_WORKERS, "processes"),
    )
    database: str = setting(
        "parlour.db",
        "SQLite file, sqlite:///file, or postgresql://user@host/name.",
        checks.database,
    )
    public_url: str | None = setting(
        None, "URL that clients reach this server by; links in responses begin with it.", checks.public_url
    )
    allowed_hosts: str = setting(
        "auto",
        "Hosts of requests that links may repeat, for example: local *.example.com. local: this machine and"
        " names without a dot. auto: local, or none with a public URL.",
        checks.allowed_hosts,
    )
    tls_certificate: str | None = setting(
        None, "File of a certificate chain in PEM; with it the port speaks HTTPS. Read again at SIGHUP."
    )
    tls_key: str | None = setting(
        None, "File of the certificate's private key in PEM. Default: it is in the certificate's file."
    )
    profile: Literal["documented", "observed"] = setting(
        "documented", "Behave as Twilio documents it, or as recordings of the live service show it."
    )
    media: str | None = setting(
        None, "Directory for media, or s3://bucket/prefix. Default: <database>.media."
    )
    unattached_hours: int = setting(
        24,
        "Hours after which an uploaded file that no message has used is removed.",
        between(0, MAX_UNATTACHED_HOURS, "hours"),
    )
    purge_days: int = setting(
        0,
        "Days for which files of deleted media stay on the disk, at most 30.",
        between(0, MAX_PURGE_DAYS, "days"),
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "Lowest level to log. Each request is logged at info."
    )
    log_format: Literal["console", "json"] = setting(
        "console", "Format of log lines: console for people, json for programs."
    )
    webhook_delays: str = setting(
        "1 5 30 120 600",
        "Seconds before each retry of a failed webhook; one number for each retry.",
        checks.delays,
    )
    webhook_private: Literal["auto", "allow", "forbid"] = setting(
        "auto",
        "Whether webhooks may go to private addresses. auto: only if the server listens on loopback and"
        " has no public URL.",
    )
    webhook_keep_days: int = setting(
        7,
        "Days for which finished webhook deliveries stay in the list of deliveries.",
        between(0, MAX_PURGE_DAYS, "days"),
    )
    studio_url: str | None = setting(
        None, "URL for webhooks to Studio flows; {FlowSid} is replaced by the flow's SID.", checks.studio_url
    )
    channels: str = setting(
        "", "Adapter of each channel, for example: sms=http email=smtp. Other channels are simulated."
    )
    simulated_delays: str = setting(
        "0 1 3",
        "Seconds after which a simulated message is sent, delivered and read; fewer numbers stop earlier.",
    )
    gateway_url: str | None = setting(
        None, "URL that channels with the adapter http post their messages to.", checks.http_url
    )
    intercept: bool = setting(False, "Also answer as conversations.twilio.com, over TLS and as a proxy.")
    intercept_port: int = setting(8443, "Port of --intercept; 0 takes a free one.", between(0, MAX_PORT))
    intercept_others: Literal["refuse", "pass"] = setting(
        "refuse", "Whether the proxy of --intercept refuses requests for other hosts or passes them on."
    )
    intercept_route: str = repeatable(
        "HOST=URL: send the proxy's requests for another host to a server of yours. HOST=refuse answers them"
        " with an error over TLS. HOST may be *.name. Can be repeated.",
        checks.routes,
    )
    authority: Path | None = setting(
        None, "Folder of --intercept's certificate authority. Default: <database>.authority."
    )
    control: bool = setting(
        False, "Serve the control API under /parlour/v1, for tests: reset, clock, faults."
    )
    request_bodies: bool = setting(
        False, "With --control: keep the bodies of requests in the list of requests."
    )
    stop_with_input: bool = setting(
        False, "Stop when standard input ends, so that the server ends with the program that started it."
    )
    max_connections: int = setting(
        1_000,
        "Most connections of a process at a time. Beyond it, idle ones are closed or new ones get 503.",
        between(1, MAX_CONNECTIONS),
    )
    head_seconds: int = setting(20, "Seconds that the head of a request may take to arrive.", TIMEOUT)
    body_seconds: int = setting(30, "Seconds in which a request's body must bring at least 1 KiB.", TIMEOUT)
    send_seconds: int = setting(
        60, "Seconds that a client may take without reading anything of a response.", TIMEOUT
    )
    idle_seconds: int = setting(75, "Seconds that an idle connection is kept open after a response.", TIMEOUT)
    stop_seconds: int = setting(
        30,
        "Seconds that a stopping server waits for requests in progress.",
        between(0, MAX_STOP_SECONDS, "seconds"),
    )
    account_sid: str | None = secret("SID of an account to create unless it exists.", checks.account_sid)
    auth_token: str | None = secret("Auth token of the account that is created.", checks.auth_token)
    smtp_url: str | None = secret(
        "Mail server of the adapter smtp: smtp://user:password@host:587 or smtps://…"
    )
    secret_key: str | None = secret(
        "Key that encrypts stored auth tokens: 32 bytes in URL-safe base64. Without it, the key is in"
        " <database>.key.",
        checks.secret_key,
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "database", checks.without_sqlite_scheme(self.database))

    def check(self, names: Iterable[str] | None = None) -> None:
        """Check the value of each setting by itself, or only of those named. Raises BadSetting."""
        for field in dataclasses.fields(self):
            value, check = getattr(self, field.name), field.metadata["check"]
            if value is None or check is None or (names is not None and field.name not in names):
                continue
            try:
                check(value)
            except ValueError as error:
                is_option = field.metadata["option"]
                name = option_name(field.name) if is_option else environment_name(field.name)
                raise BadSetting(f"{name} {error}") from None

    def in_effect(self, url: str) -> Self:
        """Return the settings with `url` as the public URL, `allowed_hosts` and `webhook_private` decided.

        These are what the parts of a server and its other processes work with. All are set together: once a
        public URL is filled in, the others could not tell that none was given.
        """
        hosts = self.allowed_hosts
        if hosts.lower().split() == [AUTO_HOSTS]:
            hosts = LOCAL_HOSTS if self.public_url is None else NO_HOSTS
        private: Literal["allow", "forbid"] = "allow" if self.allows_private_targets() else "forbid"
        return dataclasses.replace(self, public_url=url, allowed_hosts=hosts, webhook_private=private)

    def allows_private_targets(self) -> bool:
        """Return whether requests that callers cause may go to private addresses.

        `auto` allows them only on a server that nobody else reaches: it listens on loopback and has no
        public URL, which would mean that a proxy stands in front of it.
        """
        if self.webhook_private != "auto":
            return self.webhook_private == "allow"
        if self.public_url is not None:
            return False
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def retry_delays(self) -> tuple[float, ...]:
        """Return the seconds before each repetition of a webhook. Raises ValueError."""
        return checks.read_delays(self.webhook_delays)

    def for_adapters(self) -> dict[str, Any]:
        """Return the settings that channel adapters get, by name."""
        names = [field.name for field in dataclasses.fields(self) if field.name not in NOT_FOR_ADAPTERS]
        return {name: getattr(self, name) for name in names}

    @property
    def uses_postgresql(self) -> bool:
        return self.database.startswith(checks.POSTGRESQL)

    def beside(self, ending: str) -> Path:
        """Return the path `<database>.<ending>`; with PostgreSQL it is in the working folder."""
        return Path(f"{'parlour.db' if self.uses_postgresql else self.database}.{ending}")

    def media_place(self) -> str:
        """Return the directory or the URL of the bucket that media are kept in."""
        return self.media or str(self.beside("media"))

    def authority_folder(self) -> Path:
        """Return the folder of the local certificate authority."""
        return self.beside("authority") if self.authority is None else self.authority


def environment_name(name: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def option_name(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def unknown_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Yield the variables that begin like a setting and are none, each with the nearest known name."""
    known = [URL_VARIABLE, *(environment_name(field.name) for field in dataclasses.fields(Config))]
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known:
            yield name, next(iter(difflib.get_close_matches(name, known, n=1)), None)


def read_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that only the environment can give, as far as it does; empty ones count as none."""
    names = [f.name for f in dataclasses.fields(Config) if not f.metadata["option"]]
    return {name: value for name in names if (value := environment.get(environment_name(name)))}

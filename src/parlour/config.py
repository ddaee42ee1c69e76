"""Every setting: its default and what it means, in one frozen dataclass."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ENVIRONMENT_PREFIX = "PARLOUR_"
MAX_DELAY_SECONDS = 24 * 60 * 60


def setting(default: Any, meaning: str) -> Any:
    """A setting that is an option and an environment variable."""
    return dataclasses.field(default=default, metadata={"meaning": meaning, "option": True})


def secret(meaning: str) -> Any:
    """A setting that only the environment gives: options can be read by everyone on the machine."""
    return dataclasses.field(default=None, metadata={"meaning": meaning, "option": False})


@dataclass(frozen=True)
class Config:
    host: str = setting("127.0.0.1", "Address to listen on.")
    port: int = setting(8080, "Port to listen on; 0 takes a free one.")
    workers: int = setting(1, "Processes that answer requests; with more than one, use PostgreSQL.")
    database: str = setting(
        "parlour.db", "SQLite database file, made if it is missing; or postgresql://user@host/name."
    )
    public_url: str | None = setting(None, "The URL that clients reach this server by, for links in answers.")
    profile: Literal["documented", "observed"] = setting(
        "documented", "Follow the reference page, or what was recorded of the live service."
    )
    media: str | None = setting(
        None, "Where media are kept: a directory or s3://bucket/prefix; else <database>.media."
    )
    unattached_hours: int = setting(
        24, "How long an upload may wait for the message it is sent with, in hours."
    )
    purge_days: int = setting(0, "How long the bytes of deleted media stay on the disk, in days; at most 30.")
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "Least level that is logged; each request is logged at info."
    )
    log_format: Literal["console", "json"] = setting("console", "How log lines look.")
    webhook_delays: str = setting(
        "1 5 30 120 600",
        "Seconds before each repetition of a webhook that failed; their number is its limit.",
    )
    webhook_private: Literal["auto", "allow", "forbid"] = setting(
        "auto", "May webhooks go to private addresses? auto: if it listens on loopback, without a public URL."
    )
    webhook_keep_days: int = setting(7, "Days for which webhooks that are done with can be looked at.")
    studio_url: str | None = setting(
        None, "Where webhooks to studio flows go; {FlowSid} in it stands for the flow."
    )
    channels: str = setting(
        "", "Which adapter carries a channel: sms=http email=smtp; what is not named is simulated."
    )
    simulated_delays: str = setting(
        "0 1 3", "Seconds after which a simulated message is sent, delivered and read; fewer end earlier."
    )
    gateway_url: str | None = setting(None, "Where channels that are carried by http post their messages.")
    intercept: bool = setting(False, "Also answer as conversations.twilio.com: over TLS and as a proxy.")
    intercept_port: int = setting(8443, "Port that is intercepted on; 0 takes a free one.")
    intercept_others: Literal["refuse", "pass"] = setting(
        "refuse", "What the proxy does with requests for other hosts."
    )
    authority: Path | None = setting(
        None, "Folder of the local authority and of what clients need to trust it; else <database>.authority."
    )
    control: bool = setting(False, "Serve the control API under /parlour/v1; for tests only.")
    request_bodies: bool = setting(False, "Keep bodies in the control API's list of requests.")
    stop_with_input: bool = setting(
        False, "Stop when standard input ends, so as not to outlive the program that started the server."
    )
    max_connections: int = setting(
        1_000, "Connections at a time, of each process; then idle ones are closed, or new ones get 503."
    )
    head_seconds: int = setting(20, "How long the head of a request may take to arrive, in seconds.")
    body_seconds: int = setting(30, "How long a request's body may bring less than 1 KiB, in seconds.")
    send_seconds: int = setting(60, "How long a client may read nothing of an answer, in seconds.")
    idle_seconds: int = setting(75, "How long a connection is kept after an answer, in seconds.")
    stop_seconds: int = setting(30, "How long a stop waits for requests under way, in seconds.")
    account_sid: str | None = secret("SID of the account that is made on an empty database.")
    auth_token: str | None = secret("Auth token of the account that is made on an empty database.")
    smtp_url: str | None = secret(
        "Mail server of channels that are carried by smtp: smtp://user:password@host:587 or smtps://…"
    )
    secret_key: str | None = secret(
        "Key that seals auth tokens, 32 bytes in URL-safe base64; else it is kept in <database>.key."
    )

    def retry_delays(self) -> tuple[float, ...]:
        """Seconds; raises ValueError."""
        delays = tuple(map(float, self.webhook_delays.split()))
        if not all(0 <= each <= MAX_DELAY_SECONDS for each in delays):
            raise ValueError("a delay must be between 0 and a day")
        return delays

    @property
    def is_on_a_server(self) -> bool:
        return self.database.startswith(("postgresql://", "postgres://"))

    def beside(self, ending: str) -> Path:
        """What lies beside the database file, or in the working folder where there is no such file."""
        return Path(f"{'parlour.db' if self.is_on_a_server else self.database}.{ending}")

    def authority_folder(self) -> Path:
        return self.beside("authority") if self.authority is None else self.authority


def environment_name(name: str) -> str:
    return f"{ENVIRONMENT_PREFIX}{name.upper()}"


def option_name(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def read_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    names = [f.name for f in dataclasses.fields(Config) if not f.metadata["option"]]
    return {name: value for name in names if (value := environment.get(environment_name(name)))}

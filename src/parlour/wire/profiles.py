"""The two fidelity profiles: every difference between the reference page and the recorded service."""

from dataclasses import dataclass

from parlour import errors

MAX_BODY_CHARACTERS = 1_600
MAX_BODY_BYTES = 32_768


@dataclass(frozen=True, slots=True)
class Profile:
    """The limits and defaults of one profile: `documented` also limits a body in Unicode code points.

    Sources: seed (body, date_updated); contract messages.md §1.2 and §1.3 (recordings, limits page).
    """

    name: str
    max_body_characters: int | None
    max_body_bytes: int
    new_messages_are_dated_updated: bool

    def ensure_body_fits(self, body: str) -> None:
        if self.max_body_characters is not None and len(body) > self.max_body_characters:
            raise errors.BODY_TOO_LONG()
        if len(body.encode()) > self.max_body_bytes:
            raise errors.BODY_TOO_LONG()

    def first_date_updated(self, date_created: int) -> int | None:
        """Return the date_updated of a new message that was sent without one, in milliseconds since 1970."""
        return date_created if self.new_messages_are_dated_updated else None


DOCUMENTED = Profile("documented", MAX_BODY_CHARACTERS, MAX_BODY_BYTES, new_messages_are_dated_updated=False)
OBSERVED = Profile("observed", None, MAX_BODY_BYTES, new_messages_are_dated_updated=True)
PROFILES = {profile.name: profile for profile in (DOCUMENTED, OBSERVED)}

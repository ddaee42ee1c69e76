"""Addresses on other channels: which combinations are valid, and which conversation holds them.

An open conversation holds the pairs of addresses of its participants, or the set of addresses of its group.
No two open conversations of an account hold the same ones, so an incoming message belongs to one.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from parlour import errors
from parlour.store import Transaction
from parlour.store.statements import CONVERSATION_EXISTS
from parlour.wire.channels import channel_of, is_address

MAX_GROUP_ADDRESSES = 10
GROUP_CHANNEL = "sms"

# Each of these leaves out one participant, who is joining or changing.
GROUP = """SELECT address, projected_address FROM participants WHERE conversation_sid = ? AND sid <> ?
AND proxy_address IS NULL AND (address IS NOT NULL OR projected_address IS NOT NULL)"""
WITHOUT_PROJECTED_ADDRESS = """SELECT 1 FROM participants WHERE conversation_sid = ? AND sid <> ?
AND identity IS NOT NULL AND projected_address IS NULL LIMIT 1"""
HOLDER = "SELECT conversation_sid FROM address_holders WHERE account_sid = ? AND addresses = ?"
HOLD = """INSERT INTO address_holders (account_sid, addresses, conversation_sid, participant_sid)
VALUES (?, ?, ?, ?)"""
RELEASE = "DELETE FROM address_holders WHERE account_sid = ? AND conversation_sid = ?"
RELEASE_PARTICIPANT = f"{RELEASE} AND participant_sid = ?"
RELEASE_GROUP = f"{RELEASE} AND participant_sid IS NULL"
RELEASE_OUTDATED = "DELETE FROM address_holders WHERE account_sid = ? AND addresses = ?"


class ParticipantAddresses(Protocol):
    """The fields of a participant that concern addresses. Participants import this file."""

    @property
    def sid(self) -> str: ...
    @property
    def account_sid(self) -> str: ...
    @property
    def conversation_sid(self) -> str: ...
    @property
    def identity(self) -> str | None: ...
    @property
    def address(self) -> str | None: ...
    @property
    def proxy_address(self) -> str | None: ...
    @property
    def projected_address(self) -> str | None: ...


def show_binding(participant: ParticipantAddresses) -> dict[str, str] | None:
    shown = {
        "address": participant.address,
        "proxy_address": participant.proxy_address,
        "projected_address": participant.projected_address,
    }
    given = {name: address for name, address in shown.items() if address is not None}
    if not given:
        return None
    return {"type": channel_of(participant.address or participant.projected_address or ""), **given}


def ensure_valid(participant: ParticipantAddresses) -> None:
    """Raise the error of the first fault in a participant's identity and addresses."""
    has_address = participant.address is not None or participant.proxy_address is not None
    if participant.identity is not None and has_address:
        raise errors.IDENTITY_NOT_ACCEPTABLE()
    if participant.address is None:
        if participant.proxy_address is not None:
            raise errors.INVALID_BINDING_ADDRESS()
        if participant.identity is None and participant.projected_address is None:
            raise errors.IDENTITY_NOT_PROVIDED()
        if participant.projected_address is not None and not is_address(participant.projected_address):
            raise errors.INVALID_BINDING_ADDRESS()
        return
    if participant.projected_address is not None or not is_address(participant.address):
        raise errors.INVALID_BINDING_ADDRESS()
    if participant.proxy_address is not None:
        ensure_valid_proxy(participant.address, participant.proxy_address)


def ensure_valid_proxy(address: str, proxy_address: str) -> None:
    if address == proxy_address:
        raise errors.ADDRESS_EQUALS_PROXY()
    if not is_address(proxy_address):
        raise errors.INVALID_PROXY_ADDRESS()
    if channel_of(address) != channel_of(proxy_address):
        raise errors.ADDRESS_TYPE_MISMATCH()


def ensure_changeable(participant: ParticipantAddresses, changes: dict[str, Any]) -> None:
    """Raise the error of a change of identity or addresses that is not allowed (additions.md A.3)."""
    if "proxy_address" in changes:
        ensure_proxy_is_changeable(participant, removes=changes["proxy_address"] is None)
    if "identity" in changes and (participant.identity is not None or participant.projected_address is None):
        raise errors.CANNOT_ADD_IDENTITY()
    if "projected_address" in changes:
        ensure_projected_is_changeable(participant, changes)


def ensure_proxy_is_changeable(participant: ParticipantAddresses, *, removes: bool) -> None:
    has_proxy, address = participant.proxy_address is not None, participant.address
    if removes and (not has_proxy or address is None or channel_of(address) != GROUP_CHANNEL):
        raise errors.CANNOT_REMOVE_PROXY()
    if not removes and (has_proxy or address is None):
        raise errors.CANNOT_ADD_PROXY()


def ensure_projected_is_changeable(participant: ParticipantAddresses, changes: dict[str, Any]) -> None:
    has_projected = participant.projected_address is not None
    removes = changes["projected_address"] is None
    # Without an identity nothing would be left of the participant.
    if removes and (not has_projected or changes.get("identity", participant.identity) is None):
        raise errors.CANNOT_REMOVE_PROJECTED()
    if not removes and (has_projected or participant.address is not None):
        raise errors.CANNOT_ADD_PROJECTED()


def is_group_member(participant: ParticipantAddresses) -> bool:
    """Whether a participant gets group messages: it has an address of that channel and no proxy."""
    address = participant.address
    return address is not None and participant.proxy_address is None and channel_of(address) == GROUP_CHANNEL


def ensure_fits_group(tx: Transaction, participant: ParticipantAddresses) -> None:
    """Raise the error of a participant who cannot be in one conversation with the group that is in it.

    In a group everybody has a number: members their address, identities a projected one (contract:
    additions.md A.6).
    """
    if is_group_member(participant):
        others = (participant.conversation_sid, participant.sid)
        if not has_group(tx, participant) and tx.select(WITHOUT_PROJECTED_ADDRESS, *others):
            raise errors.GROUP_NOT_ACTIVATED()
    elif participant.address is None and participant.projected_address is None and has_group(tx, participant):
        raise errors.PROJECTED_ADDRESS_NOT_PROVIDED()


def has_group(tx: Transaction, participant: ParticipantAddresses) -> bool:
    """Whether there is a group in the conversation, apart from this participant."""
    rows = tx.select(GROUP, participant.conversation_sid, participant.sid)
    return any(address is not None and channel_of(address) == GROUP_CHANNEL for address, _ in rows)


def hold_addresses(tx: Transaction, participant: ParticipantAddresses) -> None:
    """Have the conversation hold the addresses of a participant who joins or has changed.

    Raises 409 if another open conversation holds them, or the error of a group that cannot be.
    """
    if participant.address is not None and participant.proxy_address is not None:
        pair = pair_key(participant.address, participant.proxy_address)
        holder = find_existing_holder(tx, participant.account_sid, pair)
        if holder is not None:
            raise errors.ADDRESS_PAIR_TAKEN(holder=holder)
        tx.execute(HOLD, participant.account_sid, pair, participant.conversation_sid, participant.sid)
    elif is_in_group(participant):
        hold_group(tx, participant, stays=True)


def move_addresses(tx: Transaction, old: ParticipantAddresses, new: ParticipantAddresses) -> None:
    """Have the conversation hold the new addresses of a participant instead of the old ones.

    Raises as `hold_addresses`.
    """
    hold_addresses(tx, new)
    if is_in_group(old) and not is_in_group(new):
        hold_group(tx, new, stays=False)
    if old.proxy_address is not None and new.proxy_address is None:
        release_pairs(tx, old)


def is_in_group(participant: ParticipantAddresses) -> bool:
    """Whether a participant's address counts to the set of the group: it is projected, or has no proxy."""
    has_own = participant.address is not None and participant.proxy_address is None
    return has_own or participant.projected_address is not None


def hold_group(tx: Transaction, participant: ParticipantAddresses, *, stays: bool) -> None:
    """Have the conversation hold the set of its group's addresses, the participant's only if it `stays`.

    Only a set of two addresses and a projected one is held, so that two groups whose members are added one
    by one do not collide while they are incomplete. Raises 409 if another open conversation holds the set,
    unless the participant leaves.
    """
    rows = tx.select(GROUP, participant.conversation_sid, participant.sid)
    if stays:
        if participant.address is not None and any(address == participant.address for address, _ in rows):
            raise errors.GROUP_PARTICIPANT_EXISTS()
        rows = [*rows, (participant.address, participant.projected_address)]
    members = {address for address, _ in rows if address is not None}
    projected = {address for _, address in rows if address is not None}
    if stays and len(members | projected) > MAX_GROUP_ADDRESSES:
        raise errors.GROUP_TOO_LARGE()
    held = group_key(members | projected) if len(members) > 1 and projected else None
    holder = find_existing_holder(tx, participant.account_sid, held) if held else None
    if holder is not None and holder != participant.conversation_sid:
        if stays:
            raise errors.GROUP_EXISTS(holder=holder)
        # A participant can always leave; the conversation that held the set first keeps it.
        held = None
    tx.execute(RELEASE_GROUP, participant.account_sid, participant.conversation_sid)
    if held:
        tx.execute(HOLD, participant.account_sid, held, participant.conversation_sid, None)


def release_pairs(tx: Transaction, participant: ParticipantAddresses) -> None:
    tx.execute(RELEASE_PARTICIPANT, participant.account_sid, participant.conversation_sid, participant.sid)


def pair_key(address: str, proxy_address: str) -> str:
    return f"{address} {proxy_address}"


def group_key(addresses: Iterable[str]) -> str:
    return ",".join(sorted(addresses))


def find_pair_holder(tx: Transaction, account_sid: str, address: str, proxy_address: str) -> str | None:
    """Return the SID of the open conversation in which `address` writes to `proxy_address`."""
    return find_holder(tx, account_sid, pair_key(address, proxy_address))


def find_group_holder(tx: Transaction, account_sid: str, *addresses: str) -> str | None:
    """Return the SID of the open conversation whose group has exactly these addresses."""
    return find_holder(tx, account_sid, group_key(set(addresses)))


def find_holder(tx: Transaction, account_sid: str, addresses: str) -> str | None:
    rows = tx.select(HOLDER, account_sid, addresses)
    return rows[0][0] if rows else None


def find_existing_holder(tx: Transaction, account_sid: str, addresses: str) -> str | None:
    """As `find_holder`, for a conversation that exists.

    A conversation that was deleted with its service has left its row, which is removed here.
    """
    holder = find_holder(tx, account_sid, addresses)
    if holder is not None and not tx.select(CONVERSATION_EXISTS, holder):
        tx.execute(RELEASE_OUTDATED, account_sid, addresses)
        return None
    return holder

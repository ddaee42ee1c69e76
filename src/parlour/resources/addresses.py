"""Addresses on other channels: which are valid together, and which conversation holds them."""

from collections.abc import Iterable
from typing import Protocol

from parlour import errors
from parlour.store import Transaction
from parlour.store.statements import CONVERSATION_EXISTS
from parlour.wire.channels import channel_of, is_address

MAX_GROUP_ADDRESSES = 10

GROUP = """SELECT address, projected_address FROM participants WHERE conversation_sid = ?
AND proxy_address IS NULL AND (address IS NOT NULL OR projected_address IS NOT NULL)"""
HOLDER = "SELECT conversation_sid FROM address_holders WHERE account_sid = ? AND addresses = ?"
HOLD = """INSERT INTO address_holders (account_sid, addresses, conversation_sid, participant_sid)
VALUES (?, ?, ?, ?)"""
RELEASE = "DELETE FROM address_holders WHERE account_sid = ? AND conversation_sid = ?"
RELEASE_PARTICIPANT = f"{RELEASE} AND participant_sid = ?"
RELEASE_GROUP = f"{RELEASE} AND participant_sid IS NULL"
RELEASE_LEFT_OVER = "DELETE FROM address_holders WHERE account_sid = ? AND addresses = ?"


class Bound(Protocol):
    """Somebody who may be reached on another channel."""

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


def show_binding(who: Bound) -> dict[str, str] | None:
    shown = {
        "address": who.address,
        "proxy_address": who.proxy_address,
        "projected_address": who.projected_address,
    }
    given = {name: address for name, address in shown.items() if address is not None}
    if not given:
        return None
    return {"type": channel_of(who.address or who.projected_address or ""), **given}


def ensure_valid(who: Bound) -> None:
    """Raises what is wrong with the addresses that somebody is to be reached by."""
    if who.address is None:
        if who.proxy_address is not None:
            raise errors.INVALID_BINDING_ADDRESS()
        if who.identity is None and who.projected_address is None:
            raise errors.IDENTITY_NOT_PROVIDED()
        if who.projected_address is not None and not is_address(who.projected_address):
            raise errors.INVALID_BINDING_ADDRESS()
        return
    if who.identity is not None:
        raise errors.IDENTITY_NOT_ACCEPTABLE()
    if who.projected_address is not None or not is_address(who.address):
        raise errors.INVALID_BINDING_ADDRESS()
    if who.proxy_address is not None:
        ensure_valid_proxy(who.address, who.proxy_address)


def ensure_valid_proxy(address: str, proxy_address: str) -> None:
    if address == proxy_address:
        raise errors.ADDRESS_EQUALS_PROXY()
    if not is_address(proxy_address):
        raise errors.INVALID_PROXY_ADDRESS()
    if channel_of(address) != channel_of(proxy_address):
        raise errors.ADDRESS_TYPE_MISMATCH()


def hold_addresses(tx: Transaction, who: Bound) -> None:
    """Take what `who` is reached by for the conversation; 409 if another that is open holds it."""
    if who.address is not None and who.proxy_address is not None:
        pair = pair_of(who.address, who.proxy_address)
        holder = find_living_holder(tx, who.account_sid, pair)
        if holder is not None:
            raise errors.ADDRESS_PAIR_TAKEN(holder=holder)
        tx.execute(HOLD, who.account_sid, pair, who.conversation_sid, who.sid)
    elif who.address is not None or who.projected_address is not None:
        hold_group(tx, who, joining=who)


def hold_group(tx: Transaction, who: Bound, joining: Bound | None = None) -> None:
    """Take the set of a group's addresses, as it is now with `joining`, for the conversation.

    A set counts once it has a number of the account and two others, so that groups that are being
    put together one by one do not meet each other half-way.
    """
    rows = tx.select(GROUP, who.conversation_sid)
    if joining is not None:
        if joining.address is not None and any(address == joining.address for address, _ in rows):
            raise errors.GROUP_PARTICIPANT_EXISTS()
        rows = [*rows, (joining.address, joining.projected_address)]
    members = {address for address, _ in rows if address is not None}
    projected = {address for _, address in rows if address is not None}
    if len(members | projected) > MAX_GROUP_ADDRESSES:
        raise errors.GROUP_TOO_LARGE()
    held = set_of(members | projected) if len(members) > 1 and projected else None
    holder = find_living_holder(tx, who.account_sid, held) if held else None
    if holder is not None and holder != who.conversation_sid:
        if joining is not None:
            raise errors.GROUP_EXISTS(holder=holder)
        # Who leaves is never refused; the set stays with who held it first.
        held = None
    tx.execute(RELEASE_GROUP, who.account_sid, who.conversation_sid)
    if held:
        tx.execute(HOLD, who.account_sid, held, who.conversation_sid, None)


def release_pairs(tx: Transaction, who: Bound) -> None:
    tx.execute(RELEASE_PARTICIPANT, who.account_sid, who.conversation_sid, who.sid)


def pair_of(address: str, proxy_address: str) -> str:
    return f"{address} {proxy_address}"


def set_of(addresses: Iterable[str]) -> str:
    return ",".join(sorted(addresses))


def find_pair_holder(tx: Transaction, account_sid: str, address: str, proxy_address: str) -> str | None:
    """The SID of the open conversation in which `address` writes to `proxy_address`."""
    return find_holder(tx, account_sid, pair_of(address, proxy_address))


def find_group_holder(tx: Transaction, account_sid: str, *addresses: str) -> str | None:
    """The SID of the open conversation whose group has just these addresses."""
    return find_holder(tx, account_sid, set_of(set(addresses)))


def find_holder(tx: Transaction, account_sid: str, addresses: str) -> str | None:
    rows = tx.select(HOLDER, account_sid, addresses)
    return rows[0][0] if rows else None


def find_living_holder(tx: Transaction, account_sid: str, addresses: str) -> str | None:
    """The holder, if it is there: one that was deleted with its service has left its row behind."""
    holder = find_holder(tx, account_sid, addresses)
    if holder is not None and not tx.select(CONVERSATION_EXISTS, holder):
        tx.execute(RELEASE_LEFT_OVER, account_sid, addresses)
        return None
    return holder

"""The transactions on receipts that channels need; channels do not know what a receipt looks like."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from parlour.channels.adapter import Report
from parlour.store import Transaction

# The conversation's SID and the receipt's.
ReceiptKey = tuple[str, str]


class ReceiptStore(NamedTuple):
    """Functions of a transaction, handed in by those who know receipts.

    `exists` tells whether a receipt is still there. `record` takes reports at once, or keeps those that are
    expected later, counted from a moment in milliseconds since 1970. `find_due` finds up to so many receipts
    with a report that was expected by now; `record_due` takes these reports, and `drop_due` removes those of
    one receipt that cannot be taken.
    """

    exists: Callable[[Transaction, str, str], bool]
    record: Callable[[Transaction, Sequence[Report], int], None]
    find_due: Callable[[Transaction, int], Sequence[ReceiptKey]]
    record_due: Callable[[Transaction, Sequence[ReceiptKey]], None]
    drop_due: Callable[[Transaction, ReceiptKey], None]

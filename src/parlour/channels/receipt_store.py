"""The interface by which channels read and write receipts."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from parlour.channels.adapter import Report
from parlour.store import Transaction

# The conversation's SID and the receipt's.
ReceiptKey = tuple[str, str]


class ReceiptStore(NamedTuple):
    """Functions of a transaction, which the resource of receipts provides.

    `exists` tells whether a receipt still exists. `record` applies reports, or stores those with `after`; it
    counts from a moment in milliseconds since 1970. `find_due` finds up to a number of receipts with a stored
    report that is due. `record_due` applies these reports; `drop_due` deletes those of one receipt, if they
    cannot be applied.
    """

    exists: Callable[[Transaction, str, str], bool]
    record: Callable[[Transaction, Sequence[Report], int], None]
    find_due: Callable[[Transaction, int], Sequence[ReceiptKey]]
    record_due: Callable[[Transaction, Sequence[ReceiptKey]], None]
    drop_due: Callable[[Transaction, ReceiptKey], None]

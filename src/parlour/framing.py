"""Where the bytes of a request end: pieces for the parser, and a count of what it does not hand on."""

from parlour.request_head import MAX_HEAD_BYTES

# The end of every head, and of every chunked body.
END = b"\r\n\r\n"


class Framing:
    """Cuts what comes in into pieces that end where a head or a body can end, and no later."""

    def __init__(self) -> None:
        # Bytes of the body that are still to come; None if it is chunked.
        self.remaining: int | None = None
        # How many bytes came of the head, or of a chunked body since its last byte; the last three of them.
        self.overhead, self.tail = 0, b""

    def begin(self) -> None:
        """A head begins, or a body."""
        self.overhead, self.tail = 0, b""

    def end_of_piece(self, data: bytes, position: int, *, is_head: bool) -> int:
        """Where the head or the body ends, or `data`; at most as much as is allowed of a head."""
        if not is_head and self.remaining is not None:
            return min(len(data), position + self.remaining)
        joined = (self.tail + data[position : position + len(END) - 1]).find(END) if self.tail else -1
        if joined >= 0:
            end = position + joined + len(END) - len(self.tail)
        else:
            found = data.find(END, position)
            end = len(data) if found < 0 else found + len(END)
        return min(end, position + MAX_HEAD_BYTES - self.overhead) if is_head else end

    def count(self, data: bytes, position: int, end: int, *, is_body: bool) -> bool:
        """Count a piece after which the head or the body goes on. False if too much is neither."""
        if is_body and self.remaining is not None:
            self.remaining -= end - position
            return True
        self.overhead = 0 if is_body else self.overhead + end - position
        self.tail = (self.tail + data[max(position, end - len(END) + 1) : end])[1 - len(END) :]
        return self.overhead < MAX_HEAD_BYTES

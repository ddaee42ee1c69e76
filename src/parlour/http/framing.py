"""Finds where a request can end: cuts the bytes into pieces for the parser, and limits heads and trailers."""

from parlour.http.request_head import MAX_HEAD_BYTES

# The end of every head, and of every chunked body.
END = b"\r\n\r\n"


class Framing:
    """Cuts received bytes into pieces that end where a head or a body can end, and no later."""

    def __init__(self) -> None:
        # Bytes of the body that have not arrived yet; None if it is chunked.
        self.remaining: int | None = None
        # How many bytes of the head arrived, or of a chunked body after its content; the last three of them.
        self.overhead, self.tail = 0, b""

    def begin(self) -> None:
        """Start to count: a head begins, or a body."""
        self.overhead, self.tail = 0, b""

    def end_of_piece(self, data: bytes, position: int, *, is_head: bool) -> int:
        """Return the position in `data` at which the head or the body ends, or the length of `data`.

        Of a head, no more than MAX_HEAD_BYTES are taken.
        """
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
        """Count a piece that ended neither head nor body. False if the head or the framing is too long."""
        if is_body and self.remaining is not None:
            self.remaining -= end - position
            return True
        self.overhead = 0 if is_body else self.overhead + end - position
        self.tail = (self.tail + data[max(position, end - len(END) + 1) : end])[1 - len(END) :]
        return self.overhead < MAX_HEAD_BYTES

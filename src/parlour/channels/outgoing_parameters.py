"""The stored parameters of a message to another channel: one type for writing and reading them."""

import msgspec

from parlour.channels.adapter import Attachment

EVENT = "onMessageOutgoing"

decode_attachments = msgspec.json.Decoder(tuple[Attachment, ...]).decode


class OutgoingParameters(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="pascal", omit_defaults=True
):
    """The `parameters` of a delivery to a channel, in the order in which a gateway gets them as a form.

    All are texts, as those of every delivery. Deliveries of earlier versions may be pending when this one
    starts, so a new parameter needs a default. `media` is JSON, which the gateway gets as it is.
    """

    account_sid: str
    event_type: str
    chat_service_sid: str
    conversation_sid: str
    message_sid: str
    from_name: str | None = None
    author: str | None = None
    subject: str | None = None
    body: str | None = None
    media: str | None = None
    messaging_service_sid: str | None = None
    delivery_receipt_sid: str
    participant_sid: str
    channel: str
    to: str
    sender: str | None = msgspec.field(name="From", default=None)

    def encode(self) -> str:
        """Return the JSON that is stored, without parameters that are None."""
        return msgspec.json.encode(self).decode()

    def attachments(self) -> tuple[Attachment, ...]:
        return () if self.media is None else decode_attachments(self.media)

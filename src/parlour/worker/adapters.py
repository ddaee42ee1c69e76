"""What channel adapters get from the server: settings, and URLs and content of media."""

from parlour.api.collection import OURS_IN_SERVICE
from parlour.api.files import signed_link
from parlour.bootstrap import Parts
from parlour.channels.adapter import AdapterContext, Attachment, Outgoing
from parlour.resources.media import media_path
from parlour.resources.reports import status_callbacks


def adapter_context(parts: Parts) -> AdapterContext:
    """Return the context that every adapter of this worker is created with."""

    def media_url(outgoing: Outgoing, attachment: Attachment) -> str:
        now, service_sid = parts.database.clock() // 1_000, outgoing.chat_service_sid
        path = media_path(service_sid, attachment.sid)
        return parts.url + signed_link(parts.vault, path, service_sid, attachment.sid, now)

    async def read_media(attachment: Attachment) -> bytes:
        chunks = await parts.blobs.read(attachment.sid, 0, attachment.size)
        return b"".join([bytes(chunk) async for chunk in chunks])

    def callback_url(outgoing: Outgoing) -> str:
        path = f"{OURS_IN_SERVICE}{status_callbacks.item_path}".format(
            ChatServiceSid=outgoing.chat_service_sid,
            ConversationSid=outgoing.conversation_sid,
            MessageSid=outgoing.message_sid,
            Sid=outgoing.sid,
        )
        return parts.url + path

    return AdapterContext(parts.config.for_adapters(), media_url, read_media, callback_url)

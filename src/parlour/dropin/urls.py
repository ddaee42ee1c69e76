"""The scheme and host of URLs in answers to requests that were sent to the original's hosts."""

from parlour.dropin.hosts import is_service_host


def service_url(host: str, place: str) -> str | None:
    """Return the start of URLs for a host of the service with its port, or None for another host."""
    # A client may ask the proxy for such a host without TLS. Its links are https even then.
    return f"https://{place}" if is_service_host(host) else None

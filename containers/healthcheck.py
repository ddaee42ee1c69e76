"""Ends with status 0 if the server of this container is ready, else 1: the image's HEALTHCHECK."""

import http.client
import os
import ssl
import sys

TIMEOUT_SECONDS = 4


def is_ready() -> bool:
    """Ask the server, over TLS if it has a certificate, which is for a name that is not this address."""
    port = int(os.environ["PARLOUR_PORT"])
    if os.environ.get("PARLOUR_TLS_CERTIFICATE"):
        # It is the same machine, and the certificate is for another name.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not is_ready())

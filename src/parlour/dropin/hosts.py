"""The host names of the service that Parlour can stand in for."""

from itertools import product

SERVICES = ("conversations", "mcs", "content")
REGIONS = ("us1", "ie1", "au1", "br1", "de1", "in1", "jp1", "sg1")
EDGES = (
    "ashburn",
    "dublin",
    "frankfurt",
    "roaming",
    "sao-paulo",
    "singapore",
    "sydney",
    "tokyo",
    "umatilla",
)
HTTP_PORT, HTTPS_PORT = 80, 443

# Written out, not as wildcards: *.us1.twilio.com would be every service of that region.
HOSTS = (
    *(f"{service}.twilio.com" for service in SERVICES),
    *(f"{service}.{region}.twilio.com" for service, region in product(SERVICES, REGIONS)),
    *(f"{service}.{edge}.{region}.twilio.com" for service, edge, region in product(SERVICES, EDGES, REGIONS)),
)
HOST_SET = frozenset(HOSTS)


def is_service_host(host: str, port: int = HTTPS_PORT) -> bool:
    return port == HTTPS_PORT and host.lower() in HOST_SET

"""Private IP addresses: all that cannot belong to a host on the public internet."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# Listed here, because `is_global` of the standard library differs between its versions.
# Sources: the IANA registries of special-purpose addresses for IPv4 and IPv6.
PRIVATE_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network, and the unspecified address
            "10.0.0.0/8",  # private use
            "100.64.0.0/10",  # carrier-grade NAT
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # a public address by which Azure's machines reach their host
            "169.254.0.0/16",  # link-local, and the metadata services of most clouds
            "172.16.0.0/12",  # private use
            "192.0.0.0/24",  # protocol assignments, and a metadata service
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private use
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
# The only part of IPv6 that is assigned to public hosts. Outside it are, among others, ::1, the
# IPv4-compatible ::/96, NAT64 (64:ff9b::/96), fc00::/7, fe80::/10, fec0::/10 and multicast.
PUBLIC_IPV6 = IPv6Network("2000::/3")
PRIVATE_IPV6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which leads to any IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)


def is_private(host: str) -> bool:
    """Whether requests to this IP address are refused where private targets are forbidden.

    `host` is an address as a socket takes it, perhaps with a zone (`fe80::1%eth0`). An IPv4-mapped address
    counts as the IPv4 address that is connected to. Raises ValueError if `host` is not an IP address.
    """
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if isinstance(address, IPv4Address):
        return any(address in network for network in PRIVATE_IPV4)
    return address not in PUBLIC_IPV6 or any(address in network for network in PRIVATE_IPV6)

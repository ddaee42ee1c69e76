"""Certificates for tests: files of a server's certificate and its key, and clients that trust one."""

import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


class Pair(NamedTuple):
    """The files of a certificate, which is its own authority, and of its key."""

    certificate: Path
    key: Path

    @property
    def settings(self):
        return {"tls_certificate": str(self.certificate), "tls_key": str(self.key)}

    @property
    def options(self):
        return ("--tls-certificate", str(self.certificate), "--tls-key", str(self.key))

    def replace(self, other):
        """Put another pair into these files, as a program that renews certificates does."""
        for mine, its in zip(self, other, strict=True):
            mine.write_bytes(its.read_bytes())


def make_pair(folder, name="server", *, rsa_bits=None, passphrase=None):
    key = rsa.generate_private_key(65_537, rsa_bits) if rsa_bits else ec.generate_private_key(ec.SECP256R1())
    pair = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    pair.certificate.write_bytes(sign(key, name).public_bytes(serialization.Encoding.PEM))
    sealed = (
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase)
    )
    form = serialization.PrivateFormat.PKCS8
    pair.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, sealed))
    return pair


def sign(key, name):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def connect(running, pair=None, receive_bytes=None):
    """A connection to a server; over TLS, with trust in a pair, if there is one."""
    # Made first: a server may wait for the handshake for a short time only.
    context = None if pair is None else trusting(pair)
    address = urlsplit(running.url)
    plain = socket.socket()
    plain.settimeout(30)
    if receive_bytes is not None:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    plain.connect((address.hostname, address.port))
    if context is None:
        return plain
    try:
        return context.wrap_socket(plain, server_hostname="localhost")
    except BaseException:
        plain.close()
        raise


def trusting(*pairs):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for each in pairs:
        context.load_verify_locations(each.certificate)
    return context


def common_name(connection):
    """The name in the certificate that the server showed."""
    return dict(part[0] for part in connection.getpeercert()["subject"])["commonName"]

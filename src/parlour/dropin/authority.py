"""The local authority: a CA that can sign for the service's hosts only, and the server's certificate."""

import functools
import ipaddress
import ssl
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from parlour.dropin.hosts import HOSTS
from parlour.store.credentials import write_once

AUTHORITY_NAME = "Parlour local authority"
AUTHORITY_DAYS = 3_650
# Some clients refuse certificates that are valid for longer, even from an authority that they trust.
CERTIFICATE_DAYS = 397
MIN_VALIDITY_LEFT = timedelta(days=30)
# So that a certificate is valid at once on machines whose clock is a little behind.
BACKDATED = timedelta(days=1)

# A longer name is no common name (RFC 5280, appendix A.1). Clients read the other names of a certificate.
MAX_COMMON_NAME_CHARACTERS = 64
UNNAMED = "Parlour"
# TLS contexts for hosts with routes that are kept.
MAX_CONTEXTS = 256

log = structlog.get_logger()

ANY_ADDRESS = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@dataclass(frozen=True)
class CertificateAndKey:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def is_valid_long_enough(self, now: datetime) -> bool:
        return self.certificate.not_valid_after_utc - now > MIN_VALIDITY_LEFT

    def pem(self) -> str:
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return key.decode() + certificate_pem(self.certificate)


class Authority:
    """Stores `authority.pem` and `server.pem` in a folder, each with its key and mode 0600.

    Both are created when they are first needed, and renewed before they expire. `now` returns milliseconds
    since 1970. The authority can also sign for the `names` and all names below them; one that cannot is
    replaced.
    """

    def __init__(self, folder: Path, now: Callable[[], int], names: tuple[str, ...] = ()) -> None:
        self._folder, self._now, self._names = folder, now, names
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.certificate = self._own().certificate
        self.context_of = functools.lru_cache(MAX_CONTEXTS)(self._make_context)

    def context(self) -> ssl.SSLContext:
        """Return the TLS context of a listener for the service's hosts."""
        authority = self._own()
        self._load_or_make("server.pem", lambda now: make_certificate(authority, now), authority)
        return server_context(self._folder / "server.pem")

    def _make_context(self, host: str) -> ssl.SSLContext:
        """Return the TLS context for another host that the authority can sign for."""
        made = make_certificate(self._own(), self._now_utc(), (host,))
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            # The library loads certificates from files only.
            path = Path(folder) / "host.pem"
            write_once(path, made.pem())
            return server_context(path)

    def _own(self) -> CertificateAndKey:
        path = self._folder / "authority.pem"
        if path.exists() and not permits(read(path).certificate, self._names):
            log.warning("authority_replaced", authority=str(self._folder), names=" ".join(self._names))
            path.unlink()
        return self._load_or_make("authority.pem", lambda now: make_authority(now, self._names))

    def _now_utc(self) -> datetime:
        return datetime.fromtimestamp(self._now() / 1_000, UTC)

    def _load_or_make(
        self,
        name: str,
        make: Callable[[datetime], CertificateAndKey],
        issuer: CertificateAndKey | None = None,
    ) -> CertificateAndKey:
        """Return what the file holds; make it if it is missing, expires soon or has another issuer."""
        path = self._folder / name
        now = self._now_utc()
        if path.exists():
            stored = read(path)
            if stored.is_valid_long_enough(now) and (issuer is None or is_issued_by(stored, issuer)):
                return stored
            path.unlink()
        write_once(path, make(now).pem())
        return read(path)


def read(path: Path) -> CertificateAndKey:
    pem = path.read_bytes()
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} does not hold the key of a local authority")
    return CertificateAndKey(x509.load_pem_x509_certificate(pem), key)


def ensure_readable(path: Path) -> None:
    """Raise OSError, TypeError or ValueError if the file exists and `read` cannot read it."""
    if path.exists():
        read(path)


def is_issued_by(signed: CertificateAndKey, issuer: CertificateAndKey) -> bool:
    # All authorities have the same name, so their keys are compared.
    wanted = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    found = signed.certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    return found == wanted


def permits(authority: x509.Certificate, names: tuple[str, ...]) -> bool:
    """Whether an authority can sign for the names and for those below them."""
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    permitted = {each.value for each in constraints.permitted_subtrees or ()}
    return permitted.issuperset(names)


def server_context(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(path)
    return context


def make_authority(now: datetime, names: tuple[str, ...] = ()) -> CertificateAndKey:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, AUTHORITY_NAME)])
    permitted = [x509.DNSName(host) for host in dict.fromkeys((*HOSTS, *names))]
    # A constraint on DNS names does not restrict addresses.
    excluded = [x509.IPAddress(network) for network in ANY_ADDRESS]
    builder = (
        certificate_builder(key, name, name, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted, excluded), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    return CertificateAndKey(builder.sign(key, hashes.SHA256()), key)


def make_certificate(
    authority: CertificateAndKey, now: datetime, hosts: tuple[str, ...] = HOSTS
) -> CertificateAndKey:
    key = ec.generate_private_key(ec.SECP256R1())
    common_name = hosts[0] if len(hosts[0]) <= MAX_COMMON_NAME_CHARACTERS else UNNAMED
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer = authority.key.public_key()
    builder = (
        certificate_builder(key, name, authority.certificate.subject, now, CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(map(x509.DNSName, hosts)), critical=False)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
    )
    return CertificateAndKey(builder.sign(authority.key, hashes.SHA256()), key)


def certificate_builder(
    key: ec.EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def certificate_pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()

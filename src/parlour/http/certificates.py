"""The certificate of the main port: read, checked, and read again while the server runs."""

import ssl
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from parlour.config import BadSetting

log = structlog.get_logger()


class ServedCertificate:
    """The certificate that new connections get. `context` is replaced whole, so connections keep theirs."""

    def __init__(self, certificate: str, key: str | None) -> None:
        """Read the files; the key is in the certificate's file if `key` is None. Raises BadSetting."""
        self._files = certificate, key
        self.context = read_context(certificate, key)

    def reload(self) -> None:
        """Read the files again. If they cannot be used, log why and keep what was read before."""
        try:
            self.context = read_context(*self._files)
        except BadSetting as error:
            log.error("certificate_refused", reason=str(error))  # noqa: TRY400 - the reason says all
        else:
            log.info("certificate_loaded")


def read_context(certificate: str, key: str | None) -> ssl.SSLContext:
    """Return a TLS context with the certificate and the key. Raises BadSetting if they cannot be used."""
    ensure_pair(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        # Without a password given here, OpenSSL would ask for one at the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        # For example a key that is too short, or a file that was replaced since it was checked.
        reason = getattr(error, "reason", None) or error
        raise BadSetting(f"--tls-certificate {certificate} cannot be used: {reason}") from None
    return context


def ensure_pair(certificate: str, key: str | None) -> None:
    """Raise BadSetting, with what to do, unless the files hold a certificate and its key."""
    pem = read("--tls-certificate", certificate)
    try:
        own = x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        raise BadSetting(
            f"--tls-certificate {certificate} holds no certificate in PEM form: give the file with the"
            " server's certificate, followed by those of its issuers"
        ) from None
    place = f"--tls-certificate {certificate}" if key is None else f"--tls-key {key}"
    private = read_key(place, pem if key is None else read("--tls-key", key), is_alone=key is not None)
    if public_key(private.public_key()) != public_key(own.public_key()):
        raise BadSetting(
            f"the key in {place} does not belong to the first certificate in {certificate}: give the key"
            " that the certificate was requested with, and the server's own certificate first"
        )


def read(option: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadSetting(
            f"{option} {path} cannot be read: {error.strerror}; give a file that the server's user can read"
        ) from None


def read_key(place: str, pem: bytes, *, is_alone: bool) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise BadSetting(
            f"the key in {place} is encrypted: give it without a passphrase, as"
            " `openssl pkey -in FILE -out NEW_FILE` writes it"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        advice = "give the key of the certificate" if is_alone else "name the key's file with --tls-key"
        raise BadSetting(f"{place} holds no private key in PEM form: {advice}") from None


def public_key(key: object) -> bytes:
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    encoded: bytes = key.public_bytes(encoding, form)  # type: ignore[attr-defined]  # every public key has it
    return encoded

"""The local authority: what it signs, what it cannot sign, and how its files are kept."""

import ipaddress
import itertools
import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from parlour.dropin.authority import (
    Authority,
    CertificateAndKey,
    certificate_builder,
    key_usage,
    make_certificate,
    read,
)
from parlour.dropin.hosts import HOSTS
from parlour.dropin.trust_files import write_files
from tests.servers import Clock

NOW = datetime.now(UTC)


@pytest.fixture
def folder(tmp_path):
    authority = Authority(tmp_path / "authority", lambda: int(NOW.timestamp() * 1_000))
    authority.context()
    write_files(authority.certificate, tmp_path / "authority")
    return tmp_path / "authority"


def verify(folder, certificate, host=None, chain=None):
    """What OpenSSL says of a certificate, as a client would: the words of its refusal, "" for none."""
    words = ["openssl", "verify", "-CAfile", folder / "ca.pem", "-purpose", "sslserver", "-x509_strict"]
    words += [] if host is None else ["-verify_hostname", host]
    words += [] if chain is None else ["-untrusted", chain]
    ended = subprocess.run([*words, certificate], capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else ended.stderr


def signed(folder, *hosts):
    """A certificate for any names, signed with the authority's own key."""
    made = make_certificate(read(folder / "authority.pem"), NOW, hosts)
    path = folder / "other.pem"
    path.write_text(made.pem())
    return path


@pytest.mark.parametrize(
    "host",
    [
        "conversations.twilio.com",
        "conversations.ie1.twilio.com",
        "conversations.dublin.ie1.twilio.com",
        "mcs.us1.twilio.com",
        "content.twilio.com",
    ],
)
def test_our_certificate_is_good_for_the_services_names(folder, host):
    assert verify(folder, folder / "server.pem", host) == ""


def test_our_certificate_is_good_for_no_other_name(folder):
    for host in ("api.twilio.com", "twilio.com", "x.us1.twilio.com", "example.com"):
        assert "hostname mismatch" in verify(folder, folder / "server.pem", host)


@pytest.mark.parametrize(
    "names",
    [
        ["example.com"],
        ["api.twilio.com"],
        ["twilio.com"],
        ["*.twilio.com"],
        ["video.us1.twilio.com"],
        ["conversations.twilio.com.example.com"],
        ["conversations.twilio.com", "example.com"],
    ],
)
def test_the_authority_cannot_sign_for_other_names(folder, names):
    assert "permitted subtree violation" in verify(folder, signed(folder, *names))


def test_the_authority_can_sign_for_no_address(folder, monkeypatch):
    monkeypatch.setattr(x509, "DNSName", lambda name: x509.IPAddress(ipaddress.ip_address(name)))

    assert "excluded subtree violation" in verify(folder, signed(folder, "192.0.2.1"))


def test_the_authority_can_make_no_other_authority(folder):
    authority, key = read(folder / "authority.pem"), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Another")])
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        certificate_builder(key, name, authority.certificate.subject, NOW, 30)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(above, critical=False)
    )
    other = CertificateAndKey(builder.sign(authority.key, hashes.SHA256()), key)
    chain = folder / "chain.pem"
    chain.write_text(make_certificate(other, NOW).pem() + other.pem())

    assert "path length constraint exceeded" in verify(folder, chain, chain=chain)


def test_keys_are_their_owners_alone(folder):
    for name in ("authority.pem", "server.pem"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for public in ("ca.pem", "bundle.pem"):
        assert "PRIVATE KEY" not in (folder / public).read_text()


def test_an_authority_is_made_once_and_certificates_anew_before_they_end(tmp_path):
    clock = Clock()
    first = Authority(tmp_path, clock)
    first.context()
    certificate = read(tmp_path / "server.pem").certificate

    clock.advance(days=360)
    second = Authority(tmp_path, clock)
    second.context()
    assert second.certificate == first.certificate
    assert read(tmp_path / "server.pem").certificate == certificate

    clock.advance(days=10)
    Authority(tmp_path, clock).context()
    assert read(tmp_path / "server.pem").certificate != certificate

    clock.advance(days=3_300)
    third = Authority(tmp_path, clock)
    third.context()
    assert third.certificate != first.certificate
    remaining = (
        third.certificate.not_valid_after_utc - read(tmp_path / "server.pem").certificate.not_valid_after_utc
    )
    assert remaining > timedelta(days=0)


def test_the_names_are_the_services_with_each_region_and_each_edge():
    assert len(set(HOSTS)) == len(HOSTS)
    for service, place in itertools.product(("conversations", "mcs", "content"), ("", ".au1", ".sydney.au1")):
        assert f"{service}{place}.twilio.com" in HOSTS


@pytest.mark.skipif(shutil.which("keytool") is None, reason="Java is not at hand")
def test_javas_truststore_holds_our_authority(folder):
    words = ["keytool", "-list", "-keystore", folder / "truststore.p12", "-storepass", "changeit"]
    ended = subprocess.run([*words, "-v"], capture_output=True, text=True, check=True)

    assert "CN=Parlour local authority" in ended.stdout
    assert "trustedCertEntry" in ended.stdout

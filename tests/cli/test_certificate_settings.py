"""A certificate that cannot be used is refused at the start, with what to do instead."""

import pytest

from tests.certificates import make_pair
from tests.commands import refused, run
from tests.files import names_in


@pytest.fixture
def pair(tmp_path_factory):
    return make_pair(tmp_path_factory.mktemp("certificates"))


def ensure_refused(folder, *options, text):
    done = refused(folder, *options)

    assert done.returncode == 1, done
    assert text in done.stderr
    assert names_in(folder) == []


def test_a_file_that_does_not_exist(tmp_path, pair):
    text = "Error: --tls-certificate no.pem cannot be read: No such file or directory; give a file that the"
    ensure_refused(tmp_path, "--tls-certificate", "no.pem", text=text)
    text = "Error: --tls-key no.key cannot be read: No such file or directory; give a file that the"
    ensure_refused(tmp_path, *pair.options[:2], "--tls-key", "no.key", text=text)


def test_a_file_without_a_certificate(tmp_path, pair):
    text = "holds no certificate in PEM form: give the file with the server's certificate, followed by"
    ensure_refused(tmp_path, "--tls-certificate", pair.key, text=text)


def test_a_certificate_without_a_key(tmp_path, pair):
    text = "holds no private key in PEM form: name the key's file with --tls-key"
    ensure_refused(tmp_path, *pair.options[:2], text=text)
    text = "holds no private key in PEM form: give the key of the certificate"
    ensure_refused(tmp_path, *pair.options[:2], "--tls-key", pair.certificate, text=text)


def test_the_key_of_another_certificate(tmp_path, pair):
    other = make_pair(pair.key.parent, "other")
    text = "does not belong to the first certificate in"
    ensure_refused(tmp_path, *pair.options[:2], *other.options[2:], text=text)


def test_a_key_with_a_passphrase_is_refused_and_none_is_asked_for(tmp_path, pair):
    sealed = make_pair(pair.key.parent, "sealed", passphrase=b"secret")
    text = "is encrypted: give it without a passphrase, as `openssl pkey -in FILE -out NEW_FILE` writes it"
    ensure_refused(tmp_path, *sealed.options, text=text)


def test_a_key_without_a_certificate(tmp_path, pair):
    text = "--tls-key is of no use alone: name the certificate's file with --tls-certificate"
    ensure_refused(tmp_path, *pair.options[2:], text=text)


def test_a_key_that_is_too_weak(tmp_path, pair):
    weak = make_pair(pair.key.parent, "weak", rsa_bits=1_024)
    ensure_refused(tmp_path, *weak.options, text="cannot be used: EE_KEY_TOO_SMALL")


def test_names_of_files_may_have_any_bytes(tmp_path):
    done = run(tmp_path, "serve", "--tls-certificate", "\udcff.pem")

    assert done.returncode == 1
    assert "cannot be read" in done.stderr

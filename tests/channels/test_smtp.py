"""The smtp adapter: participants with an e-mail address get a real message from a real server."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.channels.test_gateway import upload
from tests.mailboxes import MailServer

DESK = "desk@example.com"


@pytest.fixture
def connect(carry, mail):
    def connect(**settings):
        return carry(**{"channels": "email=smtp", "smtp_url": f"smtp://127.0.0.1:{mail.port}"} | settings)

    return connect


def test_a_mail_says_what_the_message_says_and_belongs_to_its_thread(scene, connect, mail):
    scene.join("bob@example.org", DESK)
    scene.api.post(scene.path, {"FriendlyName": "Ticket 7", "Bindings.Email.Name": "Zoë's desk"})
    first = scene.post(Body="Grüße,\n.\nfrom the desk", Author="alice")
    second = scene.post(Body="More", Subject="About the cat\r\nBcc: eve@example.org")
    connect()
    [receipt] = scene.reached(first, "sent")
    scene.reached(second, "sent")
    mails = mail.wait_for(2)

    assert receipt["channel_message_sid"] == "EM" + receipt["sid"][2:]
    assert mail.envelopes == [(DESK, ["bob@example.org"])] * 2
    assert mails[0].get_content().split() == ["Grüße,", ".", "from", "the", "desk"]
    assert [each["Subject"] for each in mails] == ["Ticket 7", "About the cat Bcc: eve@example.org"]
    assert mails[1]["Bcc"] is None
    for each in mails:
        assert (each["From"], each["To"]) == (f"Zoë's desk <{DESK}>", "bob@example.org")
        assert each["References"] == each["In-Reply-To"] == f"<{first['conversation_sid']}@example.com>"
    assert mails[0]["Message-ID"] == f"<{receipt['sid']}@example.com>"
    assert mails[0]["Message-ID"] != mails[1]["Message-ID"]


def test_without_a_name_or_a_subject_there_are_plain_ones(scene, connect, mail):
    scene.join("bob@example.org", DESK)
    scene.post(Body="Hi")
    connect()
    [sent] = mail.wait_for(1)

    assert (sent["From"], sent["Subject"]) == (DESK, "New message")


def test_media_are_attached(scene, service, connect, mail):
    scene.join("bob@example.org", DESK)
    media = [
        upload(scene.api, service, content, name) for content, name in ((b"a cat", "cat.png"), (b"", "z"))
    ]
    message = scene.post(MediaSid=media)
    connect()
    scene.reached(message, "sent")
    [sent] = mail.wait_for(1)
    attached = [(each.get_filename(), each.get_content()) for each in sent.iter_attachments()]

    assert attached == [("cat.png", b"a cat"), ("z", b"")]


@pytest.mark.parametrize(
    ("reply", "error_code"),
    [("550 no such user", 30005), ("554 spam", 30007), ("552 too big", 30019), ("501 what", 30008)],
)
def test_a_recipient_that_is_refused_has_failed(scene, connect, mail, reply, error_code):
    mail.refuse = lambda address: reply if address.startswith("bob") else None
    scene.join("bob@example.org", DESK)
    scene.join("eve@example.org", DESK)
    message = scene.post(Body="Hi")
    connect()
    [receipt, _] = scene.reached(message, "failed", "sent")

    assert receipt["error_code"] == error_code
    assert len(mail.messages) == 1


def test_a_message_that_is_refused_has_failed(scene, connect, mail):
    mail.answer = lambda message: "554 spam"
    scene.join("bob@example.org", DESK)
    connect()
    [receipt] = scene.reached(scene.post(Body="Hi"), "failed")

    assert receipt["error_code"] == 30007


def test_what_may_pass_is_tried_again_with_the_same_id(scene, connect, mail, clock):
    seen = []

    def answer(message):
        seen.append(message["Message-ID"])
        return "451 later" if len(seen) == 1 else None

    mail.answer = answer
    scene.join("bob@example.org", DESK)
    message = scene.post(Body="Hi")
    connect()
    scene.until(scene.outgoing, lambda found: found[0]["attempts"])
    clock.advance(seconds=1)
    scene.reached(message, "sent")
    [delivery] = scene.outgoing()

    assert len(seen) == 2
    assert len(set(seen)) == 1
    assert [each["status_code"] for each in delivery["attempts"]] == [451, None]


def test_a_server_that_is_down_is_waited_for(scene, carry, clock):
    gone = MailServer()
    gone.stop()
    scene.join("bob@example.org", DESK)
    message = scene.post(Body="Hi")
    carry(channels="email=smtp", smtp_url=f"smtp://127.0.0.1:{gone.port}")
    scene.until(scene.outgoing, lambda found: found[0]["attempts"])
    back = MailServer(port=gone.port)
    clock.advance(seconds=1)
    scene.reached(message, "sent")
    back.stop()

    assert len(back.messages) == 1
    assert scene.outgoing()[0]["attempts"][0]["error"] == "the mail server cannot be reached"


def certificate_in(folder):
    """A key and a certificate for localhost, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    unlocked = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "mail.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, unlocked))
    (folder / "mail.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "mail.pem", folder / "mail.key"


@pytest.mark.parametrize(("trusted", "status"), [(True, "sent"), (False, None)])
def test_with_starttls_nothing_is_said_to_a_server_that_is_not_trusted(
    scene, carry, monkeypatch, tmp_path, trusted, status
):
    certificate = certificate_in(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    mail = MailServer(tls_context=context, require_starttls=True)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    scene.join("bob@example.org", DESK)
    message = scene.post(Body="Hi")
    carry(channels="email=smtp", smtp_url=f"smtp://localhost:{mail.port}?starttls=required")
    [delivery] = scene.until(scene.outgoing, lambda found: found[0]["attempts"])
    scene.reached(message, status)
    mail.stop()

    assert len(mail.messages) == int(trusted)
    assert delivery["attempts"][0]["error"] == (
        None if trusted else "the mail server's certificate is not trusted"
    )


@pytest.mark.parametrize(("password", "status"), [("s3cret%26", "sent"), ("wrong", None)])
def test_it_logs_in_and_a_login_that_is_refused_is_no_fault_of_the_message(scene, carry, password, status):
    mail = MailServer(login=True)
    scene.join("bob@example.org", DESK)
    message = scene.post(Body="Hi")
    carry(channels="email=smtp", smtp_url=f"smtp://me:{password}@127.0.0.1:{mail.port}")
    scene.until(scene.outgoing, lambda found: found[0]["attempts"])
    scene.reached(message, status)
    mail.stop()

    assert mail.logins[0] == ("me", password.replace("%26", "&"))


def test_without_an_address_to_send_from_it_fails(scene, connect):
    scene.join("bob@example.org", None)
    connect()
    [receipt] = scene.reached(scene.post(Body="Hi"), "failed")

    assert receipt["error_code"] == 21603


def test_the_conversations_address_is_sent_from_where_there_is_no_other(scene, connect, mail):
    scene.join("bob@example.org", None)
    scene.api.post(scene.path, {"Bindings.Email.Address": "room@example.com"})
    connect()
    scene.reached(scene.post(Body="Hi"), "sent")

    assert mail.envelopes == [("room@example.com", ["bob@example.org"])]


def test_an_address_that_no_header_can_hold_fails(scene, running, connect, mail):
    who = scene.join("bob@example.org", DESK)
    # As it may have been stored before such addresses were refused.
    place = ("a,b@example.org", who["conversation_sid"])
    running.in_database(
        lambda tx: tx.execute("UPDATE participants SET address = ? WHERE conversation_sid = ?", *place)
    )
    connect()
    [receipt] = scene.reached(scene.post(Body="Hi"), "failed")

    assert receipt["error_code"] == 30005
    assert mail.messages == []


def test_attachments_of_more_than_20_megabytes_are_not_tried(scene, service, connect, mail):
    scene.join("bob@example.org", DESK)
    media = upload(scene.api, service, b"x" * (20 * 1_048_576 + 1), "x")
    connect()
    [receipt] = scene.reached(scene.post(MediaSid=media), "failed")

    assert receipt["error_code"] == 30019
    assert mail.messages == []

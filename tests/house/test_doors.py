"""The places where text from outside becomes Python's: each is listed here, with what checks it."""

import ast
from pathlib import Path

from tests.documents import ensure_none

ROOT = Path(__file__).parents[2] / "src" / "parlour"
FILES = sorted(ROOT.rglob("*.py"))

# What turns bytes, escapes or another's values into text.
OPENERS = {
    "BodyPart",
    "Decoder",
    "MultipartForm",
    "b64decode",
    "convert",
    "decode",
    "get_param",
    "get_param_as_float",
    "get_param_as_int",
    "get_param_as_list",
    "get_media",
    "loads",
    "parse_header",
    "parse_json",
    "parse_qs",
    "parse_qsl",
    "parse_query_string",
    "safe_load",
    "to_builtins",
    "unquote",
    "unquote_plus",
    "unquote_to_bytes",
}
STORED = "JSON that we have stored ourselves"
READ = "what read_json has read"
# By file: what is opened there, and what sees to it that the text is good. A new place either uses a function
# of wire/texts.py alone, or comes in here with its reason.
KNOWN = {
    "api/http_request.py": {"decode": "ASCII only; headers as Latin-1"},
    "api/auth.py": {"b64decode": "decode_text"},
    "api/body.py": {"decode": READ},
    "api/forms.py": {
        "parse_query_string": "ensure_text, for each name and value",
        "unquote_to_bytes": "decode_text",
    },
    "api/idempotency.py": {"decode": STORED},
    "api/multipart.py": {
        "MultipartForm": "decode_text for names and values, ensure_text for names of files",
    },
    "api/uploads.py": {"MultipartForm": "ensure_text for names, decode_text for fields, a pattern for types"},
    "channels/adapter_results.py": {
        "convert": "ensure_texts, of reports of adapters",
        "to_builtins": "ensure_texts, of reports of adapters",
    },
    "channels/gateway.py": {
        "parse_json": "decode_text; NUL in its SID, the rest is compared with what is known"
    },
    "channels/outgoing_parameters.py": {"Decoder": STORED},
    "channels/smtp.py": {"parse_qs": "a setting", "unquote": "a setting"},
    "channels/transport.py": {"convert": "the texts of a delivery that we have stored ourselves"},
    "cli/webhooks.py": {"decode": "printed, never stored", "parse_qsl": "the same"},
    "control/client.py": {"loads": "the answers of our own server"},
    "control/documents.py": {"loads": "ensure_texts"},
    "control/faults.py": {"decode": "a path that is compared, never stored"},
    "control/requests.py": {"decode": "shown to who asks, never stored"},
    "dropin/authority.py": {"decode": "certificates of our own"},
    "dropin/proxy_requests.py": {
        "decode": "the head of a request that is forwarded or refused, never stored"
    },
    "resources/approvals.py": {"decode": STORED},
    "resources/attachments.py": {"decode": STORED},
    "resources/content.py": {"decode": STORED},
    "resources/content_types.py": {"convert": READ},
    "resources/reports.py": {"Decoder": STORED},
    "resources/webhook_targets.py": {"Decoder": STORED},
    "setting_checks.py": {"b64decode": "only its length is looked at"},
    "store/blobs.py": {"decode": "a SID that is compared and shown, never stored"},
    "store/credentials.py": {"decode": "tokens that we have sealed ourselves"},
    "store/export_frame.py": {"parse_json": "names of tables and numbers, which are compared"},
    "store/libpq_pipeline.py": {"decode": "names of columns"},
    "store/row_texts.py": {"decode": "ensure_texts"},
    "store/transfer.py": {"parse_json": "RowTexts, for each value of a row"},
    "testing/receiver.py": {"decode": "kept for a test, never stored", "parse_qsl": "the same"},
    "webhooks/events.py": {"decode": STORED},
    "webhooks/outbox.py": {"Decoder": STORED},
    "wire/field_types.py": {
        "decode": "only whether it is JSON; it is kept to the letter",
        "loads": "the same",
    },
}


def opened_in(file):
    """The openers that a file calls, and the line of the last call of each."""
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    names = {name_of(call): call.lineno for call in calls if not decodes_what_we_encoded(call)}
    return {name: line for name, line in names.items() if name in OPENERS}


def name_of(call):
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def decodes_what_we_encoded(call):
    """`encode(value).decode()`, which gives our own JSON or base64 as text."""
    inner = getattr(call.func, "value", None)
    return isinstance(inner, ast.Call) and name_of(inner) in {
        "encode",
        "b64encode",
        "urlsafe_b64encode",
        "encrypt",
    }


def test_every_place_where_text_comes_in_is_known():
    found = {str(file.relative_to(ROOT)): opened_in(file) for file in FILES}
    known = {name: set(reasons) for name, reasons in KNOWN.items()}
    # That is where text is checked.
    del found["wire/texts.py"]

    new = [
        f"src/parlour/{name}:{line}: {opener}"
        for name, calls in found.items()
        for opener, line in calls.items()
        if opener not in known.get(name, set())
    ]
    gone = [(name, each) for name, openers in known.items() for each in openers - set(found.get(name, ()))]
    ensure_none([*new, *gone])

"""The documentation says what the code does: these tests fail when the two part."""

import dataclasses
import os
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from parlour import __version__, errors, resources
from parlour.api.auth import TRUSTED_MILLISECONDS
from parlour.api.body import MAX_FORM_BYTES
from parlour.api.collection import OURS
from parlour.api.files import LINK_SECONDS
from parlour.api.openapi import describe
from parlour.api.routes import methods_of
from parlour.api.uploads import MAX_FILE_BYTES
from parlour.channels.simulated import MAGIC_NUMBERS
from parlour.channels.simulated import MAX_BODY_CHARACTERS as MAX_SENT_CHARACTERS
from parlour.channels.smtp import MAX_ATTACHED_BYTES
from parlour.config import MAX_PURGE_DAYS, Config, environment_name
from parlour.control.routes import ROUTES
from parlour.resources.attachments import MAX_MEDIA
from parlour.resources.channel_metadata import MAX_BYTES as MAX_METADATA_BYTES
from parlour.resources.deletions import STEP_ROWS
from parlour.resources.reports import ReportedReceipt
from parlour.store.engine import MAX_TOGETHER
from parlour.store.writer import MAX_WAITING
from parlour.webhooks.dispatcher import MAX_LANES_PER_THROTTLE_KEY
from parlour.wire.channels import CHANNELS
from parlour.wire.field_options import AcceptedOn
from parlour.wire.profiles import MAX_BODY_BYTES, MAX_BODY_CHARACTERS
from parlour.wire.resource import accepted_fields
from tests.commands import all_commands
from tests.contract.facts import published
from tests.documents import ROOT, code_of, ensure_none, read, rows_of
from tests.servers import ACCOUNT_SID, AUTH_TOKEN, TIMEOUT_SECONDS

# Linked to by messages, or known from recordings: in no published description.
UNPUBLISHED = ("/ChannelMetadata", "/Media", "/Media/{Sid}", "/Media/{Sid}/Content", "/MediaSet")

DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md")
    for path in ROOT.glob(pattern)
)
DECISIONS = [name for name in DOCUMENTS if re.match(r"docs/decisions/\d", name)]
PROBLEMS = {name: problem for name, problem in vars(errors).items() if isinstance(problem, errors.Problem)}

PARTS = ["Context", "Decision", "Consequences", "What we gave up"]

COMMANDS = [" ".join(["parlour", *words]) for words in all_commands()]
# Extras that no server needs.
FOR_DEVELOPING = {"testing", "dev", "bench"}

# Beside the settings, what the example is told.
NO_SETTINGS = {"PARLOUR_URL"}


def paths_in(marked):
    """The methods of each path in the tables of docs/compatibility.md whose state is among `marked`."""
    found = defaultdict(set)
    for path, methods, state, *_ in (row for row in rows_of("docs/compatibility.md") if len(row) == 4):
        if path.startswith(("`/v1", "`/parlour/v1")) and state in marked:
            found[path.strip("`")] |= set(methods.lower().split(", "))
    return dict(found)


def paths_of_the_original(marked):
    return {path: methods for path, methods in paths_in(marked).items() if path.startswith("/v1")}


def as_code(value):
    if isinstance(value, bool):
        return "`on`" if value else "`off`"
    return "—" if value is None else f"`{value}`"


def test_every_setting_stands_in_running_md_with_its_option_its_variable_and_its_default():
    rows = [row[:3] for row in rows_of("docs/running.md")]

    ensure_none([each for each in map(row_of, dataclasses.fields(Config)) if each not in rows])


def row_of(field):
    option = f"--{field.name.replace('_', '-')}" if field.metadata["option"] else None
    return [as_code(option), as_code(environment_name(field.name)), as_code(field.default)]


def places_in_documents(pattern):
    """Each place of a pattern in what the documents say: the document with the line, and what was found."""
    for name in DOCUMENTS:
        text = read(name)
        for match in re.finditer(pattern, text):
            yield f"{name}:{line_of(text, match.start())}", match


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def test_no_document_names_a_setting_that_does_not_exist():
    known = {environment_name(field.name) for field in dataclasses.fields(Config)} | NO_SETTINGS
    places = places_in_documents(r"\bPARLOUR_[A-Z_]*[A-Z]\b")

    ensure_none([(place, match[0]) for place, match in places if match[0] not in known])


def test_errors_md_lists_every_error_and_no_other():
    listed = [tuple(row[:3]) for row in rows_of("docs/errors.md") if row[0].isdigit()]
    known = [(str(each.code), str(each.status), each.message) for each in PROBLEMS.values()]

    assert sorted(listed) == sorted(known)


def test_errors_md_says_of_every_error_when_it_comes():
    assert [row for row in rows_of("docs/errors.md") if row[0].isdigit() and not row[3]] == []


def test_every_command_is_explained():
    code = code_of("docs/running.md") + code_of("README.md")

    assert [command for command in COMMANDS if not re.search(rf"{command}\b", code)] == []


def test_no_document_names_a_command_that_does_not_exist():
    known = {"parlour", *COMMANDS}
    said = [
        (f"{name}:{line_of(read(name), max(read(name).find(words), 0))}", f"parlour {words}".split())
        for name in DOCUMENTS
        for words in re.findall(r"\bparlour ([a-z][a-z -]*)", code_of(name))
    ]

    ensure_none([each for each in said if not {" ".join(each[1][:count]) for count in (2, 3)} & known])


def test_compatibility_md_marks_as_served_what_is_served_and_nothing_else():
    described = describe(resources.ALL, "http://localhost")["paths"]

    assert paths_in({"served"}) == {path: set(methods) for path, methods in described.items()}


def test_compatibility_md_holds_every_path_of_the_control_api_with_its_methods():
    listed = {
        row[0].strip("`"): {method.strip() for method in row[1].split(",")}
        for row in rows_of("docs/compatibility.md")
        if row[0].startswith(f"`{OURS}/") and row[-2] != "served"
    }
    served = {f"{OURS}{path}": set(methods_of(responder)) for path, responder in ROUTES.items()}

    assert listed == served


def test_testing_md_tells_of_every_fixture():
    source = read("src/parlour/testing/plugin.py")
    fixtures = re.findall(r"@pytest\.fixture.*\ndef (parlour\w*)\(", source)

    assert [row[0] for row in rows_of("docs/testing.md") if row[0].startswith("`parlour")] != []
    assert {row[0].strip("`") for row in rows_of("docs/testing.md")} >= set(fixtures)


def test_compatibility_md_says_of_every_path_whether_it_is_served():
    states = [row[2] for row in rows_of("docs/compatibility.md") if len(row) == 4 and "/v1" in row[0]]
    paths = [path for path in paths_of_the_original({"served", "not yet"}) if not path.endswith(UNPUBLISHED)]
    conversations = [path for path in paths if "Content" not in path]
    [said] = re.findall(r"has (\d+) paths", read("docs/compatibility.md"))

    assert set(states) <= {"served", "not yet"}
    assert len(conversations) == int(said)


def test_compatibility_md_holds_every_path_of_the_published_description():
    paths = published()["paths"]
    listed = paths_of_the_original({"served", "not yet"})
    beside = {path for path in listed if path not in paths}

    assert {path: listed.get(path) for path in paths} == {
        path: set(methods) for path, methods in paths.items()
    }
    assert all(path.endswith(UNPUBLISHED) for path in beside)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("docs/compatibility.md", f"{MAX_BODY_CHARACTERS:,} characters"),
        ("docs/compatibility.md", f"{MAX_BODY_BYTES:,} bytes"),
        ("docs/running.md", f"{MAX_FORM_BYTES:,} bytes"),
        ("docs/running.md", f"{MAX_FILE_BYTES:,} bytes"),
        ("docs/errors.md", f"{MAX_FILE_BYTES:,} bytes"),
        ("docs/running.md", f"| Media of a message | {MAX_MEDIA} |"),
        ("docs/running.md", f"0 to {MAX_PURGE_DAYS}"),
        ("docs/decisions/0032-files-that-are-harmless.md", f"{LINK_SECONDS} seconds"),
        ("docs/running.md", f"up to {MAX_TOGETHER}"),
        ("docs/running.md", f"| Rows that one step of a deletion removes | up to {STEP_ROWS} |"),
        ("docs/channels.md", f"{MAX_ATTACHED_BYTES:,} bytes"),
        ("docs/channels.md", f"{MAX_METADATA_BYTES:,} bytes"),
        ("docs/channels.md", f"{MAX_SENT_CHARACTERS:,}"),
        ("docs/channels.md", f"| {MAX_LANES_PER_THROTTLE_KEY}; one while"),
        ("docs/running.md", f"{MAX_WAITING:,}; then 503"),
    ],
)
def test_limits_are_given_as_they_are(name, number):
    assert number in read(name)


def test_credentials_are_trusted_for_as_long_as_it_says():
    assert TRUSTED_MILLISECONDS == 1_000, "running.md, SECURITY.md and decision 0012 say one second"


def test_every_dependency_has_its_reason_in_architecture_md():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    extras = project["optional-dependencies"].items()
    required = [project["dependencies"], *(each for name, each in extras if name not in FOR_DEVELOPING)]
    names = sorted(re.match(r"[A-Za-z0-9-]+", each)[0] for group in required for each in group)

    assert re.findall(r"^- \*\*([A-Za-z0-9-]+)\*\*: \S", read("ARCHITECTURE.md"), re.MULTILINE) == names


def test_every_make_word_exists():
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    said = {name: set(re.findall(r"\bmake ([a-z][a-z-]*)", code_of(name))) for name in DOCUMENTS}

    ensure_none([(name, words - targets) for name, words in said.items() if words - targets])


def test_every_relative_link_leads_to_a_file():
    links = [(place, match[1]) for place, match in places_in_documents(r"\]\(([^)\s]+)\)")]

    ensure_none([(place, link) for place, link in links if "://" not in link and not leads(place, link)])


def leads(place, link):
    folder = (ROOT / place.partition(":")[0]).parent
    return (folder / link.split("#")[0]).exists()


def test_the_changelog_tells_of_this_version_or_of_what_is_unreleased():
    headings = re.findall(r"^## \[(.+?)\]", read("CHANGELOG.md"), re.MULTILINE)

    assert headings[0] in {"Unreleased", __version__}
    assert [heading for heading in headings if heading != "Unreleased"][:1] in ([], [__version__])


def test_a_decision_has_its_four_parts_and_stands_in_the_index():
    index, parts = read("docs/decisions/README.md"), {}
    for name in DECISIONS:
        parts[name] = re.findall(r"^## (.+)$", read(name), re.MULTILINE)
        title = re.match(r"# (\d{4}): (.+)\n", read(name))
        assert f"- [{title[1]}]({Path(name).name}): {title[2]}\n" in index, f"{name}:1"

    ensure_none([(name, found) for name, found in parts.items() if found != PARTS])


def test_the_python_of_the_readme_works_as_printed(running):
    [program] = re.findall(r"^```python\n(.*?)^```", read("README.md"), re.DOTALL | re.MULTILINE)
    credentials = {"TWILIO_ACCOUNT_SID": ACCOUNT_SID, "TWILIO_AUTH_TOKEN": AUTH_TOKEN}
    done = subprocess.run(
        [sys.executable, "-c", program.replace("http://127.0.0.1:8080", running.url)],
        env={**os.environ, "NO_PROXY": "127.0.0.1", **credentials},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "0 alice Is anybody here?\n", "")


def test_channels_md_tells_the_fate_of_every_reserved_ending():
    listed = {row[0]: row[1:3] for row in rows_of("docs/channels.md") if re.fullmatch(r"\d{4}", row[0])}
    known = {
        digits: [", ".join(statuses) or "none", str(error_code or 0)]
        for digits, (statuses, error_code) in MAGIC_NUMBERS.items()
    }

    assert listed == known


def test_channels_md_names_every_channel_and_every_parameter_of_a_report():
    text = read("docs/channels.md")
    parameters = accepted_fields(ReportedReceipt, AcceptedOn.UPDATE)

    assert {name for name in CHANNELS if f"`{name}`" not in text} == set()
    assert {name for name in parameters if f"| `{name}` |" not in text} == set()

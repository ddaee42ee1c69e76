"""The main table: Parlour, the floor and the naive server under the same loads."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import report
from bench.conversations import FilledConversation, make_conversation
from bench.errors import BenchError
from bench.interleaving import interleaved_rounds
from bench.load import LoadGenerator, Pace
from bench.operations import Request, send_request
from bench.results import Comparison, Row
from bench.servers import Server, running_module, running_parlour

MESSAGES = 100_000
FLOOR_ANSWERS = ("create", "fetch", "list")


def measure_servers(
    folder: Path, generator: LoadGenerator, pace: Pace, chosen: Sequence[tuple[str, int]]
) -> Comparison:
    conversation = make_conversation(folder / "servers", MESSAGES)
    rows = []
    with ExitStack() as running:
        parlour = running.enter_context(running_parlour(folder, conversation.database))
        answers = store_answers(parlour, conversation, folder / "answers")
        floor = running.enter_context(running_module("floor", folder, answers))
        naive = running.enter_context(running_module("naive", folder, *naive_arguments(folder, conversation)))
        servers = (parlour, floor, naive)
        ensure_same_shape(servers, conversation.requests)
        report.echo_heading()
        for name, connections in chosen:
            targets = [(server, conversation.requests[name]) for server in servers]
            rows.append(Row(name, connections, *interleaved_rounds(generator, pace, targets, connections)))
            report.echo_row(rows[-1])
        return Comparison(rows, parlour.memory(), conversation.first_answer_seconds)


def naive_arguments(folder: Path, conversation: FilledConversation) -> list[str | Path]:
    return [
        folder / "naive.db",
        conversation.service_sid,
        conversation.conversation_sid,
        str(conversation.messages),
    ]


def store_answers(parlour: Server, conversation: FilledConversation, folder: Path) -> Path:
    """Store Parlour's answers as files, which the floor returns."""
    folder.mkdir()
    for name in FLOOR_ANSWERS:
        (folder / name).write_bytes(send_request(parlour.url, conversation.requests[name]))
    return folder


def ensure_same_shape(servers: Sequence[Server], requests: Mapping[str, Request]) -> None:
    """Raise BenchError if the servers' answers have different fields, or different numbers of messages."""
    for name, request in requests.items():
        expected, *others = (shape(send_request(server.url, request)) for server in servers)
        if any(other != expected for other in others):
            raise BenchError(f"{name}: the answers differ: {expected}, {others}")


def shape(answer: bytes) -> tuple[list[str], int]:
    """Return the names of a message's fields, and the number of messages."""
    body = json.loads(answer)
    messages = body.get("messages", [body])
    return sorted(messages[0]), len(messages)

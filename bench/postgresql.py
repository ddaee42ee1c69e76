"""Parlour and the naive server on PostgreSQL; one process of Parlour and two."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import report
from bench.cluster import Cluster, running_cluster
from bench.comparison import ensure_same_shape
from bench.interleaving import interleaved_rounds
from bench.load import LoadGenerator, LoadResult, Pace
from bench.operations import ACCOUNT_SID, FORM, TARGET_CONNECTIONS, Request, request_json
from bench.processors import ProcessorWatch
from bench.quotas import children, half_a_core_each
from bench.results import CONVERSATIONS, Contrast, ParlourAndNaive, PostgreSQLResult, TwoProcesses
from bench.servers import PARLOUR, Server, running_module, running_parlour

PROCESSES = 2


@dataclass(frozen=True)
class ImportedConversations:
    """The URL of a database with imported conversations, and the service that they are in."""

    url: str
    service_sid: str

    @property
    def requests(self) -> dict[str, Request]:
        path = f"/v1/Services/{self.service_sid}/Conversations/CH%032d/Messages"
        return {
            f"create in {CONVERSATIONS} conversations": Request("POST", path, FORM, ((1, CONVERSATIONS),)),
            "create in one conversation": Request("POST", path, FORM, ((1, 1),)),
        }


def measure_postgresql(folder: Path, generator: LoadGenerator, pace: Pace) -> PostgreSQLResult:
    # Apart from the other files: the server may run as another user, who has to reach this folder.
    cluster_folder = folder / "cluster"
    cluster_folder.mkdir()
    with running_cluster(cluster_folder) as cluster:
        conversations = import_conversations(folder, cluster.create_database("parlour"))
        report.echo_naive_heading("On PostgreSQL")
        rows = list(
            compare_with_naive(folder, generator, pace, conversations, cluster.create_database("naive"))
        )
        found = PostgreSQLResult(rows, *measure_processes(folder, generator, pace, conversations, cluster))
    report.echo_processes(found)
    return found


def import_conversations(folder: Path, url: str) -> ImportedConversations:
    """Create a service by the API, and import conversations with SIDs that are numbers."""
    with running_parlour(folder, url) as parlour:
        made = request_json(parlour.url, Request("POST", "/v1/Services", "FriendlyName=Bench"))
    common = {"account_sid": ACCOUNT_SID, "chat_service_sid": made["sid"]}
    common |= {"date_created": 0, "date_updated": 0}
    lines = [
        {"table": "conversations", "row": {"sid": f"CH{number:032}", **common}}
        for number in range(1, CONVERSATIONS + 1)
    ]
    text = "\n".join(map(json.dumps, lines))
    subprocess.run(
        [PARLOUR, "import", "--database", url], input=text, text=True, check=True, capture_output=True
    )
    return ImportedConversations(url, made["sid"])


def compare_with_naive(
    folder: Path, generator: LoadGenerator, pace: Pace, conversations: ImportedConversations, naive_url: str
) -> Iterator[ParlourAndNaive]:
    with (
        running_parlour(folder, conversations.url) as parlour,
        running_module("naive", folder, naive_url, conversations.service_sid, str(CONVERSATIONS)) as naive,
    ):
        ensure_same_shape((parlour, naive), conversations.requests)
        for name, request in conversations.requests.items():
            targets = [(parlour, request), (naive, request)]
            pair = ParlourAndNaive(name, *interleaved_rounds(generator, pace, targets, TARGET_CONNECTIONS))
            report.echo_naive(pair)
            yield pair


def measure_processes(
    folder: Path, generator: LoadGenerator, pace: Pace, conversations: ImportedConversations, cluster: Cluster
) -> tuple[TwoProcesses, TwoProcesses | None]:
    """Compare one process with two: without a limit, and if possible with half a core for each."""
    with (
        # Started first: it answers as soon as one of its two processes does, and the other needs some time.
        running_parlour(folder, conversations.url, "--workers", str(PROCESSES)) as two,
        running_parlour(folder, conversations.url) as one,
    ):
        load = (generator, pace, conversations, (one, two), cluster.process_id)
        unlimited = measure_two_processes(*load)
        with half_a_core_each([one.process_id, *children(two.process_id)]) as is_limited:
            return unlimited, measure_two_processes(*load) if is_limited else None


def measure_two_processes(
    generator: LoadGenerator,
    pace: Pace,
    conversations: ImportedConversations,
    servers: tuple[Server, Server],
    postgresql: int,
) -> TwoProcesses:
    # As many for each of the two processes as one process has in other measurements.
    connections = PROCESSES * TARGET_CONNECTIONS
    load = (conversations.requests[f"create in {CONVERSATIONS} conversations"], connections, pace.seconds)
    one, two = servers
    rounds: tuple[list[LoadResult], list[LoadResult]] = ([], [])
    watch = ProcessorWatch(two.process_id, postgresql)
    for _ in range(pace.rounds):
        rounds[0].append(generator.load(one.url, *load))
        with watch.watching():
            rounds[1].append(generator.load(two.url, *load))
    return TwoProcesses(Contrast(f"{connections} connections", *rounds), watch.shares())

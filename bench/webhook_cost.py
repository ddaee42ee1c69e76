"""What creating a message costs if it fires a webhook."""

from pathlib import Path

from bench import report
from bench.conversations import FilledConversation, make_conversation
from bench.load import LoadGenerator, LoadResult, Pace
from bench.operations import FORM, TARGET_CONNECTIONS, Request, send_request
from bench.results import Contrast
from bench.servers import running_module, running_parlour

MESSAGES = 1_000


def measure_webhook_cost(folder: Path, generator: LoadGenerator, pace: Pace) -> Contrast:
    """Start a server for each round, so that no round delivers what the one before has left."""
    conversation = make_conversation(folder / "webhook-cost", MESSAGES)
    create = conversation.requests["create"]
    requests = (create, Request(create.method, create.path, create.form, fires_webhooks=True))
    rounds: tuple[list[LoadResult], list[LoadResult]] = ([], [])
    with running_module("receiver", folder) as receiver:
        configure(folder, conversation, f"{receiver.url}/")
        for _ in range(pace.rounds):
            for request, results in zip(requests, rounds, strict=True):
                with running_parlour(folder, conversation.database) as parlour:
                    loaded = generator.load(parlour.url, request, TARGET_CONNECTIONS, pace.seconds)
                results.append(loaded)
    row = Contrast("create", *rounds)
    report.echo_contrast(row, "no webhook", "one webhook")
    return row


def configure(folder: Path, conversation: FilledConversation, url: str) -> None:
    form = f"PostWebhookUrl={url}&Filters=onMessageAdded"
    path = f"/v1/Services/{conversation.service_sid}/Configuration/Webhooks"
    with running_parlour(folder, conversation.database) as parlour:
        send_request(parlour.url, Request("POST", path, form))
        send_request(
            parlour.url, Request("POST", conversation.requests["create"].path, FORM, fires_webhooks=True)
        )

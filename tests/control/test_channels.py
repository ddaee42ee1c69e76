"""Simulated channels under control: statuses come when the clock says so, and go with a reset."""

import pytest

from tests.channels.conftest import READER, Scene

pytestmark = pytest.mark.both_engines


def test_the_clock_moves_statuses_along_and_a_reset_takes_them_away(api, control, room):
    control.post("Clock", now="2024-01-01T00:00:00Z", stopped=True)
    scene = Scene(api, room)
    scene.join(*READER)
    message = scene.post(Body="Hi")
    scene.reached(message, "sent")
    control.post("Snapshots", name="sent")
    for seconds, status in ((1, "delivered"), (2, "read")):
        control.post("Clock", advance=seconds)
        scene.reached(message, status)
    assert control.request("POST", "Snapshots/sent").status_code == 204
    scene.reached(message, "read")
    control.post("Reset")

    assert api.get("Conversations").json()["conversations"] == []
    assert scene.outgoing() == []

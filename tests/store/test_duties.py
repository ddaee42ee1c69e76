"""What one process does for all: no two do it at a time, and another takes over when the lease is over."""

import pytest

from parlour.resources.default_roles import WITHOUT_ROLES, add_default_roles
from parlour.resources.purge import LEASE_MILLISECONDS, Purger, RetentionPolicy
from parlour.store.duties import leave_duty, take_duty
from tests.files import files_in

pytestmark = pytest.mark.core


def test_a_duty_is_held_prolonged_and_taken_over(running, clock):
    def take(holder, name="purge"):
        return running.in_database(lambda tx: take_duty(tx, name, holder, 1_000))

    assert take("first")
    assert not take("second")
    assert take("second", name="other")
    clock.advance(milliseconds=999)
    assert take("first")
    clock.advance(milliseconds=999)
    assert not take("second")
    clock.advance(milliseconds=1)
    assert take("second")
    assert not take("first")
    running.in_database(lambda tx: leave_duty(tx, "purge", "first"))
    assert not take("first")
    running.in_database(lambda tx: leave_duty(tx, "purge", "second"))
    assert take("first")


def test_of_two_purgers_one_purges_and_whoever_stops_leaves_it_to_others(
    running, api, service, clock, tmp_path
):
    parts = (running.database, running.blobs, RetentionPolicy(24, 0))
    api.request("POST", f"{service}/Media", data=b"a cat", headers={"Content-Type": "image/png"})
    clock.advance(hours=25)
    running.in_database(lambda tx: take_duty(tx, "purge", "first", LEASE_MILLISECONDS))
    with Purger(*parts, "second") as second:
        second._purge(thoroughly=True)
        assert len(files_in(tmp_path)) == 1
        with Purger(*parts, "first") as first:
            first._purge(thoroughly=True)
        assert files_in(tmp_path) == []
        assert second._has_duty()


def test_the_purge_gives_roles_to_services_of_a_program_beside_it(running, api, service):
    parts = (running.database, running.blobs, RetentionPolicy(24, 0))
    roles = api.get(f"{service}/Roles").json()["roles"]
    running.in_database(lambda tx: (tx.execute("DELETE FROM roles"), tx.discard()))
    with Purger(*parts, "first") as first:
        first._purge(thoroughly=False)

    assert api.get(f"{service}/Roles").json()["roles"] == roles
    assert running.in_database(lambda tx: tx.select(WITHOUT_ROLES)) == []


def test_roles_that_another_process_has_added_meanwhile_stay_as_they_are(running, api, service):
    before = api.get(f"{service}/Roles").json()["roles"]
    api.post(before[0]["url"], Permission="sendMessage")
    changed = api.get(f"{service}/Roles").json()["roles"]
    running.in_database(lambda tx: add_default_roles(tx, service.rpartition("/")[2]))

    assert api.get(f"{service}/Roles").json()["roles"] == changed != before

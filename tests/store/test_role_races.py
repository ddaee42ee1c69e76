"""Roles that one process deletes while another makes them default roles: one of the two is refused."""

import threading

import pytest

PROCESSES = 2
RACES = 40
GUEST = {"FriendlyName": "guest", "Type": "conversation", "Permission": "sendMessage"}


def at_once(server, *steps):
    """What each step gives, over connections that may lead to any process."""
    found, together = [None] * len(steps), threading.Barrier(len(steps))

    def run(number):
        with server.api() as api:
            together.wait()
            found[number] = steps[number](api).status_code

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tuple(found)


@pytest.mark.parametrize("storage", ["postgresql"], indirect=True)
def test_a_default_role_is_never_one_that_is_deleted(launch):
    server, outcomes = launch("--workers", str(PROCESSES)), set()
    with server.api() as api:
        service = "Services/" + api.post("Services", FriendlyName="a").json()["sid"]
        configuration = f"{service}/Configuration"
        first = api.get(configuration).json()["default_conversation_role_sid"]
        for _ in range(RACES):
            role = api.post(f"{service}/Roles", GUEST).json()["sid"]
            outcomes.add(
                at_once(
                    server,
                    lambda api, sid=role: api.delete(f"{service}/Roles/{sid}"),
                    lambda api, sid=role: api.post(configuration, DefaultConversationRoleSid=sid),
                )
            )
            given = api.get(configuration).json()["default_conversation_role_sid"]
            assert api.get(f"{service}/Roles/{given}").status_code == 200
            api.post(configuration, DefaultConversationRoleSid=first)

    assert outcomes <= {(204, 400), (409, 200)}

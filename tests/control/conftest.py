"""A server with `--control`, a caller of the control API, and one of the API."""

import pytest


class Control:
    """The control API; paths are relative to `/parlour/v1/`."""

    def __init__(self, api):
        self._api = api

    def request(self, method, path, **options):
        return self._api.request(method, f"{self._api.url}/parlour/v1/{path}", **options)

    def get(self, path):
        return self.request("GET", path).json()

    def post(self, path, /, **document):
        answer = self.request("POST", path, json=document)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def delete(self, path):
        assert self.request("DELETE", path).status_code == 204


@pytest.fixture
def controlled(serve):
    return serve(control=True)


@pytest.fixture
def api(controlled):
    with controlled.api() as api:
        yield api


@pytest.fixture
def control(api):
    return Control(api)


@pytest.fixture
def room(api):
    return "Conversations/" + api.post("Conversations", UniqueName="room").json()["sid"]

"""Who is told of what: scopes, filters, triggers, flows and replays."""

import pytest

from parlour.webhooks.events import FILTERS

pytestmark = pytest.mark.both_engines

ALL = list(FILTERS)


@pytest.fixture
def account_told(api, receiver):
    form = {"PostWebhookUrl": f"{receiver.url}/account", "Filters": ALL}
    assert api.request("POST", "Configuration/Webhooks", data=form).status_code == 200


@pytest.fixture
def paths(receiver, dispatch, settled):
    """The paths that were told something, once nothing is under way."""
    dispatch()

    def paths(count):
        settled(count)
        return [hook.path for hook in receiver.hooks]

    return paths


def webhook(receiver, filters=("onMessageAdded",), **more):
    return {
        "Target": "webhook",
        "Configuration.Url": f"{receiver.url}/conversation",
        "Configuration.Filters": list(filters),
        **more,
    }


def test_an_account_is_told_of_a_service_without_webhooks(hooked, room, account_told, paths):
    hooked.post(f"{room}/Messages")

    assert paths(1) == ["/account"]


def test_a_services_webhook_silences_the_accounts(hooked, room, account_told, listen, paths, receiver):
    listen()
    hooked.post(f"{room}/Messages")
    hooked.post("Conversations")

    assert sorted(paths(2)) == ["/account", "/post"]
    assert {hook.event: hook.path for hook in receiver.hooks} == {
        "onMessageAdded": "/post",
        "onConversationAdded": "/account",
    }


def test_a_conversations_webhook_is_told_in_addition(hooked, room, listen, paths, receiver):
    listen()
    hooked.post(f"{room}/Webhooks", webhook(receiver))
    hooked.post(f"{room}/Messages")

    assert sorted(paths(2)) == ["/conversation", "/post"]


def test_filters_decide(hooked, room, listen, paths, receiver):
    listen(filters=["onMessageRemoved", "onMessageAdd"])
    hooked.post(f"{room}/Webhooks", webhook(receiver, ["onMessageUpdated"]))
    message = hooked.post(f"{room}/Messages").json()
    hooked.post(message["url"], Body="edited")
    hooked.delete(message["url"])

    assert sorted(paths(2)) == ["/conversation", "/post"]
    assert sorted(receiver.events()) == ["onMessageRemoved", "onMessageUpdated"]


def test_no_filter_is_nothing_told(hooked, room, listen, paths, receiver):
    listen(filters=[""])
    hooked.post(f"{room}/Messages")
    hooked.post(f"{room}/Webhooks", webhook(receiver))
    hooked.post(f"{room}/Messages")

    assert paths(1) == ["/conversation"]


def test_a_conversations_own_webhook_hears_of_its_end(hooked, room, paths, receiver):
    hooked.post(f"{room}/Webhooks", webhook(receiver, ["onConversationRemoved"]))
    hooked.delete(room)

    assert paths(1) == ["/conversation"]


def test_a_trigger_hears_of_messages_with_its_words(hooked, room, paths, receiver):
    form = {
        "Target": "trigger",
        "Configuration.Url": f"{receiver.url}/trigger",
        "Configuration.Triggers": ["help", "Stop it"],
    }
    hooked.post(f"{room}/Webhooks", form)
    for body in ("hello", "I need HELP!", "please stop it now", "stop"):
        hooked.post(f"{room}/Messages", Body=body)

    assert paths(2) == ["/trigger"] * 2
    assert [hook.parameters["Body"] for hook in receiver.hooks] == ["I need HELP!", "please stop it now"]


@pytest.mark.parametrize("is_set", [True, False])
def test_a_studio_flow_hears_where_the_setting_says(hooked, room, dispatch, receiver, settled, is_set):
    dispatch(studio_url=f"{receiver.url}/flows/{{FlowSid}}?x=1" if is_set else None)
    flow = "FW" + "a" * 32
    hooked.post(f"{room}/Webhooks", {"Target": "studio", "Configuration.FlowSid": flow})
    hooked.post(f"{room}/Messages", Body="hello")
    [delivery] = settled(1)

    assert delivery["status"] == ("delivered" if is_set else "failed")
    assert [hook.path for hook in receiver.hooks] == ([f"/flows/{flow}"] if is_set else [])


def test_a_flow_whose_url_is_none_has_failed_and_the_next_event_goes_on(
    hooked, room, listen, dispatch, receiver, settled
):
    listen()
    dispatch(studio_url="http://[bad/{FlowSid}")
    hooked.post(f"{room}/Webhooks", {"Target": "studio", "Configuration.FlowSid": "FW" + "a" * 32})
    for body in "ab":
        hooked.post(f"{room}/Messages", Body=body)
    deliveries = settled(4)
    to_flow = [each for each in deliveries if each["target_url"].startswith("studio:")]

    assert [each["status"] for each in to_flow] == ["failed"] * 2
    assert [len(each["attempts"]) for each in to_flow] == [1, 1]
    assert all(each["attempts"][0]["error"].startswith("the URL is not valid") for each in to_flow)
    assert [hook.parameters["Body"] for hook in receiver.hooks] == ["a", "b"]


def test_a_new_webhook_is_told_again_what_was_said(hooked, room, paths, receiver):
    for body in "abcd":
        hooked.post(f"{room}/Messages", Body=body)
    hooked.post(f"{room}/Webhooks", webhook(receiver, **{"Configuration.ReplayAfter": "2"}))
    hooked.post(f"{room}/Messages", Body="e")

    paths(3)
    assert [hook.parameters["Body"] for hook in receiver.hooks] == list("cde")


def test_each_account_is_told_of_its_own(hooked, stranger, receiver, account_told, paths):
    stranger.session.headers.update(hooked.session.headers)
    stranger.post("Conversations")
    hooked.post("Conversations", FriendlyName="mine")

    assert paths(1) == ["/account"]
    assert receiver.hooks[0].parameters["FriendlyName"] == "mine"


def test_a_get_carries_the_same_in_its_query(hooked, service, room, listen, dispatch, receiver):
    listen(Method="GET", PostWebhookUrl=f"{receiver.url}/post?capscope=a%20b&ü=1")
    dispatch()
    hooked.post(f"{room}/Messages", Body="Hi & ü")
    [hook] = receiver.wait_for(1)

    assert hook.method == "GET"
    assert hook.is_signed
    assert hook.parameters["Body"] == "Hi & ü"
    assert hook.parameters["capscope"] == "a b"

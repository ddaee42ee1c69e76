"""POST …/Messages with ContentSid: templates and their variables become a message."""

import json

import pytest

from tests.files import upload

pytestmark = pytest.mark.both_engines


def make(api, types, **body):
    return api.request("POST", "Content", json={"language": "en", "types": types, **body}).json()["sid"]


def send(api, room, content, variables=None, **form):
    given = {} if variables is None else {"ContentVariables": json.dumps(variables)}
    return api.post(f"{room}/Messages", ContentSid=content, **given, **form)


def body_of(api, room, template, sent, **content):
    return send(api, room, make(api, {"twilio/text": {"body": template}}, **content), sent).json()["body"]


def test_the_example_of_the_published_description(api, room):
    content = make(api, {"twilio/text": {"body": "Hello {{name}}"}})
    answer = send(api, room, content, {"name": "John"}, Author="message author")
    message = answer.json()

    assert answer.status_code == 201
    assert (message["body"], message["content_sid"], message["media"]) == ("Hello John", content, None)
    assert api.get(message["url"]).json() == message


def test_a_body_and_media_beside_it_are_ignored(api, service, room, running):
    media = upload(api, service).json()
    content = make(api, {"twilio/text": {"body": "Hello"}})
    message = send(api, room, content, Body="x" * 1_601, MediaSid=media["sid"]).json()

    assert (message["body"], message["media"]) == ("Hello", None)
    assert api.get(running.url + media["url"]).json()["message_sid"] is None


@pytest.mark.parametrize(
    ("template", "variables", "said"),
    [
        ("{{1}} and {{ 2 }}", {"1": "a", "2": "b"}, "a and b"),
        ("{{1}}{{1}}", {"1": "{{2}}", "2": "b"}, "{{2}}{{2}}"),
        ("{{1}}", {}, "default"),
        ("{{1}}", {"1": ""}, ""),
        ("{{1}}", {"1": None}, "default"),
        ("{{1}}", {"1": 7}, "7"),
        ("{{1}}", {"1": 2.5}, "2.5"),
        ("{{1}}", {"1": True}, "true"),
        ("a{{missing}}b", {}, "ab"),
        ("{1} {{}} {{a b}} }}{{", {}, "{1} {{}} {{a b}} }}{{"),
        ("{{1}}", {"1": "😀\n\\1"}, "😀\n\\1"),
        ("{{order-id.x}}", {"order-id.x": "9"}, "9"),
    ],
)
def test_variables_take_their_places(api, room, template, variables, said):
    assert body_of(api, room, template, variables, variables={"1": "default"}) == said


def test_defaults_alone_are_enough(api, room):
    assert body_of(api, room, "Hello {{name}}", None, variables={"name": "you"}) == "Hello you"


@pytest.mark.parametrize(
    ("types", "said"),
    [
        (
            {
                "twilio/quick-reply": {"body": "Q", "actions": [{"title": "Y"}]},
                "twilio/text": {"body": "T {{1}}"},
            },
            "T x",
        ),
        ({"twilio/quick-reply": {"body": "Q {{1}}", "actions": [{"title": "Y"}]}}, "Q x"),
        ({"twilio/media": {"media": ["https://example.org/{{1}}"], "body": "M {{1}}"}}, "M x"),
        ({"twilio/media": {"media": ["https://example.org/{{1}}"]}}, None),
        ({"twilio/location": {"latitude": 1, "longitude": 2, "label": "At {{1}}"}}, "At x"),
        ({"twilio/card": {"title": "Card {{1}}", "subtitle": "Sub"}}, "Card x"),
        ({"twilio/carousel": {"body": "C {{1}}", "cards": []}}, "C x"),
    ],
)
def test_a_chat_shows_the_text_if_there_is_one_else_what_the_first_type_says(api, room, types, said):
    assert send(api, room, make(api, types), {"1": "x"}).json()["body"] == said


def test_variables_are_put_into_every_string_of_the_type_that_is_sent(api, room, running):
    actions = [{"type": "URL", "title": "See {{1}}", "url": "https://example.org/{{1}}"}]
    content = make(api, {"twilio/call-to-action": {"body": "Hi {{1}}", "actions": actions}})
    send(api, room, content, {"1": "x"})
    [(kept,)] = running.in_database(lambda tx: tx.select("SELECT content FROM messages"))

    assert json.loads(kept) == {
        "type": "twilio/call-to-action",
        "data": {
            "body": "Hi x",
            "actions": [{"type": "URL", "title": "See x", "url": "https://example.org/x"}],
        },
    }


def test_a_message_keeps_what_it_said_when_its_content_changes_or_goes(api, room):
    content = make(api, {"twilio/text": {"body": "Hello"}})
    message = send(api, room, content).json()
    api.request("PUT", f"Content/{content}", json={"types": {"twilio/text": {"body": "Bye"}}})
    api.delete(f"Content/{content}")

    assert api.get(message["url"]).json() == message


def test_what_is_rendered_must_fit_into_a_body(api, room):
    content = make(api, {"twilio/text": {"body": "x" * 1_500 + "{{1}}"}})

    assert send(api, room, content, {"1": "x" * 100}).status_code == 201
    refused = send(api, room, content, {"1": "x" * 101})
    assert (refused.status_code, refused.json()["code"]) == (400, 50504)


def test_so_must_the_whole_of_it(api, room):
    content = make(api, {"twilio/text": {"body": "x"}, "a/b": {}})
    assert send(api, room, content).status_code == 201

    refused = send(api, room, make(api, {"a/b": {"title": "x", "more": ["{{1}}" * 300]}}), {"1": "y" * 256})
    assert (refused.status_code, refused.json()["code"]) == (400, 50504)


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"ContentSid": "nonsense"}, 400, 50526),
        ({"ContentVariables": "[]"}, 400, 50527),
        ({"ContentVariables": '{"1": {}}'}, 400, 50527),
        ({"ContentSid": None, "ContentVariables": "{}"}, 400, 50528),
        ({"ContentVariables": '{"1": "%s"}' % ("x" * 27_801)}, 400, 50529),
        ({"ContentVariables": '{"%s": "x"}' % ("k" * 27_801)}, 400, 50529),
        ({"ContentVariables": json.dumps({str(n): "x" for n in range(101)})}, 400, 50529),
        ({"ContentVariables": json.dumps({str(n): "x" for n in range(1_000)})}, 400, 50529),
        ({"ContentVariables": '{"1": 1%s}' % ("0" * 256)}, 400, 50541),
        ({"ContentVariables": '{"%s": "x"}' % ("k" * 17)}, 400, 50540),
        ({"ContentVariables": '{"1": "%s"}' % ("x" * 257)}, 400, 50541),
        ({"ContentSid": "HX" + "f" * 32}, 404, 20404),
    ],
)
def test_what_is_refused(api, room, form, status, code):
    form = {"ContentSid": make(api, {"twilio/text": {"body": "Hello"}}), **form}
    answer = api.post(f"{room}/Messages", {name: value for name, value in form.items() if value is not None})

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert api.get(f"{room}/Messages").json()["messages"] == []


LONGEST = {f"{number:016}": "é" * 256 for number in range(100)}


def characters_of(values):
    return len(json.dumps(values, ensure_ascii=False, separators=(",", ":")))


def test_a_hundred_variables_of_the_longest_form_are_taken_however_they_are_written(api, room):
    content = make(api, {"twilio/text": {"body": "{{" + "99".zfill(16) + "}}"}})
    assert characters_of(LONGEST) == 27_801

    for raw in (json.dumps(LONGEST, ensure_ascii=False), json.dumps(LONGEST, indent=8)):
        answer = api.post(f"{room}/Messages", ContentSid=content, ContentVariables=raw)
        assert (answer.status_code, answer.json()["body"]) == (201, "é" * 256)
    assert len(raw) > 100_000


def test_one_character_more_is_too_long_altogether(api, room):
    content = make(api, {"twilio/text": {"body": "Hello"}})
    longer = {**LONGEST, f"{0:016}": "é" * 257}
    answer = send(api, room, content, longer)

    assert (answer.status_code, answer.json()["code"]) == (400, 50529)


def test_content_of_another_account_is_not_found(api, stranger, room):
    content = make(stranger, {"twilio/text": {"body": "Hello"}})

    assert send(api, room, content).status_code == 404

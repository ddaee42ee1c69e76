"""Old versions of the official clients, unchanged, under `parlour run`."""

import json
import shutil

import pytest

from tests.dropin.test_samples import ROOT, has_node_packages, run, why_not

OLD = ROOT / ".venv" / "old"
# Every form of this version is multipart: with parameters, with none, and with repeated ones.
NODE = """
const client = require("twilio")(process.env.TWILIO_ACCOUNT_SID, process.env.TWILIO_AUTH_TOKEN);
const conversations = client.conversations.v1.conversations;
(async () => {
  await conversations.create();
  const room = conversations((await conversations.create({ friendlyName: "Raum für ☕" })).sid);
  const alice = await room.participants.create({ identity: "älice" });
  const sent = await room.messages.create({
    author: "älice", body: "Grüße ☕\\r\\n--x", attributes: JSON.stringify({ mood: "schön" }),
    dateCreated: new Date(0), xTwilioWebhookEnabled: "true",
  });
  const webhook = await room.webhooks.create({
    target: "webhook",
    configuration: { url: "http://127.0.0.1:9/", filters: ["onMessageAdded", "onMessageUpdated"] },
  });
  const edited = await room.messages(sent.sid).update({ body: "Später" });
  const listed = await room.messages.list();
  const { friendlyName } = await room.fetch();
  await room.messages(sent.sid).remove();
  await room.participants(alice.sid).remove();
  const refused = await room.messages.create({ attributes: "{" }).catch((error) => error);
  await room.remove();
  console.log(JSON.stringify({
    friendlyName, body: sent.body, attributes: JSON.parse(sent.attributes), author: sent.author,
    created: sent.dateCreated,
    filters: webhook.configuration.filters, edited: edited.body, listed: listed.map((each) => each.body),
    left: (await conversations.list()).length, refused: [refused.status, refused.code],
  }));
})();
"""


def lines_of(folder, words, ending, program, **environment):
    (folder / f"sample.{ending}").write_text(program)
    ended = run(folder, *words, f"sample.{ending}", **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout)


NODE_MODULES = OLD / "node" / "node_modules"


@pytest.mark.long
def test_the_multipart_forms_of_an_old_client_for_node(tmp_path):
    if shutil.which("node") is None or not has_node_packages(NODE_MODULES):
        pytest.skip(why_not("node", "node", NODE_MODULES))

    assert lines_of(tmp_path, ["node"], "js", NODE, NODE_PATH=str(NODE_MODULES)) == {
        "friendlyName": "Raum für ☕",
        "body": "Grüße ☕\r\n--x",
        "attributes": {"mood": "schön"},
        "author": "älice",
        "created": "1970-01-01T00:00:00.000Z",
        "filters": ["onMessageAdded", "onMessageUpdated"],
        "edited": "Später",
        "listed": ["Später"],
        "left": 1,
        "refused": [400, 50304],
    }

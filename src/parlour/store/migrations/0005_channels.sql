-- What leaves for other channels, in lanes as webhooks do, and what will be reported of it.

-- Lanes with the same carrier share its room: a webhook carries its own lanes, a channel all of its.
ALTER TABLE webhook_lanes ADD COLUMN carrier TEXT NOT NULL DEFAULT '';
UPDATE webhook_lanes SET carrier = sid;

CREATE TABLE expected_reports (
    conversation_sid TEXT NOT NULL,
    sid              TEXT NOT NULL,
    due_at           BIGINT NOT NULL,
    reports          TEXT NOT NULL,
    PRIMARY KEY (conversation_sid, sid),
    FOREIGN KEY (conversation_sid, sid) REFERENCES delivery_receipts (conversation_sid, sid) ON DELETE CASCADE
);
CREATE INDEX expected_reports_due ON expected_reports (due_at);

-- Who is told of what happens, and what is on its way to whom.

CREATE TABLE account_webhooks (
    sid              TEXT PRIMARY KEY REFERENCES accounts (sid) ON DELETE CASCADE,
    account_sid      TEXT NOT NULL,
    method           TEXT NOT NULL,
    filters          TEXT NOT NULL,
    pre_webhook_url  TEXT,
    post_webhook_url TEXT,
    target           TEXT NOT NULL
);

CREATE TABLE service_webhooks (
    sid              TEXT PRIMARY KEY REFERENCES services (sid) ON DELETE CASCADE,
    account_sid      TEXT NOT NULL,
    chat_service_sid TEXT NOT NULL,
    pre_webhook_url  TEXT,
    post_webhook_url TEXT,
    filters          TEXT,
    method           TEXT
);

CREATE TABLE conversation_webhooks (
    conversation_sid TEXT NOT NULL REFERENCES conversations (sid) ON DELETE CASCADE,
    sid              TEXT NOT NULL,
    account_sid      TEXT NOT NULL,
    chat_service_sid TEXT NOT NULL,
    target           TEXT NOT NULL,
    date_created     BIGINT NOT NULL,
    date_updated     BIGINT NOT NULL,
    post_url         TEXT,
    method           TEXT NOT NULL,
    filters          TEXT,
    triggers         TEXT,
    flow_sid         TEXT,
    replay_after     BIGINT,
    PRIMARY KEY (conversation_sid, sid)
);
CREATE INDEX conversation_webhooks_by_date ON conversation_webhooks (conversation_sid, date_created, sid);

-- Neither lanes nor deliveries refer to the conversation's row: they tell of its end, too.
CREATE TABLE webhook_lanes (
    conversation_sid TEXT NOT NULL,
    sid              TEXT NOT NULL,
    next_number      BIGINT NOT NULL,
    due_at           BIGINT,
    leased_until     BIGINT NOT NULL,
    PRIMARY KEY (conversation_sid, sid)
);
CREATE INDEX webhook_lanes_due ON webhook_lanes (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE webhook_deliveries (
    conversation_sid TEXT NOT NULL,
    sid              TEXT NOT NULL,
    account_sid      TEXT NOT NULL REFERENCES accounts (sid) ON DELETE CASCADE,
    target_sid       TEXT NOT NULL,
    number           BIGINT NOT NULL,
    event_type       TEXT NOT NULL,
    target_url       TEXT NOT NULL,
    method           TEXT NOT NULL,
    parameters       TEXT NOT NULL,
    status           TEXT NOT NULL,
    attempts         TEXT NOT NULL,
    date_created     BIGINT NOT NULL,
    date_updated     BIGINT NOT NULL,
    PRIMARY KEY (conversation_sid, sid)
);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (conversation_sid, target_sid, number)
    WHERE status = 'pending';
CREATE INDEX webhook_deliveries_by_sid ON webhook_deliveries (sid);
CREATE INDEX webhook_deliveries_of_account ON webhook_deliveries (account_sid, date_created, sid);
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (date_updated);

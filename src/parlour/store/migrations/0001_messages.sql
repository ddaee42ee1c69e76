-- Columns are TEXT or BIGINT only, the types that SQLite and PostgreSQL treat alike.
-- Moments are milliseconds since 1970. Every table of a conversation's children has
-- conversation_sid first in its primary key.

CREATE TABLE accounts (
    sid                      TEXT PRIMARY KEY,
    friendly_name            TEXT NOT NULL,
    sealed_auth_token        TEXT NOT NULL,
    default_chat_service_sid TEXT NOT NULL,
    date_created             BIGINT NOT NULL,
    date_updated             BIGINT NOT NULL
);

CREATE TABLE api_keys (
    sid           TEXT PRIMARY KEY,
    account_sid   TEXT NOT NULL REFERENCES accounts (sid) ON DELETE CASCADE,
    friendly_name TEXT NOT NULL,
    secret_hash   TEXT NOT NULL,
    date_created  BIGINT NOT NULL
);
CREATE INDEX api_keys_of_account ON api_keys (account_sid);

CREATE TABLE services (
    sid           TEXT PRIMARY KEY,
    account_sid   TEXT NOT NULL REFERENCES accounts (sid) ON DELETE CASCADE,
    friendly_name TEXT NOT NULL,
    date_created  BIGINT NOT NULL,
    date_updated  BIGINT NOT NULL
);
CREATE INDEX services_of_account ON services (account_sid, date_created, sid);

CREATE TABLE conversations (
    sid                   TEXT PRIMARY KEY,
    account_sid           TEXT NOT NULL,
    chat_service_sid      TEXT NOT NULL REFERENCES services (sid) ON DELETE CASCADE,
    date_created          BIGINT NOT NULL,
    date_updated          BIGINT NOT NULL,
    messaging_service_sid TEXT,
    friendly_name         TEXT,
    unique_name           TEXT,
    attributes            TEXT NOT NULL,
    state                 TEXT NOT NULL,
    inactive_after        BIGINT,
    closed_after          BIGINT,
    date_inactive         BIGINT,
    date_closed           BIGINT,
    email_address         TEXT,
    email_name            TEXT,
    next_message_index    BIGINT NOT NULL,
    participant_count     BIGINT NOT NULL,
    binding_count         BIGINT NOT NULL,
    version               BIGINT NOT NULL
);
CREATE UNIQUE INDEX conversations_by_unique_name ON conversations (chat_service_sid, unique_name);
CREATE INDEX conversations_by_date ON conversations (chat_service_sid, date_created, sid);
CREATE INDEX conversations_by_state ON conversations (chat_service_sid, state, date_created, sid);

CREATE TABLE participants (
    conversation_sid        TEXT NOT NULL REFERENCES conversations (sid) ON DELETE CASCADE,
    sid                     TEXT NOT NULL,
    account_sid             TEXT NOT NULL,
    chat_service_sid        TEXT NOT NULL,
    date_created            BIGINT NOT NULL,
    date_updated            BIGINT NOT NULL,
    identity                TEXT,
    address                 TEXT,
    proxy_address           TEXT,
    projected_address       TEXT,
    attributes              TEXT NOT NULL,
    role_sid                TEXT,
    last_read_message_index BIGINT,
    last_read_timestamp     BIGINT,
    PRIMARY KEY (conversation_sid, sid)
);
CREATE UNIQUE INDEX participants_by_identity ON participants (conversation_sid, identity);
CREATE INDEX participants_by_date ON participants (conversation_sid, date_created, sid);
CREATE INDEX participants_by_address ON participants (conversation_sid, address);
CREATE INDEX participants_by_projected_address ON participants (conversation_sid, projected_address);

-- Which conversation that is not closed holds a pair of addresses, or a group's set of them.
CREATE TABLE address_holders (
    account_sid      TEXT NOT NULL,
    addresses        TEXT NOT NULL,
    conversation_sid TEXT NOT NULL REFERENCES conversations (sid) ON DELETE CASCADE,
    participant_sid  TEXT,
    PRIMARY KEY (account_sid, addresses)
);
CREATE INDEX address_holders_of_conversation ON address_holders (conversation_sid);

CREATE TABLE messages (
    conversation_sid  TEXT NOT NULL REFERENCES conversations (sid) ON DELETE CASCADE,
    "index"           BIGINT NOT NULL,
    sid               TEXT NOT NULL,
    account_sid       TEXT NOT NULL,
    chat_service_sid  TEXT NOT NULL,
    date_created      BIGINT NOT NULL,
    date_updated      BIGINT,
    author            TEXT NOT NULL,
    participant_sid   TEXT,
    body              TEXT,
    subject           TEXT,
    attributes        TEXT NOT NULL,
    media             TEXT,
    content_sid       TEXT,
    delivery          TEXT,
    PRIMARY KEY (conversation_sid, "index"),
    UNIQUE (conversation_sid, sid)
);

CREATE TABLE delivery_receipts (
    conversation_sid    TEXT NOT NULL REFERENCES conversations (sid) ON DELETE CASCADE,
    message_sid         TEXT NOT NULL,
    sid                 TEXT NOT NULL,
    account_sid         TEXT NOT NULL,
    chat_service_sid    TEXT NOT NULL,
    date_created        BIGINT NOT NULL,
    date_updated        BIGINT NOT NULL,
    participant_sid     TEXT NOT NULL,
    channel_message_sid TEXT,
    status              TEXT,
    error_code          BIGINT,
    PRIMARY KEY (conversation_sid, sid),
    FOREIGN KEY (conversation_sid, message_sid) REFERENCES messages (conversation_sid, sid) ON DELETE CASCADE
);
CREATE INDEX delivery_receipts_of_message ON delivery_receipts (conversation_sid, message_sid, date_created, sid);

CREATE TABLE channel_metadata (
    conversation_sid TEXT NOT NULL REFERENCES conversations (sid) ON DELETE CASCADE,
    sid              TEXT NOT NULL,
    type             TEXT NOT NULL,
    data             TEXT NOT NULL,
    PRIMARY KEY (conversation_sid, sid),
    FOREIGN KEY (conversation_sid, sid) REFERENCES messages (conversation_sid, sid) ON DELETE CASCADE
);

-- Media: what was uploaded, what it is part of, and what still waits for its bytes to be removed.
-- No foreign key leads away from it: a row outlives what it was part of until its bytes are gone.
-- Without size its upload is under way; with date_deleted it is seen by nobody.

CREATE TABLE media (
    sid                 TEXT PRIMARY KEY,
    account_sid         TEXT NOT NULL,
    service_sid         TEXT NOT NULL,
    date_created        BIGINT NOT NULL,
    date_upload_updated BIGINT NOT NULL,
    date_updated        BIGINT NOT NULL,
    size                BIGINT,
    sha256              TEXT,
    content_type        TEXT NOT NULL,
    filename            TEXT,
    author              TEXT NOT NULL,
    category            TEXT NOT NULL,
    message_sid         TEXT,
    channel_sid         TEXT,
    date_deleted        BIGINT
);
CREATE INDEX media_of_message ON media (channel_sid, message_sid);
CREATE INDEX media_of_service ON media (service_sid);
CREATE INDEX media_unattached ON media (message_sid, date_created);
CREATE INDEX media_deleted ON media (date_deleted);

CREATE TABLE contents (
    sid           TEXT PRIMARY KEY,
    account_sid   TEXT NOT NULL REFERENCES accounts (sid) ON DELETE CASCADE,
    friendly_name TEXT,
    language      TEXT NOT NULL,
    variables     TEXT NOT NULL,
    types         TEXT NOT NULL,
    date_created  BIGINT NOT NULL,
    date_updated  BIGINT NOT NULL
);
CREATE INDEX contents_of_account ON contents (account_sid, date_created, sid);

CREATE TABLE content_approvals (
    sid          TEXT PRIMARY KEY REFERENCES contents (sid) ON DELETE CASCADE,
    account_sid  TEXT NOT NULL,
    name         TEXT NOT NULL,
    category     TEXT NOT NULL,
    content_type TEXT NOT NULL
);

-- The type of the content that a message was made from, with its variables put in.
ALTER TABLE messages ADD COLUMN content TEXT;

-- Answers to writes that carried an Idempotency-Key, for a day.
CREATE TABLE idempotency_keys (
    account_sid     TEXT NOT NULL REFERENCES accounts (sid) ON DELETE CASCADE,
    idempotency_key TEXT NOT NULL,
    fingerprint     TEXT NOT NULL,
    answer          TEXT NOT NULL,
    date_created    BIGINT NOT NULL,
    PRIMARY KEY (account_sid, idempotency_key)
);
CREATE INDEX idempotency_keys_by_date ON idempotency_keys (date_created);

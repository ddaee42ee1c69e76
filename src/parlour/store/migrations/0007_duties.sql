-- Work that one process does for all, and until when it holds it.
CREATE TABLE duties (
    name         TEXT PRIMARY KEY,
    holder       TEXT NOT NULL,
    leased_until BIGINT NOT NULL
);

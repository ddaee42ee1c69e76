-- Which database this is: one row, written at the first start. The media store carries the same SID.
CREATE TABLE identity (
    name TEXT PRIMARY KEY,
    sid  TEXT NOT NULL
);

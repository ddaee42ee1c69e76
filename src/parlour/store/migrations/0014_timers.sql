-- The timers that run out first. A conversation whose timers have run, or that has none, has no entry.
CREATE INDEX conversations_by_date_inactive ON conversations (date_inactive, sid) WHERE date_inactive IS NOT NULL;
CREATE INDEX conversations_by_date_closed ON conversations (date_closed, sid) WHERE date_closed IS NOT NULL;

-- A lane is ready (1) when its first delivery may be sent at once. It is not (0) when it is empty, waits for a
-- repetition, or is leased: then due_at says when it becomes ready. A program of the version before writes
-- due_at alone, and its lanes become ready when the worker meets them.
ALTER TABLE webhook_lanes ADD COLUMN ready BIGINT NOT NULL DEFAULT 0;

-- The lanes that are ready, by target, the longest due first.
CREATE INDEX webhook_lanes_ready ON webhook_lanes (carrier, due_at) WHERE ready = 1;
-- Those that wait for a moment, by that moment.
CREATE INDEX webhook_lanes_waiting ON webhook_lanes (due_at) WHERE ready = 0 AND due_at IS NOT NULL;

-- Finds the settled deliveries that have expired without passing over those that still wait.
CREATE INDEX webhook_deliveries_done ON webhook_deliveries (date_updated) WHERE status <> 'pending';

-- What is deleted is marked first, and is seen by nobody from then on; its rows go in small steps.

ALTER TABLE conversations ADD COLUMN date_deleted BIGINT;
ALTER TABLE services ADD COLUMN date_deleted BIGINT;
ALTER TABLE accounts ADD COLUMN date_deleted BIGINT;
CREATE INDEX conversations_deleted ON conversations (date_deleted, sid) WHERE date_deleted IS NOT NULL;
CREATE INDEX services_deleted ON services (sid) WHERE date_deleted IS NOT NULL;
CREATE INDEX accounts_deleted ON accounts (sid) WHERE date_deleted IS NOT NULL;

-- The media of a deleted service are marked one step after the other, in the order of their SIDs.
CREATE INDEX media_of_service_by_sid ON media (service_sid, sid);

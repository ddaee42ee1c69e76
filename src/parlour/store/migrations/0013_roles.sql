-- Roles, each of one service; the SIDs of the four default ones are computed from the service's.
CREATE TABLE roles (
    sid              TEXT PRIMARY KEY,
    account_sid      TEXT NOT NULL,
    chat_service_sid TEXT NOT NULL REFERENCES services (sid) ON DELETE CASCADE,
    friendly_name    TEXT NOT NULL,
    type             TEXT NOT NULL,
    permissions      TEXT NOT NULL,
    date_created     BIGINT NOT NULL,
    date_updated     BIGINT NOT NULL
);
CREATE INDEX roles_of_service ON roles (chat_service_sid, date_created, sid);

-- What was configured of a service, and of its notifications. Without a row, the defaults apply.
CREATE TABLE service_configurations (
    sid                                    TEXT PRIMARY KEY REFERENCES services (sid) ON DELETE CASCADE,
    chat_service_sid                       TEXT NOT NULL,
    default_conversation_creator_role_sid  TEXT NOT NULL,
    default_conversation_role_sid          TEXT NOT NULL,
    default_chat_service_role_sid          TEXT NOT NULL,
    reachability_enabled                   BIGINT NOT NULL
);
CREATE TABLE notifications (
    sid                              TEXT PRIMARY KEY REFERENCES services (sid) ON DELETE CASCADE,
    account_sid                      TEXT NOT NULL,
    chat_service_sid                 TEXT NOT NULL,
    log_enabled                      BIGINT NOT NULL,
    new_message_enabled              BIGINT NOT NULL,
    new_message_template             TEXT,
    new_message_sound                TEXT,
    new_message_badge_count_enabled  BIGINT,
    with_media_enabled               BIGINT,
    with_media_template              TEXT,
    added_enabled                    BIGINT NOT NULL,
    added_template                   TEXT,
    added_sound                      TEXT,
    removed_enabled                  BIGINT NOT NULL,
    removed_template                 TEXT,
    removed_sound                    TEXT
);

-- The account's defaults for new conversations; the timers are ISO 8601 durations, as they were sent.
ALTER TABLE accounts ADD COLUMN default_messaging_service_sid TEXT;
ALTER TABLE accounts ADD COLUMN default_inactive_timer TEXT;
ALTER TABLE accounts ADD COLUMN default_closed_timer TEXT;

-- Unique names have a table of their own, whose key they are: conversations are told apart by their SIDs alone.
CREATE TABLE conversation_names (
    chat_service_sid TEXT NOT NULL REFERENCES services (sid) ON DELETE CASCADE,
    unique_name      TEXT NOT NULL,
    sid              TEXT NOT NULL,
    PRIMARY KEY (chat_service_sid, unique_name)
);
INSERT INTO conversation_names (chat_service_sid, unique_name, sid)
    SELECT chat_service_sid, unique_name, sid FROM conversations WHERE unique_name IS NOT NULL;
DROP INDEX conversations_by_unique_name;

-- A pair or a set of addresses may be held by a conversation that is gone; then it is free.
CREATE INDEX address_holders_by_conversation ON address_holders (account_sid, conversation_sid);
DROP INDEX address_holders_of_conversation;

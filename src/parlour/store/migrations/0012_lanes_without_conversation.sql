-- Earlier programs left empty lanes behind when a conversation was deleted. Nothing is added to such a lane any
-- more, so no worker ever claims it, and nothing else would remove it.
DELETE FROM webhook_lanes WHERE due_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM conversations WHERE conversations.sid = webhook_lanes.conversation_sid);

"""Webhooks: the outbox that events are stored in, and the dispatcher that delivers them."""

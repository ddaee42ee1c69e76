"""Parlour: a self-hosted server that speaks the Conversations REST API (v1) of Twilio."""

__version__ = "0.1.0"

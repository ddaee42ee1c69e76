"""Parlour for tests: a server of one's own, a command run against it, fixtures for pytest."""

"""The bench: Parlour beside a server that does nothing and one written the usual way."""

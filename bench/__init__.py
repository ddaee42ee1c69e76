"""The benchmark: Parlour, a server that stores nothing, and one written in the usual way."""

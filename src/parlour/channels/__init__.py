"""How messages leave for other channels: one interface, and the adapters behind it."""

"""Messages to other channels: the interface of adapters, the adapters, and the transport that calls them."""

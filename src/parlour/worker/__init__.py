"""The delivery worker: sends webhooks and messages for other channels, in a process or in a thread."""

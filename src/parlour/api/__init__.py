"""The HTTP API: routes, authentication, and the pipeline that handles every request."""

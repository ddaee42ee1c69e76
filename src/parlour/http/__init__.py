"""HTTP/1.1 for uvicorn: one request at a time on a connection, with limits, deadlines and errors as JSON."""

"""The schema, step by step; a file here is never changed once it is released."""

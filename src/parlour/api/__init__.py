"""HTTP: which requests exist, and the one path that every request takes."""

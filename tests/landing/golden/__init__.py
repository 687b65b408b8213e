"""Recorded contents of landed objects: digests, and the columns of each table."""

"""What landed objects have always held: digests of their contents, and the columns of each table."""

"""The only code that talks HTTP: the connection, the sender, and a sync and an async transport."""

"""One module per analytics series of Braze: its endpoints, its subjects and its tables."""

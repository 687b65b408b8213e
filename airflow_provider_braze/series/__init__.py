"""One module per Braze analytics series: its endpoints, its subjects and its tables."""

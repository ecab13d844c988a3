"""`@liquid`: templates of the mapping language, by python-liquid with the behaviour of LiquidJS."""

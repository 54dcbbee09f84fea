"""How fast a stop is, under load; and how fast released results are found among a million."""

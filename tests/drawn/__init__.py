"""Models drawn at random, from all that has a reader, and what every engine makes of hard rows."""

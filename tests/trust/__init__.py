"""Attacks: nobody's code runs with anybody else's rights, and nobody writes about anybody else's tables."""

"""How states settle: relaxations of two phases, steps until nothing moves, and the states that samples leave behind."""

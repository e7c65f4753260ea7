"""Updates that are the sum of two terms, and what comes of drawing one of these at random: NAME-isd, NAME-always-on."""

"""`python -m neuromorph`, as torchrun starts it."""

from neuromorph.cli import main

main()

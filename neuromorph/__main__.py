"""`python -m neuromorph`, as torchrun starts it."""

from neuromorph.commands.main import main

main()

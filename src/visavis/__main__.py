"""`python -m visavis`: the same as the command `visavis`."""

from visavis.cli import main

main()

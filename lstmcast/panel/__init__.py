"""Panel: every series of a table on one equally spaced grid, with its missing values known."""

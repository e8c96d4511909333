"""Panel: all series of a table on one equally spaced grid, with their missing values marked."""

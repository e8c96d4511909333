"""What `inspect` found, in words and tables of 80 columns."""

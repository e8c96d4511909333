"""What `check` finds in a config and its table, the repaired copy, and the data leakage audit."""

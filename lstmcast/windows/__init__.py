"""Panel -> windows: index, scaling, order, batches. The first room that uses torch."""

"""Panel -> windows: index, scaling, order, batches. Here torch begins."""

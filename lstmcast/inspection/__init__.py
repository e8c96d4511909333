"""What `inspect` finds: layers, the trace of a window, every layer computed again and verified."""

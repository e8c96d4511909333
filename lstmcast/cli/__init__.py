"""The command line: flags in, one workflow call, result printed."""

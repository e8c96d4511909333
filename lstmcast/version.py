"""The version of lstmcast, in this one place: commands, manifests and the package read it here."""

__version__ = "0.1.0"

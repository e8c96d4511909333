"""What lies in a folder, to compare before and after."""

import hashlib
from pathlib import Path


def digests(folder: Path):
    """Checksum of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }

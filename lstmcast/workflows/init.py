"""`lstmcast init`: look at a table and propose a config for it."""

from __future__ import annotations

from pathlib import Path

from lstmcast.errors import ConfigError, RunError
from lstmcast.proposing.proposal import Proposal
from lstmcast.proposing.propose import is_config
from lstmcast.runs.atomic import write_text


def write_proposal(proposal: Proposal, output: Path | None) -> str:
    """Write a proposal as YAML.

    Args:
        proposal: What to write.
        output: The file to make; None: none.

    Returns:
        The YAML.

    Raises:
        RunError: The file exists, or its folder does not.
    """
    if output is None:
        return proposal.yaml(Path(f"{proposal.source.name.split('.')[0] or 'config'}.yaml"))
    if output.exists() or output.is_symlink():
        raise RunError(f"{output} exists; nothing was changed. Name another file with -o")
    if not output.parent.is_dir():
        raise RunError(f"the folder {output.parent} does not exist")
    if not is_config(output):
        raise ConfigError(f"-o {output}: a config ends in .yaml, or it would be taken for a table")
    text = proposal.yaml(output)
    write_text(output, text)
    return text

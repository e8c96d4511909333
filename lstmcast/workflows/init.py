"""`lstmcast init`: write a proposed config for a table."""

from __future__ import annotations

from pathlib import Path

from lstmcast.errors import ConfigError, RunError
from lstmcast.proposing.proposal import Proposal
from lstmcast.proposing.propose import is_config
from lstmcast.runs.atomic import write_text


def write_proposal(proposal: Proposal, output: Path | None) -> str:
    """Return a proposal as YAML, and write it into a new file if `output` names one.

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
        raise ConfigError(f"-o {output}: the name of a config must end in .yaml")
    text = proposal.yaml(output)
    write_text(output, text)
    return text

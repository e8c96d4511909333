"""What ships beside the code: package data, project URLs, citation, security policy."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from trove_classifiers import classifiers as known_classifiers

import lstmcast

TOP = Path(__file__).parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = yaml.safe_load((TOP / "CITATION.cff").read_text(encoding="utf-8"))

CFF_KEYS = {
    "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi",
    "identifiers", "keywords", "license", "license-url", "message", "preferred-citation",
    "references", "repository", "repository-artifact", "repository-code", "title", "type", "url",
    "version",
}  # fmt: skip
"""All keys that version 1.2.0 of the Citation File Format has."""


def files_in(builder):
    """Where the files of a distribution lie in it."""
    return {file.distribution_path for file in builder(str(TOP)).recurse_included_files()}


def test_the_wheel_tells_type_checkers_that_the_package_is_typed():
    assert (TOP / "lstmcast" / "py.typed").read_bytes() == b""
    assert "lstmcast/py.typed" in files_in(WheelBuilder)
    assert "Typing :: Typed" in PROJECT["classifiers"]


def test_the_source_distribution_has_the_pages_for_contributors():
    pages = {"CITATION.cff", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"}
    assert pages <= files_in(SdistBuilder)


def test_classifiers_are_known_and_name_every_python_that_is_supported():
    named = PROJECT["classifiers"]
    assert set(named) <= set(known_classifiers) and named == sorted(named)
    minors = [int(m[1]) for m in map(re.compile(r".* :: 3\.(\d+)$").match, named) if m]
    assert minors == list(range(min(minors), max(minors) + 1))
    assert PROJECT["requires-python"] == f">=3.{min(minors)}"


def test_project_urls_lead_to_files_of_this_repository():
    urls = dict(PROJECT["urls"])
    home = urls.pop("Homepage")
    assert {"Documentation", "Changelog", "Issues"} <= set(urls)
    assert all(url.startswith(f"{home}/") for url in urls.values())
    files = [url.partition("/blob/main/")[2] for url in urls.values() if "/blob/" in url]
    assert len(files) == 2 and all((TOP / file).is_file() for file in files)


def test_the_citation_is_valid_and_names_this_version():
    assert set(CITATION) <= CFF_KEYS
    assert CITATION["cff-version"] == "1.2.0" and CITATION["type"] == "software"
    assert CITATION["message"] and CITATION["title"]
    assert CITATION["authors"] and all(
        {"name"} <= set(author) or {"family-names", "given-names"} <= set(author)
        for author in CITATION["authors"]
    )
    assert str(CITATION["version"]) == lstmcast.__version__
    assert CITATION["license"] == PROJECT["license"]
    assert CITATION["keywords"] == PROJECT["keywords"]
    assert CITATION["repository-code"] == PROJECT["urls"]["Homepage"]


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_links_of_a_page_lead_to_files(name):
    targets = re.findall(r"\]\(([^)#:]+)\)", (TOP / name).read_text(encoding="utf-8"))
    assert targets and all((TOP / target).exists() for target in targets)

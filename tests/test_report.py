"""The page of a run: what it says, and that it can be written again."""

from pathlib import Path


def test_training_ends_with_a_page_that_report_writes_again(daily_run: Path, cli) -> None:
    page = daily_run / "report.html"
    text = page.read_text(encoding="utf-8")
    assert "Content-Security-Policy" in text and "<h1>" in text
    page.unlink()
    assert cli("report", daily_run).code == 0
    assert page.read_text(encoding="utf-8") == text

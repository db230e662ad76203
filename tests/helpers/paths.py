"""Folders of the project."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
HUB_CARD = ROOT / "hub_card"
TESTS = ROOT / "tests"

"""Tests in this folder take generated examples."""

from __future__ import annotations

from tests.support.hypothesis_profiles import pytest_configure

__all__ = ["pytest_configure"]

"""The templates of all pages, and their static files."""

from __future__ import annotations

from hubwire.console.rendering import make_templates
from hubwire.web.static_files import TYPES, StaticFiles


def test_every_template_compiles_and_every_static_file_has_an_address() -> None:
    static = StaticFiles()
    templates = make_templates(static)
    names = templates.list_templates()
    assert all(templates.get_template(name) for name in names)
    assert len(names) > 40
    assert all(static.url(name).startswith("/console/static/") for name in TYPES)

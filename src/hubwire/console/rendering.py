"""The console's templates: HTML, everything escaped."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from hubwire.console.parts import formats
from hubwire.console.parts.chart import activity_chart, latency_chart, spark_line
from hubwire.console.parts.holds import holds_chart
from hubwire.registry.access import Role
from hubwire.web.static_files import StaticFiles


def make_templates(static: StaticFiles) -> Environment:
    """The templates: everything escaped, a misspelt name is an error."""
    templates = Environment(
        loader=PackageLoader("hubwire.console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(formats.FILTERS)
    templates.globals.update(
        static=static.url,
        chart=activity_chart,
        holds_chart=holds_chart,
        latency_chart=latency_chart,
        spark=spark_line,
        share=formats.share,
        roles=list(Role),
    )
    return templates

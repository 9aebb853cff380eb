"""The pages of the server, each one file that needs nothing but the server."""

from typing import Any

from bionerflow.annotate.page import SCRIPTS, STYLES, rendered

OWN = "annotate/server/serve"


def serve_page(offered: dict[str, Any]) -> str:
    """Return the page with the models, engines, forms and limits that the server offers."""
    styles, scripts = (*STYLES, f"{OWN}.css"), (*SCRIPTS, f"{OWN}.js")
    return rendered("server/serve.html.j2", styles, scripts, offered=offered)


def docs_page(api: dict[str, Any]) -> str:
    """Return the description of the interface, of its OpenAPI document."""
    return rendered("server/docs.html.j2", (*STYLES, f"{OWN}.css"), (), api=api)

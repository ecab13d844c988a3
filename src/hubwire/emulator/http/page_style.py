"""The look of the page at `/`, without anything from elsewhere: the look that Hubwire's pages share, and the tables."""

from base64 import b64encode
from importlib import resources

_PACKAGE = resources.files("hubwire")
_LOOK = _PACKAGE.joinpath("look")
_SHEETS = (_LOOK.joinpath("look.css"), _PACKAGE.joinpath("emulator", "http", "page.css"))
ICON = "data:image/svg+xml;base64," + b64encode(_LOOK.joinpath("icon.svg").read_bytes()).decode()
STYLE = "".join(sheet.read_text(encoding="utf-8") for sheet in _SHEETS)

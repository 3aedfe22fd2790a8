"""Builds the page from its sources below config/dashboard: one file that loads nothing else."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from string import Template

from altmarl_ros.errors import ResourceError
from altmarl_ros.resources import share_directory

_STYLE = "style.css"
_SCRIPTS = (
    "wire.js",
    "format.js",
    "marks.js",
    "robot.js",
    "floor.js",
    "shares.js",
    "charts.js",
    "roster.js",
    "parameters.js",
    "trainer.js",
    "operate.js",
    "events.js",
    "record.js",
    "main.js",
)


@dataclass(frozen=True)
class Page:
    """The page, and the hashes of its script and style, which are the only ones that browsers may run."""

    content: bytes
    script_hash: str
    style_hash: str

    def content_security_policy(self, host: str) -> str:
        """Return a policy that allows nothing from elsewhere but a WebSocket to `host` (name and port), the page's own."""
        return (
            f"default-src 'none'; script-src {self.script_hash}; style-src {self.style_hash}; img-src data:; "
            f"connect-src 'self' ws://{host} wss://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )


def load_page() -> Page:
    """Build the page.

    Raises:
        ResourceError: a source is missing.
    """
    folder = share_directory() / "config" / "dashboard"
    try:
        style = (folder / _STYLE).read_text(encoding="utf-8")
        # Together they are one module, so that its names stay in it and it runs when the document has been read.
        script = "\n".join((folder / name).read_text(encoding="utf-8") for name in _SCRIPTS)
        template = Template((folder / "index.html").read_text(encoding="utf-8"))
    except OSError as error:
        raise ResourceError(f"{error.filename}: cannot be read: {error.strerror}; install the package again") from None
    return Page(template.substitute(style=style, script=script).encode(), _hash(script), _hash(style))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

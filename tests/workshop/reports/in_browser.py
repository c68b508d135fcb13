"""What tests of our pages look at in a browser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Heard:
    """What a page says while it is open.

    Attributes:
        said: messages on the console, errors included.
        asked: the addresses that it asks for.
    """

    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


def listen(tab: Any) -> Heard:
    """Hear what a page says from now on."""
    heard = Heard()
    tab.on("console", lambda message: heard.said.append(message.text))
    tab.on("pageerror", lambda error: heard.said.append(str(error)))
    tab.on("request", lambda request: heard.asked.append(request.url))
    return heard


def violations(tab: Any) -> list[tuple[str, str]]:
    """What axe-core finds on a page that lets it in: the rule, and where it is broken first."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - only where there is one

    found = Axe().run(tab).response["violations"]
    return [(each["id"], each["nodes"][0]["html"][:300]) for each in found]


def without_policy(page: str) -> str:
    """The policy keeps axe out of the page as it keeps out everything else."""
    return re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)

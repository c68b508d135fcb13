"""What a server on this machine's own address answers, in place of those on the internet."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class StandIn:
    """Answers with what it was given, and remembers what it was asked.

    Attributes:
        address: what its addresses begin with.
        answers: for each path the content and extra headers; anything else is not found.
        asked: method and path of each request, in order.
    """

    address: str
    answers: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def give(self, path: str, content: bytes, **headers: str) -> None:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        self.answers[path] = (content, named)

"""What a server on this machine's own address answers, in place of those on the internet."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"


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


class HubRepository:
    """A repository of the Hugging Face Hub on the stand-in server: what a folder holds.

    Attributes:
        server: gives its files, in the Hub's protocol.
        folder: the published files. What ends in ``.safetensors`` or ``.gz`` is a large file there,
            with a SHA-256; others have git's checksum.
        name: owner and name.
        commit: the only revision that there is, which is also ``main``.
    """

    def __init__(
        self,
        server: StandIn,
        folder: Path,
        name: str,
        *,
        kind: str = "model",
        commit: str = COMMIT,
    ) -> None:
        self.server, self.folder, self.name, self.commit = server, folder, name, commit
        # The Hub puts this before the names of data sets, and nothing before those of models.
        self.prefix = "" if kind == "model" else f"{kind}s/"
        tree = []
        for path in sorted(folder.iterdir()):
            content = path.read_bytes()
            git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
            entry: dict[str, object] = {
                "type": "file",
                "path": path.name,
                "size": len(content),
                "oid": git.hexdigest(),
            }
            etag = git.hexdigest()
            if path.suffix in {".safetensors", ".gz"}:
                etag = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"oid": etag, "size": len(content), "pointerSize": 134}
            tree.append(entry)
            self.give(path.name, content, etag)
        info = {"id": name, "modelId": name, "sha": commit, "siblings": [], "tags": []}
        for revision in ("main", commit):
            server.give(f"/api/{kind}s/{name}/revision/{revision}", json.dumps(info).encode())
        server.give(f"/api/{kind}s/{name}/tree/{commit}", json.dumps(tree).encode())

    def give(self, file_name: str, content: bytes, etag: str) -> None:
        """Give this content under that name, and say that it has this checksum."""
        self.server.give(
            f"/{self.prefix}{self.name}/resolve/{self.commit}/{file_name}",
            content,
            ETag=f'"{etag}"',
            X_Repo_Commit=self.commit,
        )

    def downloads(self) -> list[str]:
        """The requests that asked for a file's content."""
        return [
            each for each in self.server.asked if each.startswith("GET") and "/resolve/" in each
        ]

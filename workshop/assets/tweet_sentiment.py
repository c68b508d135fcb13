"""Tweets with sentiments from the Hugging Face Hub, downloaded at first use.

The classes are those of ``short_texts``, in the same order.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workshop.assets._errors import AssetCorrupted, unexpected
from workshop.assets._hub_files import Repository, snapshot
from workshop.assets._splits import validates
from workshop.assets.images import balanced_count, choose_rows
from workshop.assets.short_texts import CLASS_NAMES, as_text_data
from workshop.assets.short_texts import NAME as EMBEDDED
from workshop.assets.texts import TextData

NAME = "tweet_sentiment"
SPLITS = ("train", "validation", "test")
# The revision that the Massive Text Embedding Benchmark pins. The Hub's list of checksums belongs
# to it, so that everybody gets the same texts.
REPOSITORY = Repository(
    name=NAME,
    repo_id="mteb/tweet_sentiment_extraction",
    revision="d604517c81ca91fe16a244d1248fc021f9ecee7a",
    files=("train.jsonl", "train.jsonl.gz", "test.jsonl", "test.jsonl.gz"),
    embedded=EMBEDDED,
    kind="dataset",
)
_REMEDY = (
    f"The repository {REPOSITORY.repo_id} is another one than expected. If HF_ENDPOINT names a "
    f"mirror, ask who keeps it. Or use {EMBEDDED!r}, which is installed with the workshop."
)


@dataclass(frozen=True)
class _Tweet:
    text: str
    label: int

    @property
    def words(self) -> str:
        """What makes two tweets the same: spaces and capitals aside."""
        return " ".join(self.text.split()).casefold()


def load(split: str, *, per_class: int | None, balanced: bool) -> TextData:
    """Give a selection of a split; see ``load_target_data``.

    Raises:
        ValueError: an argument is outside its allowed values.
        AssetUnavailable: nothing is cached and nothing can be downloaded.
        AssetCorrupted: a file is not the one that the Hub lists, or not made of such lines.
    """
    if split not in SPLITS:
        raise unexpected("split", f"one of {', '.join(SPLITS)}", split)
    tweets = _split(split, snapshot(REPOSITORY))
    labels = np.array([tweet.label for tweet in tweets], dtype=np.int64)
    where = f"the {split} split of {NAME}"
    if per_class is None and balanced:
        per_class = balanced_count(labels, CLASS_NAMES, where=where)
    rows = choose_rows(labels, CLASS_NAMES, per_class, where=where)
    return as_text_data([tweets[row].text for row in rows], labels[rows])


def _split(split: str, folder: Path) -> list[_Tweet]:
    published = list(_tweets(_file(folder, "test")))
    if split == "test":
        return _distinct(published)
    tested = {tweet.words for tweet in published}
    trained = _distinct(list(_tweets(_file(folder, "train"))))
    tweets = [tweet for tweet in trained if tweet.words not in tested]
    labels = np.array([tweet.label for tweet in tweets], dtype=np.int64)
    ids = as_text_data([tweet.text for tweet in tweets], labels).ids
    wanted = validates(ids) == (split == "validation")
    return [tweets[row] for row in np.flatnonzero(wanted)]


def _distinct(tweets: Sequence[_Tweet]) -> list[_Tweet]:
    """The first of each repeated tweet; none of those rated differently, and no empty ones."""
    ratings: dict[str, set[int]] = {}
    for tweet in tweets:
        ratings.setdefault(tweet.words, set()).add(tweet.label)
    first: dict[str, _Tweet] = {}
    for tweet in tweets:
        if tweet.words and len(ratings[tweet.words]) == 1:
            first.setdefault(tweet.words, tweet)
    return list(first.values())


def _file(folder: Path, split: str) -> Path:
    for name in (f"{split}.jsonl", f"{split}.jsonl.gz"):
        if (folder / name).is_file():
            return folder / name
    raise _other_file(f"{split}.jsonl is not among the files", str(folder))


def _tweets(path: Path) -> Iterator[_Tweet]:
    """Each line's tweet, with the spaces around it left out."""
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise _other_file(f"the line is no JSON ({error})", where) from error
        yield _tweet(fields, where)


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
        unpacked = gzip.decompress(content) if path.suffix == ".gz" else content
        # Not splitlines, which also ends a line at characters that tweets may contain.
        return unpacked.decode("utf-8").split("\n")
    except (OSError, EOFError, ValueError) as error:
        raise _other_file(f"the file cannot be read ({error})", str(path)) from error


def _tweet(fields: object, where: str) -> _Tweet:
    if not isinstance(fields, dict):
        raise _other_file("the line is no object with named fields", where)
    for key in ("text", "label", "label_text"):
        if key not in fields:
            raise _other_file(f"the line has no field {key!r}", where)
    text, label = fields["text"], fields["label"]
    if not isinstance(text, str | None):
        raise _other_file(f"the field 'text' is no text but {text!r}", where)
    if type(label) is not int or not 0 <= label < len(CLASS_NAMES):
        raise _other_file(f"the field 'label' is not 0, 1 or 2 but {label!r}", where)
    if fields["label_text"] != CLASS_NAMES[label]:
        raise _other_file(
            f"the field 'label_text' of label {label} is not {CLASS_NAMES[label]!r} "
            f"but {fields['label_text']!r}",
            where,
        )
    return _Tweet(text=(text or "").strip(), label=label)


def _other_file(what: str, where: str) -> AssetCorrupted:
    return AssetCorrupted(what, where=where, remedy=_REMEDY)

"""The real code, huggingface_hub's included, against a server on this machine and a few tweets."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workshop.assets.stand_in import HubRepository, StandIn
from workshop.assets import AssetCorrupted, AssetUnavailable, TextData, load_target_data
from workshop.assets.tweet_sentiment import REPOSITORY

NAMES = ("negative", "neutral", "positive")
Line = dict[str, Any]
Publish = Callable[..., HubRepository]


def _line(text: str | None, label: int) -> Line:
    return {"id": "x", "text": text, "label": label, "label_text": NAMES[label]}


TRAIN = [_line(f"tweet number {number}", number % 3) for number in range(60)]
TEST = [_line(f"tested tweet {number}", number % 3) for number in range(9)]


def _packed(lines: list[Line] | bytes) -> bytes:
    if isinstance(lines, bytes):
        return lines
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


@pytest.fixture
def publish(tmp_path: Path, stand_in: StandIn, hub_home: Path) -> Publish:
    """Put the two files of the repository on the server."""
    assert not hub_home.exists()

    def published(
        train: list[Line] | bytes = TRAIN, test: list[Line] | bytes = TEST, packed: bool = False
    ) -> HubRepository:
        folder = tmp_path / "published"
        folder.mkdir()
        for name, lines in (("train.jsonl", train), ("test.jsonl", test)):
            content = _packed(lines)
            path = folder / (f"{name}.gz" if packed else name)
            path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
        (folder / "README.md").write_text("not needed")
        revision = REPOSITORY.revision
        assert revision is not None
        return HubRepository(stand_in, folder, REPOSITORY.repo_id, kind="dataset", commit=revision)

    return published


def _load(split: str = "train", **arguments: Any) -> TextData:
    data: TextData = load_target_data("tweet_sentiment", split, **arguments)
    return data


def _snapshot(hub_home: Path) -> Path:
    owner, _, name = REPOSITORY.repo_id.partition("/")
    return hub_home / f"datasets--{owner}--{name}" / "snapshots" / str(REPOSITORY.revision)


@pytest.mark.parametrize("packed", [False, True])
def test_splits_are_those_of_the_repository_and_a_tenth_by_content(
    publish: Publish, packed: bool
) -> None:
    repository = publish(packed=packed)
    parts = {split: _load(split) for split in ("train", "validation", "test")}
    assert sorted(each.rpartition("/")[2].partition(".")[0] for each in repository.downloads()) == [
        "test",
        "train",
    ]
    assert parts["test"].texts == [line["text"] for line in TEST]
    assert parts["test"].labels.tolist() == [line["label"] for line in TEST]
    assert parts["test"].class_names == load_target_data("short_texts").class_names == NAMES
    for name, part in parts.items():
        assert len(set(part.ids)) == len(part) > 0, name
    divided = parts["train"].texts + parts["validation"].texts
    assert sorted(divided) == sorted(line["text"] for line in TRAIN)
    for text in divided:
        digest = hashlib.sha256(text.encode()).hexdigest()[4:12]
        assert (text in parts["validation"].texts) == (int(digest, 16) % 10 == 0)


def test_what_is_cached_asks_no_server(publish: Publish, hub_home: Path) -> None:
    repository = publish()
    expected = _load().texts
    assert (_snapshot(hub_home).parents[1] / "trees" / f"{REPOSITORY.revision}.json").is_file()
    repository.server.answers.clear()
    repository.server.asked.clear()
    assert _load().texts == expected
    assert repository.server.asked == []


def test_empty_and_repeated_tweets_are_left_out(publish: Publish) -> None:
    twice, disputed, tested = "Lovely  weather", "it is what it is", TEST[0]["text"]
    publish(
        train=[
            *TRAIN,
            _line(f" {twice} ", 2),
            _line(twice.lower().replace("  ", " "), 2),
            _line(disputed, 0),
            _line(disputed, 1),
            _line("", 1),
            _line("  ", 1),
            _line(None, 1),
            _line(f"{tested.upper()} ", 0),
        ],
        test=[*TEST, TEST[1], _line(" ", 0)],
    )
    divided = _load().texts + _load("validation").texts
    assert sorted(divided) == sorted([line["text"] for line in TRAIN] + [twice])
    assert _load("test").texts == [line["text"] for line in TEST]


def test_a_tweet_may_hold_any_character(publish: Publish) -> None:
    text = "one\u2028two\x85three 🙂"
    publish(test=[*TEST, _line(text, 2)])
    assert _load("test").texts[-1] == text


def test_selections_are_nested_and_balanced(publish: Publish) -> None:
    publish(test=[*TEST, _line("one more", 1)])
    small, large = _load("test", per_class=1), _load("test", per_class=3)
    assert set(small.texts) < set(large.texts)
    assert large.labels.bincount().tolist() == [3, 3, 3]
    assert _load("test", balanced=True).texts == large.texts
    with pytest.raises(ValueError, match="at most 3, the number of negative"):
        _load("test", per_class=4)


def test_refuses_an_unknown_split() -> None:
    with pytest.raises(ValueError, match="train, validation, test"):
        _load("held_out")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"text": "cut off', "no JSON"),
        (b'["a", 0]', "named fields"),
        (b'{"label": 0, "label_text": "negative"}', "no field 'text'"),
        (b'{"text": "a", "label_text": "negative"}', "no field 'label'"),
        (b'{"text": "a", "label": 0}', "no field 'label_text'"),
        (b'{"text": 7, "label": 0, "label_text": "negative"}', "no text but 7"),
        (b'{"text": "a", "label": 3, "label_text": "negative"}', "0, 1 or 2"),
        (b'{"text": "a", "label": true, "label_text": "neutral"}', "0, 1 or 2"),
        (b'{"text": "a", "label": 0, "label_text": "positive"}', "is not 'negative'"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_of_another_form_is_named(
    publish: Publish, line: bytes, message: str, packed: bool
) -> None:
    publish(train=_packed(TRAIN[:2]) + line + b"\n" + _packed(TRAIN[2:]), packed=packed)
    with pytest.raises(AssetCorrupted, match=message) as caught:
        _load()
    assert caught.value.where.endswith("train.jsonl.gz:3" if packed else "train.jsonl:3")
    assert "short_texts" in caught.value.remedy


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x1f\x8b no"])
def test_a_file_that_is_no_text_is_named(publish: Publish, content: bytes) -> None:
    publish(train=content)
    with pytest.raises(AssetCorrupted, match="cannot be read") as caught:
        _load()
    assert caught.value.where.endswith("train.jsonl")


def test_a_repository_without_the_file_is_named(publish: Publish) -> None:
    repository = publish()
    (repository.folder / "train.jsonl").unlink()
    HubRepository(
        repository.server,
        repository.folder,
        repository.name,
        kind="dataset",
        commit=repository.commit,
    )
    with pytest.raises(AssetCorrupted, match=r"train\.jsonl is not among the files"):
        _load()


@pytest.mark.parametrize("packed", [False, True])
def test_a_damaged_file_is_downloaded_again(publish: Publish, hub_home: Path, packed: bool) -> None:
    repository = publish(packed=packed)
    expected = _load().texts
    path = _snapshot(hub_home) / ("train.jsonl.gz" if packed else "train.jsonl")
    path.resolve().write_bytes(path.read_bytes()[:-1])
    before = len(repository.downloads())
    assert _load().texts == expected
    assert len(repository.downloads()) == before + 1
    assert path.read_bytes() == (repository.folder / path.name).read_bytes()


def test_without_network_a_damaged_file_is_named(publish: Publish, hub_home: Path) -> None:
    repository = publish()
    _load()
    (_snapshot(hub_home) / "test.jsonl").resolve().write_bytes(b"")
    repository.server.answers.clear()
    with pytest.raises(AssetCorrupted, match=r"test\.jsonl") as caught:
        _load()
    assert "short_texts" in str(caught.value)


def test_a_server_that_gives_other_files_than_it_lists_is_not_believed(publish: Publish) -> None:
    repository = publish()
    content = (repository.folder / "train.jsonl").read_bytes()
    git = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    repository.give("train.jsonl", content.replace(b"number 1", b"number l"), git)
    with pytest.raises(AssetCorrupted, match="other files than it lists"):
        _load()


@pytest.mark.slow  # huggingface_hub tries a closed port again for 20 seconds
@pytest.mark.usefixtures("hub_home")
def test_without_network_and_cache_both_remedies_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(AssetUnavailable, match="cannot be downloaded") as caught:
        _load()
    assert "HF_HOME" in str(caught.value)
    assert "short_texts" in str(caught.value)


@pytest.mark.usefixtures("hub_home")
def test_a_mirror_without_the_repository_is_said_to_be_so() -> None:
    with pytest.raises(AssetUnavailable, match="tweet_sentiment"):
        _load()

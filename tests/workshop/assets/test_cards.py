from __future__ import annotations

from pathlib import Path

import pytest

from workshop.assets import describe, list_assets

EMBEDDED = ("efficientnet_lite0", "minilm", "solar_cells", "short_texts")
CARDS = Path(__file__).parents[3] / "docs" / "data"


@pytest.mark.parametrize("name", [each for each in list_assets() if "<" not in each])
def test_every_asset_says_where_it_is_from(name: str) -> None:
    card = describe(name)
    assert card.name == name
    assert card.kind in {"source model", "target data"}
    assert card.online == (name not in EMBEDDED)
    for text in (card.title, card.source, card.licence, card.citation, card.size):
        assert text
        assert text in str(card)


def test_solar_cells_are_cited_and_not_for_sale() -> None:
    card = describe("solar_cells")
    assert "CC BY-NC-SA 4.0" in card.licence
    assert "Deitsch" in card.citation


def test_models_of_the_hub_point_to_their_page() -> None:
    card = describe("hf/owner/model")
    assert card.online
    assert card.title == "owner/model"


def test_the_embedded_ones_come_first() -> None:
    assert list_assets()[: len(EMBEDDED)] == EMBEDDED


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="efficientnet_lite0, minilm, solar_cells"):
        describe("imagenet")


def test_the_cards_of_online_models_tell_where_each_part_is_from() -> None:
    card = describe("efficientnet_b0")
    assert "timm" in card.source
    assert "efficientnet_b0_rwightman" in card.source
    assert "5.3 million parameters, 20 MB" in card.size
    assert "Tan and Le" in card.citation
    assert "timm's names" in card.adaptations


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_embedded_asset_has_a_page_with_its_licence(name: str) -> None:
    page = (CARDS / f"{name}.md").read_text(encoding="utf-8")
    assert "**Licence.**" in page
    assert "**Cite.**" in page
    assert "**Known limits.**" in page or "## Known limits" in page

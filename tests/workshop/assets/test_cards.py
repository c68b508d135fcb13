from __future__ import annotations

from pathlib import Path

import pytest

from workshop.assets import describe, list_assets

CARDS = Path(__file__).parents[3] / "docs" / "data"


@pytest.mark.parametrize("name", [each for each in list_assets() if "<" not in each])
def test_every_asset_says_where_it_is_from(name: str) -> None:
    card = describe(name)
    assert card.name == name
    assert card.kind in {"source model", "target data"}
    assert card.online == name.startswith("torchvision/")
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


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="efficientnet_lite0, minilm, solar_cells"):
        describe("imagenet")


@pytest.mark.parametrize("name", [each for each in list_assets() if "/" not in each])
def test_every_embedded_asset_has_a_page_with_its_licence(name: str) -> None:
    page = (CARDS / f"{name}.md").read_text(encoding="utf-8")
    assert "**Licence.**" in page
    assert "**Cite.**" in page
    assert "**Known limits.**" in page or "## Known limits" in page

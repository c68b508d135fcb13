from __future__ import annotations

from workshop.authoring.skeletons import skeleton


def test_a_skeleton_is_the_same_however_a_text_is_cut() -> None:
    whole = skeleton("model.Classifier = nn.Linear(8, 2)")
    assert whole == "modelclassifiernnlinear82"
    assert skeleton('"model.Classi" +\n# "fier = nn.Linear(" "8, 2)"') == whole

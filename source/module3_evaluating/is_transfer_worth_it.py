# %% [markdown]
# # Is transfer worth it?
#
# A pretrained model is there for the taking, so everybody takes one. But **which** one? How many labels does it save you, or would
# training from scratch have done as well? And does it sometimes do **harm**? In this notebook you answer with measurements instead of beliefs:
#
# | question | how you answer it |
# | --- | --- |
# | Which source fits my target task? | LogME, and a probe on a few labelled images |
# | What is transfer worth? | learning curves with and without it, over the number of labels |
# | Is the gain real? | an interval over repeated runs, and a verdict |
# | Does this source do harm? | the same interval, and a control that finds the cause |
# | Was the comparison fair? | the same effort for both sides |
#
# **How it works.** Each exercise is a cell with `YOUR CODE HERE`. Replace that line, run the cell, then
# run the check below it: it tells you what is right, what is not yet, and what to try next. Hidden tests decide the points.

# %% locked="setup"
import math

import numpy as np
import torch
from scipy import stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

import checks
from workshop import assets, learn

learn.seed_everything(0)
device = learn.pick_device()
print(f"Running on: {device}")

# %% [markdown]
# ## Six sources for one target task
#
# The target task is that of module 2: is a solar cell defective? The source models below are all EfficientNet-Lite0. Some are damaged on
# purpose, so that you know what a good ranking should say:
#
# - **ImageNet**: the pretrained network, and also only its first blocks: **to block 2**, **to block 0**;
# - **noisy**: ImageNet weights with random numbers added, 0.3 times as large as the weights of that layer;
# - **shuffled**: the same numbers in every layer, in random places;
# - **random**: never trained.

# %% locked="sources"
SOURCES = ("ImageNet", "to block 2", "to block 0", "noisy", "shuffled", "random")


def load_source(name: str) -> nn.Module:
    """The source model up to its pooled features, damaged as its name says, on the device in use."""
    model = assets.load_source_model("efficientnet_lite0", pretrained=name != "random", seed=0)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if parameter.dim() > 1 and name == "noisy":
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data += 0.3 * parameter.data.std() * noise
        if parameter.dim() > 1 and name == "shuffled":
            order = torch.randperm(parameter.numel(), generator=generator)
            parameter.data = parameter.data.flatten()[order].view_as(parameter)
    if name.startswith("to block"):
        layers = [*model.blocks[: int(name[-1]) + 1]]
    else:
        layers = [*model.blocks, model.conv_head, model.bn2]
    pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(model.conv_stem, model.bn1, *layers, *pooled).eval().to(device)


def features_of(name: str, inputs: torch.Tensor) -> torch.Tensor:
    """The source's pooled features of the inputs, [N, D], on the CPU; computed once, then kept on the disk."""
    model = load_source(name)

    @torch.no_grad()
    def compute() -> torch.Tensor:
        return torch.cat([model(batch.to(device)).cpu() for batch in learn.progress(inputs.split(16), name)])

    return learn.cached("source_features", compute, model, inputs)


# %% locked="sample"
def sample(labels: torch.Tensor, per_class: int, seed: int) -> torch.Tensor:
    """Random rows, `per_class` of each class. The same seed gives the same rows."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(labels), generator=generator)
    return torch.cat([order[labels[order] == each][:per_class] for each in labels.unique()])


# %% [markdown]
# 40 images, 20 of each class, are all that you may label **before you choose**. All 300 stand for what you will have labelled a month later: they
# tell whether the choice was right.

# %%
SIZE = 96
cells = [
    assets.load_target_data("solar_cells", split, task="defect", domain="mono", size=SIZE, per_class=count)
    for split, count in (("train", 100), ("validation", 50))
]
inputs = torch.cat([each.inputs() for each in cells])
labels = torch.cat([each.labels for each in cells])
# Mixed, so that every fold of a cross-validation has both kinds.
mixed = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
inputs, labels = inputs[mixed], labels[mixed]
features = {name: features_of(name, inputs) for name in SOURCES}
learn.results_table({name: {"features": each.shape[1]} for name, each in features.items()})

# %% [markdown]
# ## 1. How probable are these labels?
#
# Fine-tuning on every source to see which is best is expensive. **LogME** (You et al. 2021) asks something cheaper: take the features $F$ ($N$
# images,
# $D$ features), draw the weights $w$ of a linear head at random, and ask how probable the true labels $y$ are under $y = F w + $ noise. Good
# features make
# the true labels probable; no head is trained, so nothing can overfit.
#
# With weights drawn from a normal distribution of variance $1/\alpha$ and noise of variance $1/\beta$, the labels have a normal distribution with
# mean 0 and covariance
#
# $$ C = \tfrac{1}{\beta} I + \tfrac{1}{\alpha} F F^T \qquad (N \times N). $$
#
# **Exercise.** Write `log_evidence`: the logarithm of the probability density of `targets` under this distribution, as a `float`. Work with `double`
# numbers.
#
# <details><summary>Hint</summary>
#
# `torch.distributions.MultivariateNormal(mean, covariance_matrix=covariance).log_prob(targets)` gives the logarithm of the density.
#
# </details>


# %% solution="log_evidence" objective="implement" topic="transferability"
def log_evidence(features: torch.Tensor, targets: torch.Tensor, alpha: float, beta: float) -> float:
    """Log density of targets [N] under a random linear head on features [N, D]."""
    ### BEGIN SOLUTION
    features, targets = features.double(), targets.double()
    identity = torch.eye(len(features), dtype=torch.double)
    covariance = identity / beta + features @ features.T / alpha
    mean = torch.zeros(len(features), dtype=torch.double)
    normal = torch.distributions.MultivariateNormal(mean, covariance_matrix=covariance)
    return normal.log_prob(targets).item()
    ### END SOLUTION


# %% test="log_evidence" points=3
checks.show(
    lambda: checks.check_value(
        "the log evidence of one image", log_evidence(torch.tensor([[2.0]]), torch.tensor([1.0]), 1.0, 1.0), -1.8237
    ),
    lambda: checks.check_value(
        "that of two images", log_evidence(torch.tensor([[1.0], [0.0]]), torch.tensor([1.0, 1.0]), 2.0, 4.0), -3.6676
    ),
)
### BEGIN HIDDEN TESTS
from scipy.stats import multivariate_normal

draw = torch.Generator().manual_seed(5)
wide = torch.randn(6, 9, generator=draw)
tall = torch.randn(8, 3, generator=draw)
some_targets = torch.tensor([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0])


def expected_evidence(matrix, targets, alpha, beta):
    covariance = np.eye(len(matrix)) / beta + (matrix @ matrix.T).double().numpy() / alpha
    return float(multivariate_normal.logpdf(targets.double().numpy(), np.zeros(len(matrix)), covariance))


graded(
    (
        1,
        checks.check_value(
            "the log evidence",
            log_evidence(tall, some_targets, 1.5, 1.5),
            expected_evidence(tall, some_targets, 1.5, 1.5),
            tolerance=1e-3,
        ),
    ),
    (
        1,
        checks.check_value(
            "the log evidence with much noise",
            log_evidence(tall, some_targets, 2.0, 0.2),
            expected_evidence(tall, some_targets, 2.0, 0.2),
            tolerance=1e-3,
        ),
    ),
    (
        1,
        checks.check_value(
            "that of more features than images",
            log_evidence(wide, some_targets[:6], 0.5, 4.0),
            expected_evidence(wide, some_targets[:6], 0.5, 4.0),
            tolerance=1e-3,
        ),
    ),
)
### END HIDDEN TESTS

# %% [markdown]
# ## 2. LogME
#
# Nobody knows $\alpha$ and $\beta$, so LogME takes the pair that makes the labels **most probable**: one number for a source, of which the highest
# is best. (The authors find
# the pair by iteration; a grid does as well here.) There is a column of targets for each class: 1 for its images, 0 for all others.
#
# `evidence_grid` computes the log evidence for all pairs of a grid at once, from the eigenvalues of $F F^T$.
#
# **Exercise.** Write `logme`: for each class take the best log evidence of the grid, divide it by the number of images, and average over the classes.
#
# <details><summary>Hint</summary>
#
# `(labels == c).double()` are the targets of class `c`. `labels.unique()` gives the classes.
#
# </details>

# %% locked="evidence_grid"
ALPHAS, BETAS = torch.logspace(-4, 6, 21), torch.logspace(-2, 4, 13)


def evidence_grid(features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Log evidence [21, 13] of targets [N] for all pairs of ALPHAS and BETAS."""
    features, targets = features.double(), targets.double()
    values, vectors = torch.linalg.eigh(features @ features.T)
    variances = values.clamp_min(0) / ALPHAS.double()[:, None, None] + 1 / BETAS.double()[:, None]
    squares = (vectors.T @ targets) ** 2
    return -0.5 * (math.log(2 * math.pi) + variances.log() + squares / variances).sum(dim=-1)


# %% solution="logme" objective="implement" topic="transferability"
def logme(features: torch.Tensor, labels: torch.Tensor) -> float:
    """LogME of a source: the best log evidence for an image, averaged over the classes."""
    ### BEGIN SOLUTION
    scores = []
    for each in labels.unique():
        targets = (labels == each).double()
        scores.append(evidence_grid(features, targets).max() / len(labels))
    return torch.stack(scores).mean().item()
    ### END SOLUTION


# %% test="logme" points=3
checks.show(
    lambda: checks.check_value(
        "LogME of perfect features", logme(torch.eye(2).repeat(4, 1), torch.tensor([0, 1] * 4)), 2.3079, tolerance=1e-3
    ),
    lambda: checks.check_value(
        "LogME of useless features", logme(torch.zeros(8, 2), torch.tensor([0, 1] * 4)), -1.1339, tolerance=1e-3
    ),
)
### BEGIN HIDDEN TESTS
draw = torch.Generator().manual_seed(6)
uneven_labels = torch.tensor([0, 2, 0, 1, 0, 2, 0, 0, 1, 0])
uneven_features = torch.randn(10, 4, generator=draw) + uneven_labels[:, None]
offset_labels = torch.tensor([3, 5, 5, 3, 5, 5])
offset_features = torch.randn(6, 8, generator=draw)


def expected_logme(matrix, truth):
    best = []
    for each in sorted(set(truth.tolist())):
        target = (truth == each).double().numpy()
        gram = (matrix.double() @ matrix.double().T).numpy()
        densities = []
        for alpha in ALPHAS.tolist():
            for beta in BETAS.tolist():
                covariance = gram / alpha + np.eye(len(target)) / beta
                distance = target @ np.linalg.solve(covariance, target)
                size = np.linalg.slogdet(2 * np.pi * covariance)[1]
                densities.append(-0.5 * (distance + size))
        best.append(max(densities))
    return float(np.mean(best) / len(truth))


graded(
    (
        2,
        checks.check_value(
            "LogME of three classes",
            logme(uneven_features, uneven_labels),
            expected_logme(uneven_features, uneven_labels),
            tolerance=2e-3,
        ),
    ),
    (
        1,
        checks.check_value(
            "LogME of classes 3 and 5",
            logme(offset_features, offset_labels),
            expected_logme(offset_features, offset_labels),
            tolerance=2e-3,
        ),
    ),
)
### END HIDDEN TESTS

# %% [markdown]
# ## 3. The other way: a probe on a few images
#
# Or you train a small head after all, and measure it honestly: on images that it was not trained on. With 40 labelled images nothing can be set
# aside for good, so
# **k-fold cross-validation** lets every image be the test once: image $i$ belongs to fold $i$ modulo $k$, and a head trained on all *other* folds
# answers for it.
#
# `fit_and_predict` trains a head on some features and labels and gives its answers for other features.
#
# **Exercise.** Write `right_answers`: for each image, in order, whether the head that was trained without its fold named it rightly (a tensor of
# truth values, `[N]`).
#
# <details><summary>Hint</summary>
#
# `folds = torch.arange(len(labels)) % k`; then `test = folds == fold` selects a fold's images and `~test` all others.
#
# </details>


# %% locked="fit_and_predict"
def fit_and_predict(train_features, train_labels, features) -> torch.Tensor:
    """The answers for features [M, D] of a linear head trained on labelled features [N, D]."""
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    head.fit(train_features.numpy(), train_labels.numpy())
    return torch.from_numpy(head.predict(features.numpy()))


# %% solution="right_answers" objective="evaluate" topic="cross-validation"
def right_answers(features: torch.Tensor, labels: torch.Tensor, k: int = 5) -> torch.Tensor:
    """Whether each image is named rightly by a head trained without its fold."""
    ### BEGIN SOLUTION
    folds = torch.arange(len(labels)) % k
    right = torch.zeros(len(labels), dtype=torch.bool)
    for fold in range(k):
        test = folds == fold
        answers = fit_and_predict(features[~test], labels[~test], features[test])
        right[test] = answers == labels[test]
    return right
    ### END SOLUTION


# %% test="right_answers" points=3
toy_labels = torch.tensor([0, 1, 0, 1, 1, 0, 1, 0])
toy_features = torch.tensor([[0.0], [0.9], [0.8], [1.0], [0.9], [0.1], [0.9], [0.2]])
checks.show(
    lambda: checks.check_results("right_answers", right_answers(toy_features, toy_labels, 4), [1, 1, 0, 1, 1, 1, 1, 1]),
)
### BEGIN HIDDEN TESTS
from sklearn.model_selection import PredefinedSplit, cross_val_predict

draw = torch.Generator().manual_seed(2)
weak_labels = torch.cat([torch.zeros(13), torch.ones(14)]).long()
weak_features = torch.randn(27, 5, generator=draw)
weak_features[:, 0] += weak_labels


def expected_right(matrix, truth, k):
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    split = PredefinedSplit(np.arange(len(truth)) % k)
    return torch.from_numpy(cross_val_predict(head, matrix.numpy(), truth.numpy(), cv=split)) == truth


graded(
    (
        2,
        checks.check_results(
            "right_answers", right_answers(weak_features, weak_labels, 4), expected_right(weak_features, weak_labels, 4)
        ),
    ),
    (
        1,
        checks.check_results(
            "right_answers with 3 folds",
            right_answers(weak_features, weak_labels, 3),
            expected_right(weak_features, weak_labels, 3),
        ),
    ),
)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. Do the rankings agree?
#
# Both scores rank the sources before anything is fine-tuned. A ranking is good if it agrees with the accuracy that is reached **later**. **Kendall's
# tau** measures that:
# go through all pairs of sources; a pair that both scores put in the same order counts +1, one in opposite orders -1, one with a tie 0; divide by
# the number of pairs. So 1 is perfect
# agreement, 0 none, -1 the opposite order.
#
# **Exercise.** Write `kendall_tau`.
#
# <details><summary>Hint</summary>
#
# The pairs are all `i < j`. `(a[i] - a[j]) * (b[i] - b[j])` is positive if both put them in the same order.
#
# </details>


# %% solution="kendall_tau" objective="evaluate" topic="Kendall's tau"
def kendall_tau(a: list[float], b: list[float]) -> float:
    """Pairs in the same order minus pairs in opposite orders, over all pairs."""
    ### BEGIN SOLUTION
    total, pairs = 0, 0
    for i in range(len(a)):
        for j in range(i + 1, len(a)):
            product = (a[i] - a[j]) * (b[i] - b[j])
            total += (product > 0) - (product < 0)
            pairs += 1
    return total / pairs
    ### END SOLUTION


# %% test="kendall_tau" points=2
checks.show(
    lambda: checks.check_ranking(kendall_tau([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]), [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
    lambda: checks.check_ranking(kendall_tau([1.0, 2.0, 3.0], [2.0, 1.0, 3.0]), [1.0, 2.0, 3.0], [2.0, 1.0, 3.0]),
)
### BEGIN HIDDEN TESTS
scores, later = [0.3, -0.2, 0.9, 0.5, 0.1], [0.71, 0.74, 0.9, 0.88, 0.6]
with_tie = [0.71, 0.71, 0.9, 0.88, 0.6]
graded(
    (1, checks.check_ranking(kendall_tau(scores, later), scores, later)),
    (1, checks.check_ranking(kendall_tau(scores, with_tie), scores, with_tie)),
)
### END HIDDEN TESTS

# %% [markdown]
# Now rank the six sources with 40 labels, and see what 300 labels say later (the probe, cross-validated over all 300 images).

# %% locked="rank_sources"
learn.seed_everything(0)
few = sample(labels, 20, seed=int(torch.randint(10_000, ())))
few = few[torch.randperm(len(few))]
source_scores = {
    name: {
        "LogME, 40 labels": logme(features[name][few], labels[few]),
        "probe, 40 labels": right_answers(features[name][few], labels[few]).double().mean().item(),
        "probe, 300 labels": right_answers(features[name], labels).double().mean().item(),
    }
    for name in SOURCES
}
learn.results_table(
    {name: {column: f"{value:.3f}" for column, value in row.items()} for name, row in source_scores.items()}
)

# %% [markdown]
# And does **fine-tuning** agree? Training all layers of each source on 200 of the images takes minutes on a laptop, so it was done for you, with five
# seeds. `fine_tune` is how: call it for a source if you like.

# %% locked="fine_tune"
def fine_tune(name: str, seed: int = 0, epochs: int = 4) -> float:
    """The accuracy on the last 100 images of the source, trained with a new head on the first 200."""
    learn.seed_everything(seed)
    images = nn.functional.interpolate(inputs, size=64, mode="area").to(device)
    body = load_source(name)
    head = nn.Linear(features[name].shape[1], 2).to(device)
    optimizer = torch.optim.AdamW([{"params": body.parameters()}, {"params": head.parameters(), "lr": 3e-3}], lr=1e-3)
    for epoch in range(epochs):
        body.train()
        for rows in learn.progress(torch.randperm(200).split(16), f"{name}, epoch {epoch + 1}"):
            loss = nn.functional.cross_entropy(head(body(images[rows.to(device)])), labels[rows].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    body.eval()
    with torch.no_grad():
        answers = torch.cat([head(body(batch)) for batch in images[200:].split(20)]).argmax(dim=1).cpu()
    return (answers == labels[200:]).double().mean().item()


# Means over the seeds 0 to 4.
FINE_TUNED = {
    "ImageNet": 0.818,
    "to block 2": 0.798,
    "to block 0": 0.666,
    "noisy": 0.798,
    "shuffled": 0.734,
    "random": 0.670,
}
learn.results_table({name: {"fine-tuned on 200": f"{value:.3f}"} for name, value in FINE_TUNED.items()})

# %% locked="agreement"
logme_scores, few_scores, later_scores = (
    list(column) for column in zip(*(row.values() for row in source_scores.values()))
)
tuned_scores = [FINE_TUNED[name] for name in SOURCES]
learn.results_table(
    {
        name: {
            "tau with the probe on 300": f"{kendall_tau(scores, later_scores):+.2f}",
            "tau with fine-tuning": f"{kendall_tau(scores, tuned_scores):+.2f}",
        }
        for name, scores in {"LogME, 40 labels": logme_scores, "probe, 40 labels": few_scores}.items()
    }
)

# %% [markdown]
# Mind how uncertain this is. Six sources have only 15 pairs, and the accuracy of a probe on 40 images is known to within some 15 points, on
# 300 images to within some 4: sources whose accuracies lie closer than that **cannot be told apart**, whatever their order in the table. You
# come back to that in section 8. (Cells of one solar panel may lie in different folds, which flatters every source a little.)
#
# ## 5. The experiment: with and without transfer, over the number of labels
#
# What is transfer worth? The answer depends on how many labels there are. So we leave the images for a task where both sides are cheap enough to
# repeat many times: **is a short text negative or
# positive?**
#
# - **Transfer**: features of MiniLM, a language model that was pretrained on a billion sentence pairs, and a linear head.
# - **From scratch**: no pretrained weights. The features count short pieces of words (2 to 5 characters), which pieces there are is learned from the
#   labelled texts alone, and a linear head of the same kind.
#
# This takes about half a minute.

# %%
pool, judged = (
    assets.load_target_data("short_texts", split, per_class=count)
    for split, count in (("train", 400), ("validation", 200))
)


def embed(texts: list[str]) -> torch.Tensor:
    """MiniLM's features of each text, [N, 384]: the mean over its tokens."""
    model = assets.load_source_model("minilm").to(device)
    return learn.text_features(model, assets.load_tokenizer("minilm"), texts)


def without_neutral(data) -> tuple[list[str], torch.Tensor]:
    """The negative (0) and positive (1) texts."""
    kept = torch.where(data.labels != 1)[0].tolist()
    return [data.texts[row] for row in kept], data.labels[kept] // 2


pool_texts, pool_labels = without_neutral(pool)
judged_texts, judged_labels = without_neutral(judged)
pool_embedded, judged_embedded = embed(pool_texts), embed(judged_texts)

# %% [markdown]
# An **arm** of the experiment is a function: it gets the rows of the texts that it may learn from, and returns its accuracy on 400 other texts.
# Which texts happen to be labelled is chance. So
# every size is repeated with several seeds, and **both arms get the same texts for the same seed**: then their difference does not depend on lucky
# texts.
#
# **Exercise.** Write `learning_curve`: a tensor `[sizes, seeds]` of `double` numbers, with a row for each size and a column for each seed.
# `sample(labels, size, seed)` gives the rows of `size` texts **of each class**.
#
# <details><summary>Hint</summary>
#
# Two loops, one inside the other. `torch.tensor(list_of_lists, dtype=torch.double)` makes a table of them.
#
# </details>


# %% solution="learning_curve" objective="implement" topic="learning curve"
def learning_curve(arm, labels: torch.Tensor, sizes: list[int], seeds: list[int]) -> torch.Tensor:
    """The arm's accuracy for each size (rows) and each seed (columns)."""
    ### BEGIN SOLUTION
    table = []
    for size in sizes:
        table.append([arm(sample(labels, size, seed)) for seed in seeds])
    return torch.tensor(table, dtype=torch.double)
    ### END SOLUTION


# %% test="learning_curve" points=3
checks.show(
    lambda: checks.check_results(
        "the number of texts seen",
        learning_curve(len, torch.tensor([0, 1] * 9), [2, 3, 5], [0, 1]),
        [[4, 4], [6, 6], [10, 10]],
    ),
)


### BEGIN HIDDEN TESTS
def toy_arm(rows):
    return float((rows.double() ** 1.5).mean())


many_labels = torch.tensor([0, 1, 1] * 20)
expected_curve = torch.tensor([[toy_arm(sample(many_labels, size, seed)) for seed in (7, 3)] for size in (4, 9, 2)])
graded(
    (
        1,
        checks.check_results(
            "the number of texts seen", learning_curve(len, many_labels, [4, 9, 2], [7, 3]), [[8, 8], [18, 18], [4, 4]]
        ),
    ),
    (
        2,
        checks.check_results(
            "the learning curve", learning_curve(toy_arm, many_labels, [4, 9, 2], [7, 3]), expected_curve
        ),
    ),
)
### END HIDDEN TESTS

# %% locked="arms"
learn.seed_everything(0)
SIZES, SEEDS = [10, 20, 40, 80, 160, 320], torch.randint(10_000, (5,)).tolist()


def head(strength: float) -> LogisticRegression:
    """A linear head; a smaller strength keeps its weights smaller."""
    return LogisticRegression(C=strength, max_iter=300)


def pieces(kind: str) -> TfidfVectorizer:
    """Counts of whole words, or of pieces of words."""
    if kind == "words":
        return TfidfVectorizer(sublinear_tf=True)
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)


def transfer_answers(rows: torch.Tensor, strength: float = 0.03) -> torch.Tensor:
    """What a head on MiniLM's features says of the texts to judge."""
    model = make_pipeline(StandardScaler(), head(strength))
    model.fit(pool_embedded[rows].numpy(), pool_labels[rows].numpy())
    return torch.from_numpy(model.predict(judged_embedded.numpy()))


def scratch_answers(rows: torch.Tensor, strength: float = 10.0, kind: str = "pieces") -> torch.Tensor:
    """What a model without any pretrained weights says of the texts to judge."""
    model = make_pipeline(pieces(kind), head(strength))
    model.fit([pool_texts[row] for row in rows.tolist()], pool_labels[rows].numpy())
    return torch.from_numpy(model.predict(judged_texts))


def accuracy(answers: torch.Tensor, part: slice = slice(None)) -> float:
    """The share of right answers, of all judged texts or of a part of them."""
    return (answers[part] == judged_labels[part]).double().mean().item()


# %% locked="run_curves"
curves = {
    "transfer": learning_curve(lambda rows: accuracy(transfer_answers(rows)), pool_labels, SIZES, SEEDS),
    "from scratch": learning_curve(lambda rows: accuracy(scratch_answers(rows)), pool_labels, SIZES, SEEDS),
}
learn.plot_curves_with_bands(SIZES, curves, xlabel="labels for each class", ylabel="accuracy on 400 other texts")

# %% [markdown]
# The line is the mean over the seeds, the band one standard deviation to either side. At the right end the band gets narrow for a reason that has
# nothing to do with
# certainty: there are only 400 texts of each class to draw from, so the samples share most of them.
#
# ## 6. Where the curves cross
#
# Transfer's lead shrinks with the number of labels. Where is it gone? You measured only at six sizes, so **interpolate**: between two sizes take
# each curve as a straight line over $\log_2$ of the size, as the picture does. If
# the lead falls from $d_0 > 0$ to $d_1 \le 0$, it is 0 after the share $d_0 / (d_0 - d_1)$ of the way.
#
# **Exercise.** Write `crossing(sizes, a, b)`: the first size at which `b` reaches `a`. If `b` is as good at the first size already, that is the
# first size. If it never reaches `a` within the measured sizes, return
# `None`: beyond them, nothing was measured.
#
# <details><summary>Hint</summary>
#
# Go through the sizes with the lead `a[i] - b[i]`. At the first lead of 0 or less, interpolate `math.log2(size)` between this size and the one
# before, and return 2 to that power.
#
# </details>


# %% solution="crossing" objective="evaluate" topic="learning curve"
def crossing(sizes: list[int], a: list[float], b: list[float]) -> float | None:
    """The first size at which b reaches a, interpolated over log2; None if it does not."""
    ### BEGIN SOLUTION
    for i in range(len(sizes)):
        lead = a[i] - b[i]
        if lead <= 0:
            if i == 0:
                return float(sizes[0])
            before = a[i - 1] - b[i - 1]
            share = before / (before - lead)
            low, high = math.log2(sizes[i - 1]), math.log2(sizes[i])
            return 2 ** (low + share * (high - low))
    return None
    ### END SOLUTION


# %% test="crossing" points=3
checks.show(
    lambda: checks.check_crossing(crossing([10, 40], [0.8, 0.8], [0.7, 0.9]), [10, 40], [0.8, 0.8], [0.7, 0.9]),
    lambda: checks.check_crossing(
        crossing([10, 20, 40], [0.8, 0.85, 0.9], [0.6, 0.7, 0.8]), [10, 20, 40], [0.8, 0.85, 0.9], [0.6, 0.7, 0.8]
    ),
)
### BEGIN HIDDEN TESTS
tested, leading = [5, 10, 40, 80], [0.80, 0.84, 0.86, 0.87]
catching_up, wobbling = [0.50, 0.72, 0.89, 0.80], [0.85, 0.80, 0.80, 0.90]
never, at_the_end = [0.70, 0.80, 0.85, 0.86], [0.70, 0.80, 0.85, 0.87]
graded(
    (1, checks.check_crossing(crossing(tested, leading, catching_up), tested, leading, catching_up)),
    (0.5, checks.check_crossing(crossing(tested, leading, wobbling), tested, leading, wobbling)),
    (1, checks.check_crossing(crossing(tested, leading, never), tested, leading, never)),
    (0.5, checks.check_crossing(crossing(tested, leading, at_the_end), tested, leading, at_the_end)),
)
### END HIDDEN TESTS

# %% [markdown]
# The same function also reads the picture **sideways**: how many labels does the model from scratch need for what transfer reaches with 20, 40 or
# 80? That is what transfer is worth, in labels.

# %% locked="labels_saved"
with_transfer, without = (curves[name].mean(dim=1).tolist() for name in ("transfer", "from scratch"))
print(f"The curves cross at: {crossing(SIZES, with_transfer, without) or 'no size up to 320'}")
for size, reached in list(zip(SIZES, with_transfer))[1:4]:
    needed = crossing(SIZES, [reached] * len(SIZES), without)
    print(
        f"{size} labels with transfer are worth {f'{needed:.0f}' if needed else 'more than 320'} from scratch ({reached:.3f})"
    )

# %% [markdown]
# ## 7. A gain and its interval
#
# A gain without its uncertainty says little. With the same texts in both arms, the gains over the seeds are differences of **pairs**: what makes a
# sample easy for one arm makes it easy for the other, and drops out.
#
# With $n$ gains of mean $\bar g$ and standard deviation $s$ (divided by $n - 1$), the interval is $\bar g \pm t \cdot s / \sqrt n$, where $t$ is the
# quantile of Student's t distribution with $n - 1$ degrees of
# freedom that leaves half of the error probability on either side.
#
# **Exercise.** Write `gain_interval`: the mean gain of transfer over scratch, and the lower and the upper end of its interval.
#
# <details><summary>Hint</summary>
#
# `stats.t.ppf((1 + confidence) / 2, n - 1)` is the quantile; `tensor.std()` divides by n - 1.
#
# </details>


# %% solution="gain_interval" objective="evaluate" topic="confidence interval"
def gain_interval(
    transfer: torch.Tensor, scratch: torch.Tensor, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean gain [over pairs], lower end and upper end of its t interval."""
    ### BEGIN SOLUTION
    gains = transfer.double() - scratch.double()
    n = len(gains)
    half = stats.t.ppf((1 + confidence) / 2, n - 1) * gains.std().item() / math.sqrt(n)
    mean = gains.mean().item()
    return mean, mean - half, mean + half
    ### END SOLUTION


# %% test="gain_interval" points=3
some_transfer, some_scratch = torch.tensor([0.80, 0.84, 0.79, 0.85]), torch.tensor([0.71, 0.77, 0.72, 0.73])
checks.show(lambda: checks.check_gain(gain_interval(some_transfer, some_scratch), some_transfer, some_scratch))
### BEGIN HIDDEN TESTS
first_arm = torch.tensor([0.61, 0.75, 0.68, 0.72, 0.66, 0.80])
second_arm = torch.tensor([0.64, 0.75, 0.73, 0.77, 0.70, 0.81])
graded(
    (2, checks.check_gain(gain_interval(first_arm, second_arm), first_arm, second_arm)),
    (1, checks.check_gain(gain_interval(second_arm, first_arm, 0.8), second_arm, first_arm, confidence=0.8)),
)
### END HIDDEN TESTS

# %% [markdown]
# ## 8. The verdict
#
# **Exercise.** Write `transfer_verdict`: `"positive"` if the whole interval lies above 0, `"negative"` if all of it lies below, and `"undecided"` if
# 0 is in it, ends included. *Negative transfer* is the name for a source that
# makes things worse.
#
# <details><summary>Hint</summary>
#
# An interval lies above 0 when its lower end does.
#
# </details>


# %% solution="transfer_verdict" objective="distinguish" topic="negative transfer"
def transfer_verdict(low: float, high: float) -> str:
    """What an interval of the gain says: positive, negative or undecided."""
    ### BEGIN SOLUTION
    if low > 0:
        return "positive"
    if high < 0:
        return "negative"
    return "undecided"
    ### END SOLUTION


# %% test="transfer_verdict" points=2
checks.show(
    lambda: checks.check_transfer_verdict(transfer_verdict(0.02, 0.08), 0.02, 0.08),
    lambda: checks.check_transfer_verdict(transfer_verdict(-0.09, -0.01), -0.09, -0.01),
)
### BEGIN HIDDEN TESTS
graded(
    (0.5, checks.check_transfer_verdict(transfer_verdict(0.001, 0.3), 0.001, 0.3)),
    (0.5, checks.check_transfer_verdict(transfer_verdict(-0.3, -0.001), -0.3, -0.001)),
    (0.5, checks.check_transfer_verdict(transfer_verdict(-0.01, 0.09), -0.01, 0.09)),
    (0.25, checks.check_transfer_verdict(transfer_verdict(0.0, 0.09), 0.0, 0.09)),
    (0.25, checks.check_transfer_verdict(transfer_verdict(-0.09, 0.0), -0.09, 0.0)),
)
### END HIDDEN TESTS

# %% [markdown]
# Transfer against scratch, at each number of labels:

# %% locked="gains_by_size"
gains = {
    f"{size} labels": gain_interval(curves["transfer"][row], curves["from scratch"][row])
    for row, size in enumerate(SIZES)
}
for name, (mean, low, high) in gains.items():
    print(f"{name:>10}: {mean:+.3f} ({low:+.3f} to {high:+.3f}) {transfer_verdict(low, high)}")
learn.plot_gains(gains)

# %% [markdown]
# What the interval covers is the chance of **which texts were labelled**. All seeds were judged on the same 400 texts; other texts would move all
# gains of a row together, by some 3 points. So do not trust a lead of 1 point
# here, however narrow its interval.
#
# And now the sources of section 4 again. The pairs here are images: the ImageNet probe's answer against another source's, on each of the 300 images.

# %% locked="sources_apart"
right = {name: right_answers(features[name], labels).double() for name in SOURCES}
against_imagenet = {name: gain_interval(right["ImageNet"], right[name]) for name in SOURCES[1:]}
for name, (mean, low, high) in against_imagenet.items():
    print(f"ImageNet against {name:>10}: {mean:+.3f} ({low:+.3f} to {high:+.3f}) {transfer_verdict(low, high)}")
learn.plot_gains(against_imagenet, xlabel="gain of ImageNet over this source")

# %% [markdown]
# Where the verdict is *undecided*, these sources cannot be told apart with 300 images. The honest answer to "which is best?" is then: any of these.
#
# ## 9. Take more data along?
#
# Back to the solar cells. The target: monocrystalline cells, of which only **5 of each class** are labelled. But there are 300 labelled
# *polycrystalline* cells. They look different, but a defect is a defect: why not train the
# head on both?
#
# If 300 rows join 10, the head will listen to the 300. A **weight** for each row decides how much it counts: each target row counts 1, and all
# source rows **together** count `share` times as much as all target rows together.
#
# **Exercise.** Write `pool_with_source`. It returns features, labels and weights of all rows, the target's first.
#
# <details><summary>Hint</summary>
#
# With 10 target rows, 300 source rows and a share of 0.1, each source row weighs 0.1 * 10 / 300.
#
# </details>


# %% solution="pool_with_source" objective="implement" topic="negative transfer"
def pool_with_source(
    target_features: torch.Tensor,
    target_labels: torch.Tensor,
    source_features: torch.Tensor,
    source_labels: torch.Tensor,
    share: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features, labels and weights of target and source rows; the source's weights add up to share times the target's."""
    ### BEGIN SOLUTION
    each = share * len(target_labels) / len(source_labels)
    weights = torch.cat([torch.ones(len(target_labels)), torch.full((len(source_labels),), each)])
    features = torch.cat([target_features, source_features])
    labels = torch.cat([target_labels, source_labels])
    return features, labels, weights
    ### END SOLUTION


# %% test="pool_with_source" points=3
few_rows, more_rows = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [4.0], [5.0], [6.0]])
few_labels, more_labels = torch.tensor([0, 1]), torch.tensor([1, 1, 0, 0])
checks.show(
    lambda: checks.check_results(
        "the features",
        pool_with_source(few_rows, few_labels, more_rows, more_labels, 0.5)[0],
        [[1], [2], [3], [4], [5], [6]],
    ),
    lambda: checks.check_results(
        "the labels", pool_with_source(few_rows, few_labels, more_rows, more_labels, 0.5)[1], [0, 1, 1, 1, 0, 0]
    ),
    lambda: checks.check_results(
        "the weights",
        pool_with_source(few_rows, few_labels, more_rows, more_labels, 0.5)[2],
        [1, 1, 0.25, 0.25, 0.25, 0.25],
    ),
)
### BEGIN HIDDEN TESTS
target_part, source_part = torch.arange(6.0).reshape(3, 2), torch.arange(10.0, 20.0).reshape(5, 2)
target_truth, source_truth = torch.tensor([0, 0, 1]), torch.tensor([1, 0, 1, 1, 1])
graded(
    (
        0.5,
        checks.check_results(
            "the features",
            pool_with_source(target_part, target_truth, source_part, source_truth, 0.2)[0],
            torch.cat([target_part, source_part]),
        ),
    ),
    (
        0.5,
        checks.check_results(
            "the labels",
            pool_with_source(target_part, target_truth, source_part, source_truth, 0.2)[1],
            torch.tensor([0, 0, 1, 1, 0, 1, 1, 1]),
        ),
    ),
    (
        1,
        checks.check_results(
            "the weights",
            pool_with_source(target_part, target_truth, source_part, source_truth, 0.2)[2],
            torch.tensor([1, 1, 1, 0.12, 0.12, 0.12, 0.12, 0.12]),
        ),
    ),
    (
        1,
        checks.check_results(
            "the weights of a large share",
            pool_with_source(source_part, source_truth, target_part, target_truth, 1.8)[2],
            torch.tensor([1, 1, 1, 1, 1, 3, 3, 3]),
        ),
    ),
)
### END HIDDEN TESTS

# %% [markdown]
# ## 10. A control
#
# Suppose that pooling turns out to harm. **Why?** Two causes come together: the source's *labels* may teach something wrong for the target, or 300
# foreign rows simply *drown* the 10, whatever their labels say. A **control** separates them: change
# one thing, and leave everything else as it is. Here: the same source images, the same number of each label, but the labels dealt out at random.
# Nothing can be learned from those.
#
# **Exercise.** Write `shuffled_labels`: a random permutation of the labels that depends on the seed alone. The labels given stay as they are.
#
# <details><summary>Hint</summary>
#
# `torch.randperm(n, generator=torch.Generator().manual_seed(seed))` gives a random order, and leaves all other random numbers alone.
#
# </details>


# %% solution="shuffled_labels" objective="troubleshoot" topic="control experiment"
def shuffled_labels(labels: torch.Tensor, seed: int) -> torch.Tensor:
    """The same labels in a random order that the seed decides."""
    ### BEGIN SOLUTION
    generator = torch.Generator().manual_seed(seed)
    return labels[torch.randperm(len(labels), generator=generator)]
    ### END SOLUTION


# %% locked="kept_labels"
def counts_of(labels: torch.Tensor) -> list[int]:
    """How many labels of each class there are."""
    return torch.bincount(labels).tolist()


def given_labels(function, labels: torch.Tensor, seed: int) -> torch.Tensor:
    """What is left of the labels that a function was given."""
    given = labels.clone()
    function(given, seed)
    return given


def places_changed(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Whether two label tensors differ anywhere."""
    return not torch.equal(first, second)


# %% test="shuffled_labels" points=2
in_order = torch.tensor([0] * 20 + [1] * 12)
checks.show(
    lambda: checks.check_results("the number of each label", counts_of(shuffled_labels(in_order, 1)), [20, 12]),
    lambda: checks.check_value("the order has changed", places_changed(shuffled_labels(in_order, 1), in_order), 1),
    lambda: checks.check_results("the labels given", given_labels(shuffled_labels, in_order, 1), in_order),
)
### BEGIN HIDDEN TESTS
three_kinds = torch.tensor([0] * 25 + [1] * 4 + [2] * 16)
graded(
    (0.5, checks.check_results("the number of each label", counts_of(shuffled_labels(three_kinds, 11)), [25, 4, 16])),
    (
        0.5,
        checks.check_value("the order has changed", places_changed(shuffled_labels(three_kinds, 11), three_kinds), 1),
    ),
    (
        0.25,
        checks.check_value(
            "another seed gives another order",
            places_changed(shuffled_labels(three_kinds, 11), shuffled_labels(three_kinds, 12)),
            1,
        ),
    ),
    (
        0.25,
        checks.check_value(
            "the same seed gives another order",
            places_changed(shuffled_labels(three_kinds, 11), shuffled_labels(three_kinds, 11)),
            0,
        ),
    ),
    (0.5, checks.check_results("the labels given", given_labels(shuffled_labels, three_kinds, 11), three_kinds)),
)
### END HIDDEN TESTS

# %% [markdown]
# Five ways to use the 300 polycrystalline cells, each against using none, over 10 draws of the 10 target cells, judged on the other 290. (*Flipped*
# stands for a source whose files call 0 what yours call 1.)

# %%
poly = assets.load_target_data("solar_cells", "train", task="defect", domain="poly", size=SIZE, per_class=150)
poly_features = features_of("ImageNet", poly.inputs())

# %% locked="negative_transfer"
learn.seed_everything(0)
DRAWS = torch.randint(10_000, (10,)).tolist()
EQUAL = len(poly.labels) / 10  # this share gives every row the same weight


def accuracy_on_the_rest(rows: torch.Tensor, source_labels: torch.Tensor, share: float) -> float:
    """Accuracy on the mono cells outside rows of a head trained on rows and on the poly cells."""
    known = features["ImageNet"]
    mean, spread = known[rows].mean(dim=0), known[rows].std(dim=0) + 0.1
    pooled, truth, weights = pool_with_source(
        (known[rows] - mean) / spread, labels[rows], (poly_features - mean) / spread, source_labels, share
    )
    model = LogisticRegression(C=0.01, max_iter=1000).fit(pooled.numpy(), truth.numpy(), weights.numpy())
    rest = torch.ones(len(labels), dtype=torch.bool)
    rest[rows] = False
    answers = torch.from_numpy(model.predict(((known[rest] - mean) / spread).numpy()))
    return (answers == labels[rest]).double().mean().item()


uses = {
    "every row counts 1": lambda seed: (poly.labels, EQUAL),
    "the same, labels flipped": lambda seed: (1 - poly.labels, EQUAL),
    "the same, labels shuffled": lambda seed: (shuffled_labels(poly.labels, seed), EQUAL),
    "share 2": lambda seed: (poly.labels, 2.0),
    "share 0.1": lambda seed: (poly.labels, 0.1),
}
drawn = [sample(labels, 5, seed) for seed in DRAWS]
target_only = torch.tensor(
    [accuracy_on_the_rest(rows, poly.labels, 0.0) for rows in learn.progress(drawn, "target only")]
)
pooled_gains = {}
for name, use in uses.items():
    accuracies = [accuracy_on_the_rest(rows, *use(seed)) for seed, rows in zip(DRAWS, learn.progress(drawn, name))]
    pooled_gains[name] = gain_interval(torch.tensor(accuracies), target_only)
print(f"target only: {target_only.mean().item():.3f}")
for name, (mean, low, high) in pooled_gains.items():
    print(f"{name:>25}: {mean:+.3f} ({low:+.3f} to {high:+.3f}) {transfer_verdict(low, high)}")
learn.plot_gains(pooled_gains, xlabel="gain over the target's 10 cells alone")

# %% [markdown]
# Read it line by line. Pooling with equal weights **harms**: negative transfer, on real data. The control, with labels that mean nothing, harms at least
# as much: so it is not what the source's labels say, it is that they
# drown the target's. Flipped labels do worse: there the labels harm as well. With a small weight the harm is gone. But look at what is *not* there:
# a gain. This cure makes the source harmless, not useful. In the notebook on domain shift
# you make such a source useful.
#
# ## 11. A fair comparison
#
# Each arm has settings: how strongly the head is held back, whole words or pieces. Whoever tries more settings finds a better one, also by luck. A
# fair comparison gives both arms **the same number of tries**, chooses by
# **validation** texts, and reports on texts that chose nothing.
#
# **Exercise.** Write `tuned`: both tables have a row for each setting and a column for each seed. For each seed, choose the setting with the highest
# validation accuracy, and return **its** test accuracy (a tensor, `[seeds]`).
#
# <details><summary>Hint</summary>
#
# `validation.argmax(dim=0)` is the chosen row for each column. `test[rows, columns]` picks one number for each pair.
#
# </details>


# %% solution="tuned" objective="evaluate" topic="fair comparison"
def tuned(validation: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
    """For each seed the test accuracy of the setting that is best in validation."""
    ### BEGIN SOLUTION
    chosen = validation.argmax(dim=0)
    return test[chosen, torch.arange(test.shape[1])]
    ### END SOLUTION


# %% test="tuned" points=3
validation_table = torch.tensor([[0.7, 0.6, 0.8], [0.8, 0.5, 0.7]])
test_table = torch.tensor([[0.75, 0.61, 0.72], [0.74, 0.62, 0.79]])
checks.show(
    lambda: checks.check_results("the tuned accuracies", tuned(validation_table, test_table), [0.74, 0.61, 0.72])
)
### BEGIN HIDDEN TESTS
chosen_by = torch.tensor([[0.61, 0.70, 0.66, 0.81], [0.65, 0.68, 0.71, 0.60], [0.64, 0.74, 0.60, 0.70]])
reported = torch.tensor([[0.69, 0.71, 0.70, 0.64], [0.60, 0.75, 0.62, 0.72], [0.67, 0.66, 0.68, 0.79]])
square = torch.tensor([[0.90, 0.20, 0.30], [0.95, 0.80, 0.10], [0.40, 0.50, 0.70]])
graded(
    (
        2,
        checks.check_results(
            "the tuned accuracies", tuned(chosen_by, reported), torch.tensor([0.60, 0.66, 0.62, 0.64])
        ),
    ),
    (
        1,
        checks.check_results(
            "those of 3 settings and 3 seeds", tuned(square, reported[:, 1:]), torch.tensor([0.75, 0.62, 0.79])
        ),
    ),
)
### END HIDDEN TESTS

# %% [markdown]
# Who was tuned? Four answers for the same question, with 40 labels of each class. 200 of the judged texts, half of each class, choose; the others
# report. Untuned means: the first setting.

# %% locked="tuning"
TRANSFER_SETTINGS = [{"strength": each} for each in (10.0, 1.0, 0.1, 0.01)]
SCRATCH_SETTINGS = [{"strength": each, "kind": kind} for kind in ("words", "pieces") for each in (1.0, 10.0)]
turns_of_texts = torch.stack([torch.where(judged_labels == each)[0] for each in (0, 1)], dim=1).flatten()
choosing, reporting = turns_of_texts[:200], turns_of_texts[200:]


def tables(answers_of, settings: list[dict]) -> tuple[torch.Tensor, torch.Tensor]:
    """Accuracies [settings, seeds] on the texts that choose and on those that report."""
    drawn = [sample(pool_labels, 40, seed) for seed in SEEDS]
    answers = [[answers_of(rows, **each) for rows in drawn] for each in learn.progress(settings, "settings")]
    return tuple(
        torch.tensor([[accuracy(cell, part) for cell in row] for row in answers]) for part in (choosing, reporting)
    )


transfer_tables, scratch_tables = tables(transfer_answers, TRANSFER_SETTINGS), tables(scratch_answers, SCRATCH_SETTINGS)
untuned_transfer, untuned_scratch = transfer_tables[1][0], scratch_tables[1][0]
tuned_transfer, tuned_scratch = tuned(*transfer_tables), tuned(*scratch_tables)
fair_gains = {
    "nobody tuned": gain_interval(untuned_transfer, untuned_scratch),
    "only transfer tuned": gain_interval(tuned_transfer, untuned_scratch),
    "only scratch tuned": gain_interval(untuned_transfer, tuned_scratch),
    "both tuned": gain_interval(tuned_transfer, tuned_scratch),
}
for name, (mean, low, high) in fair_gains.items():
    print(f"{name:>20}: {mean:+.3f} ({low:+.3f} to {high:+.3f}) {transfer_verdict(low, high)}")
learn.plot_gains(fair_gains)

# %% [markdown]
# Same texts, same models: who was tuned changes the gain. When you read that a method beats its baseline, ask how often the baseline was allowed to
# try.
#
# ## 12. Think about it
#
# A colleague writes: "With 80 labelled examples, fine-tuning the new source reached 0.86. Our old model from scratch has 0.83. So the new source
# transfers well, and we should use it from now on." What would you ask, and
# what would you measure before you agree? Refer to at least two results of your own from this notebook. (100 to 200 words; a person reads and grades
# this one.)

# %% [markdown] reflection="judge_a_claim" points=4 objective="evaluate" topic="comparing methods"
# === BEGIN MARK SCHEME ===
# One point each:
# * Uncertainty: one run each says little; asks for repeated seeds, pairs, and an interval of the gain (or for the size of the test set).
# * Fairness: asks whether both sides had the same data and the same tuning budget, and a validation set apart from the test set.
# * Range: the answer holds for 80 labels; the lead may shrink with more (learning curve, crossing), or another source may be as good.
# * Own results are used rightly, without claiming more than their intervals allow.
# === END MARK SCHEME ===
# ### BEGIN SOLUTION
# I would first ask how the two numbers came about. One run each says little: in my runs with 40 labels single seeds of the same model differed by
# some points, so I would repeat both with at least five
# samples, the same for both, and look at the interval of the paired gain. Then I would ask whether both sides were tuned with the same number of
# tries and on data that did not report: in my table the gain was larger
# when only transfer was tuned. The old model may have been trained on other examples or measured on another test set; then the comparison means
# nothing. Finally, 80 labels are one point of a curve. In my picture the lead of transfer got
# smaller with every doubling of the labels, so with 1,000 labels the answer may be another one. I would draw both curves, and try a second source:
# several of mine could not be told apart.
# ### END SOLUTION

# %% [markdown]
# ## How far you have come
#
# Run this cell at any time. It shows which checks pass since the kernel was started, and it is no grade.

# %% progress="overview"

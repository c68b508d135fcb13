# %% [markdown]
# # When the domain shifts
#
# A factory has learned to find defective **mono**crystalline cells. Now it gets **poly**crystalline ones: the same kind of
# defects, but the crystals of the silicon show as a pattern of their own. The task is the same, the images are not: the *domain*
# has shifted.
#
# In this notebook you measure what the shift costs, and try four remedies. They differ in what they need:
#
# | remedy | what it needs of the new domain | what it changes |
# | --- | --- | --- |
# | standardisation per domain | images, no labels | the features |
# | BatchNorm statistics of the target (AdaBN) | images, no labels | stored means and variances |
# | a few target labels | 5 labels a class | the head |
# | few labels and AdaBN | both | statistics and head |
#
# Every number comes with an interval: with some hundred cells, a gain of a few points may be chance.

# %% locked="setup"
import math

import torch
from torch import nn

import checks
from workshop import assets, learn

learn.seed_everything(0)
device = learn.pick_device()
print(f"Running on: {device}")

# %% [markdown]
# ## The two domains
#
# The source domain has labels. Of the target domain you get 200 cells to adapt with, `pool`, and all other poly cells are the
# test. The test has the proportions that the factory finds: far more intact cells than defective ones.

# %% locked="load_data"
SIZE = 96


def cells(split: str, domain: str, per_class: int | None = None):
    return assets.load_target_data(
        "solar_cells", split, task="defect", domain=domain, size=SIZE, per_class=per_class
    )


mono, mono_test = cells("train", "mono", 100), cells("validation", "mono")
pool = cells("train", "poly", 100)
rest, more = cells("train", "poly"), cells("validation", "poly")
in_pool = set(pool.ids)
unused = torch.tensor([name not in in_pool for name in rest.ids])
poly_inputs = torch.cat([rest.inputs()[unused], more.inputs()])
poly_labels = torch.cat([rest.labels[unused], more.labels])
for name, counts in (("mono", mono_test.labels.bincount()), ("poly", poly_labels.bincount())):
    print(f"{name} test: {counts[0]} intact, {counts[1]} defective")

# %% locked="show_mono"
learn.show_images(mono.images, mono.labels, ("mono intact", "mono defective"))

# %% locked="show_poly"
learn.show_images(pool.images, pool.labels, ("poly intact", "poly defective"))

# %% [markdown]
# The backbone is frozen here: its features of each image are computed once (this takes some seconds), and a linear *probe* on
# them does the rest. `fit_probe` trains one. It starts from zero and its loss has one minimum, so the result does not depend on
# chance.

# %% locked="features_and_probe"
def new_model(seed: int = 0) -> nn.Module:
    """EfficientNet-Lite0 with ImageNet weights and two outputs, in evaluation mode."""
    model = assets.load_source_model("efficientnet_lite0", num_classes=2, seed=seed)
    return model.eval().to(device)


def fit_probe(
    features: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor | None = None
) -> nn.Linear:
    """A linear layer with two outputs, trained on features [N, D]; optionally a weight for each row."""
    head = nn.Linear(features.shape[1], 2)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    share = torch.ones(len(features)) if weights is None else weights
    share = share / share.sum()
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=30, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        losses = nn.functional.cross_entropy(head(features), labels, reduction="none")
        value = (share * losses).sum() + 0.005 * head.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return head.requires_grad_(False)


def answers_of(head: nn.Linear, features: torch.Tensor) -> torch.Tensor:
    """The class that the probe gives to each row, [N]."""
    return head(features).argmax(dim=1)


mono_features = learn.image_features(new_model(), mono.inputs(), label="mono")
mono_test_features = learn.image_features(new_model(), mono_test.inputs(), label="mono test")
pool_features = learn.image_features(new_model(), pool.inputs(), label="poly pool")
poly_features = learn.image_features(new_model(), poly_inputs, label="poly test")

# %% [markdown]
# ## 1. Balanced accuracy
#
# In the poly test nearly four in five cells are intact. Whoever calls *every* cell intact is right that often, and has found no
# defect at all. **Balanced accuracy** gives each class the same say: the share of right answers (the *recall*) is computed class
# by class, and these shares are averaged. Guessing has 0.5, with two classes, whatever the proportions.
#
# **Exercise.** Write `balanced_accuracy`. It returns a `float`. Only classes that occur in `labels` count.
#
# <details><summary>Hint</summary>
#
# `labels.unique()` gives the classes that occur. For each of them, `answers[labels == label] == label` is what was right.
#
# </details>

# %% solution="balanced_accuracy" objective="evaluate" topic="balanced accuracy"
def balanced_accuracy(answers: torch.Tensor, labels: torch.Tensor) -> float:
    """The mean over the classes of the share of right answers; answers and labels are [N]."""
    ### BEGIN SOLUTION
    recalls = [(answers[labels == label] == label).float().mean() for label in labels.unique()]
    return torch.stack(recalls).mean().item()
    ### END SOLUTION


# %% test="balanced_accuracy" points=3
example_labels = torch.tensor([0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
example_answers = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 1, 0])
checks.show(
    lambda: checks.check_value(
        "The balanced accuracy", balanced_accuracy(example_answers, example_labels), 0.625
    )
)
### BEGIN HIDDEN TESTS
two_labels = torch.tensor([0] * 30 + [1] * 6)
two_answers = torch.tensor([0] * 24 + [1] * 6 + [1] * 2 + [0] * 4)
three_labels = torch.tensor([0] * 20 + [2] * 5 + [3] * 10)
three_answers = torch.tensor([0] * 12 + [1] * 4 + [3] * 4 + [2] * 4 + [0] + [3] * 5 + [2] * 5)
graded(
    (2, checks.check_value("The balanced accuracy", balanced_accuracy(two_answers, two_labels), (24 / 30 + 2 / 6) / 2)),
    (
        1,
        checks.check_value(
            "The balanced accuracy with classes 0, 2 and 3", balanced_accuracy(three_answers, three_labels), (12 / 20 + 4 / 5 + 5 / 10) / 3
        ),
    ),
)
### END HIDDEN TESTS

# %% [markdown]
# Here is a probe that was trained on mono cells, beside two 'models' that do not look at the image at all.

# %% locked="source_only"
learn.seed_everything(0)
chosen = torch.randperm(100)[:80]  # 80 of 100 cells a class; another seed draws others
source_rows = torch.cat([torch.where(mono.labels == label)[0][chosen] for label in (0, 1)])
source_features, source_labels = mono_features[source_rows], mono.labels[source_rows]
source_probe = fit_probe(source_features, source_labels)
mono_answers = answers_of(source_probe, mono_test_features)
answers = {"source only": answers_of(source_probe, poly_features)}


def on_poly(given: torch.Tensor) -> dict[str, str]:
    plain = (given == poly_labels).float().mean().item()
    return {
        "accuracy": f"{plain:.3f}",
        "balanced accuracy": f"{balanced_accuracy(given, poly_labels):.3f}",
        "called defective": f"{given.float().mean():.0%}",
    }


learn.results_table(
    {
        "trained on mono": on_poly(answers["source only"]),
        "calls every cell intact": on_poly(torch.zeros_like(poly_labels)),
        "calls every cell defective": on_poly(torch.ones_like(poly_labels)),
    }
)

# %% [markdown]
# Look at the last column. The crystal pattern of a poly cell looks to the probe like the dark lines of a defect. By plain
# accuracy it is beaten by a model that never looks.
#
# ## 2. What the shift costs, and how sure that is
#
# The *drop* is the balanced accuracy on the source test minus that on the target test. Both are measured on some hundred cells,
# so both are uncertain. The recall $p$ of a class with $n$ cells has the variance $p(1-p)/n$. The two tests have different cells,
# so they are independent, and the **variances add**:
#
# $$\text{drop} = \frac{p_0 + p_1}{2} - \frac{q_0 + q_1}{2}, \qquad
# \text{se}^2 = \frac{1}{4}\left(\frac{p_0(1-p_0)}{n_0} + \frac{p_1(1-p_1)}{n_1} + \frac{q_0(1-q_0)}{m_0} + \frac{q_1(1-q_1)}{m_1}\right)$$
#
# The 95 % interval goes from $\text{drop} - 1.96\,\text{se}$ to $\text{drop} + 1.96\,\text{se}$.
#
# **Exercise.** Write `drop_with_interval`. It gets the confusion matrices of both tests (a row for each true class, a column for
# each answer), and returns the drop, the lower and the upper limit, as three floats.
#
# <details><summary>Hint</summary>
#
# For a matrix: `totals = matrix.sum(dim=1)`, `recalls = matrix.diag() / totals`, `variances = recalls * (1 - recalls) / totals`.
#
# </details>

# %% solution="drop_with_interval" objective="evaluate" topic="domain shift"
def drop_with_interval(source: torch.Tensor, target: torch.Tensor) -> tuple[float, float, float]:
    """The drop of balanced accuracy with its 95 % interval, from two confusion matrices [2, 2]."""
    ### BEGIN SOLUTION
    means, variances = [], []
    for matrix in (source, target):
        totals = matrix.sum(dim=1)
        recalls = matrix.diag() / totals
        means.append(recalls.mean().item())
        variances.append((recalls * (1 - recalls) / totals).sum().item() / 4)
    drop = means[0] - means[1]
    half = 1.96 * math.sqrt(variances[0] + variances[1])
    return drop, drop - half, drop + half
    ### END SOLUTION


# %% test="drop_with_interval" points=3
example_source = torch.tensor([[45, 5], [10, 40]])
example_target = torch.tensor([[60, 40], [10, 20]])
checks.show(
    lambda: checks.check_drop(
        drop_with_interval(example_source, example_target), example_source, example_target
    )
)
### BEGIN HIDDEN TESTS
large_source, small_target = torch.tensor([[170, 30], [16, 64]]), torch.tensor([[20, 30], [3, 9]])
small_source, large_target = torch.tensor([[9, 6], [2, 28]]), torch.tensor([[120, 180], [24, 96]])
graded(
    (2, checks.check_drop(drop_with_interval(large_source, small_target), large_source, small_target)),
    (1, checks.check_drop(drop_with_interval(small_source, large_target), small_source, large_target)),
)
### END HIDDEN TESTS

# %% locked="show_drop"
def confusion(given: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Counts [2, 2]: a row for each true class, a column for each answer."""
    return torch.bincount(2 * labels + given, minlength=4).reshape(2, 2)


drop, lowest, highest = drop_with_interval(
    confusion(mono_answers, mono_test.labels), confusion(answers["source only"], poly_labels)
)
print(f"The shift costs {drop:.3f} of balanced accuracy (95 % interval {lowest:.3f} to {highest:.3f}).")
learn.plot_confusion_matrix(confusion(answers["source only"], poly_labels), pool.class_names)

# %% [markdown]
# ## 3. How far apart are the domains?
#
# The drop needs labels of the target. A *domain classifier* needs none: train a probe to tell the domains apart by their
# features. If it cannot, they look alike. Ben-David et al. (2007) turn its error $e$ on **held-out** rows into a distance, the
# *proxy A-distance* $2(1 - 2e)$. It is 0 where the probe guesses ($e = 0.5$) and 2 where it is always right.
#
# **Exercise.** Write `domain_distance`: train `fit_probe` on the first half of the rows of each domain (label 0 for `first`, 1
# for `second`), measure its error on the other halves, and return the distance as a `float`, 0 instead of a negative number. Both
# have the same number of rows, an even one.
#
# <details><summary>Hint</summary>
#
# `torch.cat([first[:half], second[:half]])` are the rows to train on, `torch.cat([torch.zeros(half), torch.ones(half)]).long()`
# their labels, and `answers_of` gives the probe's answers.
#
# </details>

# %% solution="domain_distance" objective="distinguish" topic="domain shift"
def domain_distance(first: torch.Tensor, second: torch.Tensor) -> float:
    """The proxy A-distance of two sets of features [N, D]: 0 for alike, 2 for told apart."""
    ### BEGIN SOLUTION
    half = len(first) // 2
    domains = torch.cat([torch.zeros(half), torch.ones(half)]).long()
    probe = fit_probe(torch.cat([first[:half], second[:half]]), domains)
    given = answers_of(probe, torch.cat([first[half:], second[half:]]))
    error = (given != domains).float().mean().item()
    return max(0.0, 2 * (1 - 2 * error))
    ### END SOLUTION


# %% test="domain_distance" points=3
random_features = torch.randn(400, 50, generator=torch.Generator().manual_seed(0))
alike, apart = random_features[:200], random_features[200:] + 2
checks.show(
    lambda: checks.check_value("The distance of two domains that are apart", domain_distance(alike, apart), 2.0, tolerance=0.1),
    lambda: checks.check_value("The distance of two that are alike", domain_distance(alike, apart - 2), 0.0, tolerance=0.4),
)
### BEGIN HIDDEN TESTS
# Many features and few rows: a probe that is measured where it was trained tells even these apart.
probe_rows = torch.randn(200, 400, generator=torch.Generator().manual_seed(5))
# One feature that differs by 1.349 standard deviations: the best probe errs on 25 % (distance 1).
noise = torch.randn(1600, 3, generator=torch.Generator().manual_seed(6))
near, far = noise[:800], noise[800:] + torch.tensor([1.349, 0.0, 0.0])
graded(
    (1, checks.check_value("The distance of two domains that are alike", domain_distance(probe_rows[:100], probe_rows[100:]), 0.0, tolerance=0.7)),
    (2, checks.check_value("The distance of two domains that overlap", domain_distance(near, far), 1.0, tolerance=0.25)),
)
### END HIDDEN TESTS

# %% locked="show_distance"
order = torch.randperm(len(mono_features))
distances = {
    "mono and mono": domain_distance(mono_features[order][:100], mono_features[order][100:]),
    "mono and poly": domain_distance(mono_features[order], pool_features[order]),
}
print({name: f"{value:.2f}" for name, value in distances.items()})
domains = torch.tensor([0] * len(mono_features) + [1] * len(pool_features))
learn.plot_embedding(
    {"features of the backbone": torch.cat([mono_features, pool_features])}, domains, ("mono", "poly")
)

# %% [markdown]
# A domain classifier tells that the inputs have moved. It cannot tell whether that *matters* for the task: for that you need
# labels of the target, a few at least.
#
# ## 4. Standardise each domain by itself
#
# Much of a shift is simple: some features are larger in one domain, or vary more. If each feature is brought to mean 0 and
# standard deviation 1 **in each domain separately**, that part of the shift is gone, and no label was needed. The probe is then
# trained on the standardised source and asked about the standardised target.
#
# **Exercise.** Write `standardise_per_domain`. Each feature (column) of each domain is standardised with this domain's own mean
# and standard deviation. A feature that never varies becomes 0, not NaN.
#
# <details><summary>Hint</summary>
#
# `features.mean(dim=0)` and `features.std(dim=0)` have one value for each column. Add `1e-6` to what you divide by.
#
# </details>

# %% solution="standardise_per_domain" objective="implement" topic="domain adaptation"
def standardise_per_domain(
    source: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both domains' features [N, D] and [M, D] with mean 0 and standard deviation 1 in each domain."""
    ### BEGIN SOLUTION
    new_source = (source - source.mean(dim=0)) / (source.std(dim=0) + 1e-6)
    new_target = (target - target.mean(dim=0)) / (target.std(dim=0) + 1e-6)
    return new_source, new_target
    ### END SOLUTION


# %% test="standardise_per_domain" points=3
checks.show(
    lambda: checks.check_standardised(
        standardise_per_domain(mono_features, poly_features), mono_features, poly_features
    )
)
### BEGIN HIDDEN TESTS
draws = torch.randn(110, 6, generator=torch.Generator().manual_seed(2))
scales = torch.tensor([0.2, 1.0, 5.0, 1.0, 3.0, 0.5])
first_domain, second_domain = draws[:70] * scales + 3, draws[70:] * scales.flip(0) - torch.arange(6)
without_variation = first_domain.clone()
without_variation[:, 2] = 4.0
graded(
    (2, checks.check_standardised(standardise_per_domain(first_domain, second_domain), first_domain, second_domain)),
    (1, checks.check_standardised(standardise_per_domain(without_variation, second_domain), without_variation, second_domain)),
)
### END HIDDEN TESTS

# %% locked="use_standardisation"
source_z, poly_z = standardise_per_domain(source_features, poly_features)
answers["standardised per domain"] = answers_of(fit_probe(source_z, source_labels), poly_z)
mono_z, pool_z = standardise_per_domain(mono_features, pool_features)
learn.plot_embedding(
    {
        "before": torch.cat([mono_features, pool_features]),
        "standardised per domain": torch.cat([mono_z, pool_z]),
    },
    domains,
    ("mono", "poly"),
)

# %% [markdown]
# The two clouds lie on each other now. That does not mean that *defective* lies on *defective*: standardisation knows no classes.
# It even does harm when the domains differ in how many defects they have.
#
# ## 5. BatchNorm statistics of the target: AdaBN
#
# The same idea, inside the network. Every BatchNorm layer subtracts a stored mean and divides by a stored standard deviation:
# those of ImageNet. **AdaBN** (Li et al. 2016) replaces them, layer by layer, by those of the target images. No label is needed,
# and **no parameter moves**: only the buffers `running_mean` and `running_var` do.
#
# PyTorch does the work: in training mode a BatchNorm layer updates its statistics. By default they are a *moving* average, in
# which the old ones linger. Call `module.reset_running_stats()` to forget them, and set `module.momentum = None`: then the layer
# keeps the plain average over all batches.
#
# **Exercise.** Write `adapt_statistics`. For every BatchNorm layer (`nn.BatchNorm2d`), forget the old statistics and average over
# all batches of `inputs`, in batches of `batch_size`, in order and once. No gradients, no optimizer. At the end the model is in
# evaluation mode.
#
# <details><summary>Hint</summary>
#
# Three steps: prepare every BatchNorm layer, call the model on every batch in training mode inside `torch.no_grad()`,
# `model.eval()`.
#
# </details>

# %% solution="adapt_statistics" objective="implement" topic="BatchNorm"
def adapt_statistics(model: nn.Module, inputs: torch.Tensor, batch_size: int = 32) -> None:
    """Give the model's BatchNorm layers the statistics of these inputs; change nothing else."""
    ### BEGIN SOLUTION
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    model.train()
    with torch.no_grad():
        for batch in inputs.split(batch_size):
            model(batch.to(device))
    model.eval()
    ### END SOLUTION


# %% test="adapt_statistics" points=5
def after_adapting(seed: int, inputs: torch.Tensor) -> nn.Module:
    model = new_model(seed)
    adapt_statistics(model, inputs)
    return model


some_inputs = pool.inputs()[::4]
checks.show(
    lambda: checks.check_target_statistics(after_adapting(0, some_inputs), new_model(), some_inputs),
    lambda: checks.check_only_statistics(after_adapting(0, some_inputs), new_model()),
)
### BEGIN HIDDEN TESTS
def adapted(seed: int, inputs: torch.Tensor) -> nn.Module:
    model = new_model(seed)
    adapt_statistics(model, inputs)
    return model


probe_inputs = mono.inputs()[1::4]
graded(
    (3, checks.check_target_statistics(adapted(1, probe_inputs), new_model(1), probe_inputs)),
    (2, checks.check_only_statistics(adapted(1, probe_inputs), new_model(1))),
    like=new_model,
)
### END HIDDEN TESTS

# %% locked="use_adabn"
adapted_model = new_model()
adapt_statistics(adapted_model, pool.inputs())
adapted_source = new_model()
adapt_statistics(adapted_source, mono.inputs())
mono_adapted = learn.image_features(adapted_source, mono.inputs(), label="mono, own statistics")[source_rows]
poly_adapted = learn.image_features(adapted_model, poly_inputs, label="poly, own statistics")
answers["AdaBN"] = answers_of(fit_probe(mono_adapted, source_labels), poly_adapted)
learn.plot_embedding(
    {
        "before": torch.cat([source_features, poly_features]),
        "AdaBN": torch.cat([mono_adapted, poly_adapted]),
    },
    torch.tensor([0] * len(mono_adapted) + [1] * len(poly_adapted)),
    ("mono", "poly"),
)

# %% [markdown]
# ## 6. A few labels of the target
#
# An expert labels ten poly cells for you, five of each class: that is your budget. *Which* cells? Not the first ones of the file:
# they may come from one panel. Draw them by chance.
#
# **Exercise.** Write `choose_few`: draw `per_class` rows of each class by chance, none twice, and return their row numbers as one
# tensor.
#
# <details><summary>Hint</summary>
#
# `rows = torch.where(labels == label)[0]` are a class's rows; `rows[torch.randperm(len(rows))[:per_class]]` are some of them.
#
# </details>

# %% solution="choose_few" objective="implement" topic="few-shot adaptation"
def choose_few(labels: torch.Tensor, per_class: int) -> torch.Tensor:
    """Row numbers of per_class examples of each class, drawn by chance, [classes * per_class]."""
    ### BEGIN SOLUTION
    chosen = []
    for label in labels.unique():
        rows = torch.where(labels == label)[0]
        chosen.append(rows[torch.randperm(len(rows))[:per_class]])
    return torch.cat(chosen)
    ### END SOLUTION


# %% test="choose_few" points=2
checks.show(lambda: checks.check_few(choose_few(pool.labels, 5), pool.labels, 5))
### BEGIN HIDDEN TESTS
shuffled_labels = torch.tensor([0, 1, 1, 0, 2] * 12 + [0] * 40)


def drawn(seed: int, per_class: int) -> torch.Tensor:
    learn.seed_everything(seed)
    return choose_few(shuffled_labels, per_class)


graded(
    (1, checks.check_few(drawn(3, 7), shuffled_labels, 7)),
    (1, checks.check_chosen_by_chance([drawn(4, 6), drawn(5, 6), drawn(6, 6)])),
)
### END HIDDEN TESTS

# %% [markdown]
# ## 7. Ten against a hundred and sixty
#
# Mix ten poly cells into 160 mono cells, and they are one in seventeen: the probe hardly notices them. Weights change that: with
# a weight for each example, **both domains together count the same**.
#
# **Exercise.** Write `domain_weights`. It gets the domain of each example (0 or 1, at least one of each), and returns a weight
# for each. All examples of a domain have the same weight, and the weights of each domain add up to the same number.
#
# <details><summary>Hint</summary>
#
# What is the sum over a domain with `n` examples if each has the weight `1 / n`?
#
# </details>

# %% solution="domain_weights" objective="implement" topic="few-shot adaptation"
def domain_weights(domains: torch.Tensor) -> torch.Tensor:
    """A weight for each example, [N], so that each domain has the same total weight."""
    ### BEGIN SOLUTION
    counts = torch.bincount(domains)
    return 1.0 / counts[domains]
    ### END SOLUTION


# %% test="domain_weights" points=2
few_domains = torch.tensor([0] * 6 + [1] * 2)
checks.show(lambda: checks.check_domain_weights(domain_weights(few_domains), few_domains))
### BEGIN HIDDEN TESTS
mixed_domains = torch.tensor([0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
mostly_target = torch.tensor([1, 1, 0, 1, 1, 1, 1, 1])
graded(
    (1, checks.check_domain_weights(domain_weights(mixed_domains), mixed_domains)),
    (1, checks.check_domain_weights(domain_weights(mostly_target), mostly_target)),
)
### END HIDDEN TESTS

# %% locked="use_few_labels"
def with_few(source: torch.Tensor, target: torch.Tensor, rows: torch.Tensor) -> nn.Linear:
    """A probe of all source cells and these rows of the pool, each domain with the same weight."""
    domains = torch.cat([torch.zeros(len(source)), torch.ones(len(rows))]).long()
    return fit_probe(
        torch.cat([source, target[rows]]),
        torch.cat([source_labels, pool.labels[rows]]),
        domain_weights(domains),
    )


learn.seed_everything(0)
few = choose_few(pool.labels, 5)
answers["5 labels a class"] = answers_of(with_few(source_features, pool_features, few), poly_features)
pool_adapted = learn.image_features(adapted_model, pool.inputs(), label="poly pool, own statistics")
answers["AdaBN and 5 labels"] = answers_of(with_few(mono_adapted, pool_adapted, few), poly_adapted)
answers["oracle: 100 labels a class"] = answers_of(fit_probe(pool_features, pool.labels), poly_features)

# %% [markdown]
# The last line trains on *all* labels of the pool. Such an **oracle** is no remedy, since the labels are what one does not have.
# It shows how much there was to gain.
#
# ## 8. What does a remedy bring?
#
# Now both sets of answers are for the **same** cells, so they are not independent: a cell that is easy is easy for both. Subtract
# cell by cell: $d_i$ is 1 where only the remedy is right, -1 where only the source probe is, 0 where they agree. In each class
# $c$ take the mean $\bar d_c$ and the variance $s_c^2$ of its $n_c$ differences. Then
#
# $$\text{gain} = \frac{\bar d_0 + \bar d_1}{2}, \qquad \text{se}^2 = \frac{1}{4}\left(\frac{s_0^2}{n_0} + \frac{s_1^2}{n_1}\right)$$
#
# **Exercise.** Write `gain_with_interval`: the gain and the two limits of its 95 % interval, as three floats.
#
# <details><summary>Hint</summary>
#
# `differences = (after == labels).float() - (before == labels).float()`; then `differences[labels == label]` for each class.
#
# </details>

# %% solution="gain_with_interval" objective="evaluate" topic="paired comparison"
def gain_with_interval(
    before: torch.Tensor, after: torch.Tensor, labels: torch.Tensor
) -> tuple[float, float, float]:
    """The gain of balanced accuracy on the same examples, with its 95 % interval."""
    ### BEGIN SOLUTION
    differences = (after == labels).float() - (before == labels).float()
    groups = [differences[labels == label] for label in (0, 1)]
    gain = sum(group.mean().item() for group in groups) / 2
    variance = sum(group.var().item() / len(group) for group in groups) / 4
    half = 1.96 * math.sqrt(variance)
    return gain, gain - half, gain + half
    ### END SOLUTION


# %% test="gain_with_interval" points=3
checks.show(
    lambda: checks.check_remedy_gain(
        gain_with_interval(answers["source only"], answers["AdaBN"], poly_labels),
        answers["source only"],
        answers["AdaBN"],
        poly_labels,
    )
)
### BEGIN HIDDEN TESTS
chance = torch.Generator().manual_seed(7)
paired_labels = (torch.rand(300, generator=chance) < 0.2).long()
easy = torch.rand(300, generator=chance)
blurred = easy + 0.1 * torch.randn(300, generator=chance)
weak = torch.where(easy < 0.75 - 0.45 * paired_labels, paired_labels, 1 - paired_labels)
strong = torch.where(blurred < 0.65 + 0.1 * paired_labels, paired_labels, 1 - paired_labels)
graded(
    (2, checks.check_remedy_gain(gain_with_interval(weak, strong, paired_labels), weak, strong, paired_labels)),
    (1, checks.check_remedy_gain(gain_with_interval(strong, weak, paired_labels), strong, weak, paired_labels)),
)
### END HIDDEN TESTS

# %% [markdown]
# All remedies, measured on the same poly cells:

# %% locked="remedies_table"
gains = {
    name: gain_with_interval(answers["source only"], given, poly_labels)
    for name, given in answers.items()
    if name != "source only"
}
learn.results_table(
    {
        name: {
            "balanced accuracy": f"{balanced_accuracy(given, poly_labels):.3f}",
            "gain": "" if name not in gains else f"{gains[name][0]:+.3f}",
            "95 % interval": ""
            if name not in gains
            else f"{gains[name][1]:+.3f} to {gains[name][2]:+.3f}",
        }
        for name, given in answers.items()
    }
)

# %% locked="remedies_picture"
learn.plot_intervals(gains, xlabel="gain in balanced accuracy over the source-only probe", line=0.0)

# %% [markdown]
# Read the picture with care. An interval that crosses 0 means: these cells do not show that the remedy helps. Two intervals that
# overlap do **not** mean that the remedies are equally good: for that, compare these two with each other, on the same cells, with
# your own `gain_with_interval`. And these intervals know of one kind of chance only, which cells are in the test. Which ten cells
# the expert labelled is another one: change the seed in the last cell of section 7, run it and the cells below again, and look.

# %% [markdown]
# ## How far you have come
#
# Run this cell at any time. It shows which checks pass since the kernel was started, and it is no grade: hidden tests decide
# that.

# %% progress="overview"

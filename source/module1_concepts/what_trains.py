# %% [markdown]
# # What trains, and how fast
#
# A pretrained network is a few million numbers that somebody else's computer has found. Transfer learning means to decide
# **which of these numbers may change, and how fast**. Here you take such decisions yourself, on EfficientNet-Lite0, which was
# trained on the million photographs of ImageNet:
#
# | section | question |
# | --- | --- |
# | 1 | Where are the numbers? |
# | 2 | Which of them may change? |
# | 3 and 5 | How fast, in which part, and when? |
# | 4 | What changes although you forbade it? |
# | 6 to 8 | What is pretraining worth? |
#
# Two words that you need throughout: the **backbone** is all of the network but its last layer, and turns an image into *features*.
# The **head** is that last layer, here called `classifier`: it turns features into an answer. A new task needs a new head, which starts
# from random weights.
#
# **How it works.** Each exercise is a cell with `YOUR CODE HERE`. Replace that line, run the cell, then run the check below it: it
# tells you what is right, what is not yet, and what to try next, as often as you like. Hidden tests, with other inputs, decide the points.

# %% locked="setup"
import copy
import math

import torch
from torch import nn

import checks
from workshop import assets, learn

learn.seed_everything(0)
device = learn.pick_device()
print(f"Running on: {device}")

# %% locked="new_model"
def new_model(pretrained: bool = True, seed: int = 0) -> nn.Module:
    """EfficientNet-Lite0 with a new head of two outputs, on the device in use. The seed decides all random weights."""
    return assets.load_source_model(
        "efficientnet_lite0", pretrained=pretrained, num_classes=2, seed=seed
    ).to(device)


# %% [markdown]
# ## 1. Where the numbers are
#
# The numbers that training may change are a network's **parameters**. They come in tensors: a linear layer from 4 inputs to 3 outputs has
# a `weight` of 12 numbers and a `bias` of 3, so 15 parameters in two tensors.
#
# `model.named_children()` gives the parts at the top with their names, such as `conv_stem`, `blocks` and `classifier`.
# `part.parameters()` gives all tensors within a part, however deep, and `tensor.numel()` how many numbers a tensor holds.
#
# **Exercise.** Write `count_by_part`: a dictionary with the number of parameters of each part at the top, frozen or not. Leave out parts
# that have none, such as activations.
#
# <details><summary>Hint</summary>
#
# `sum(tensor.numel() for tensor in part.parameters())`, and keep it if it is not 0.
#
# </details>

# %% solution="count_by_part" objective="define" topic="parameters"
def count_by_part(model: nn.Module) -> dict[str, int]:
    """The number of parameters in each part at the top that has any."""
    ### BEGIN SOLUTION
    counts = {}
    for name, part in model.named_children():
        count = sum(tensor.numel() for tensor in part.parameters())
        if count:
            counts[name] = count
    return counts
    ### END SOLUTION


# %% locked="tiny_network"
def tiny_network() -> nn.Module:
    """Two linear layers with an activation in between."""
    network = nn.Sequential()
    network.add_module("stem", nn.Linear(4, 3))
    network.add_module("activation", nn.ReLU())
    network.add_module("head", nn.Linear(3, 2, bias=False))
    return network


# %% test="count_by_part" points=2
checks.show(
    lambda: checks.check_value("the stem's number of parameters", count_by_part(tiny_network())["stem"], 15),
    lambda: checks.check_value("the number of parts with parameters", len(count_by_part(tiny_network())), 2),
)
### BEGIN HIDDEN TESTS
def nested_network() -> nn.Module:
    network = nn.Sequential()
    network.add_module("body", nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU()))
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    network.add_module("head", nn.Linear(8, 5).requires_grad_(False))
    return network


graded(
    (1, checks.check_value("the body's number of parameters", count_by_part(nested_network())["body"], 240)),
    (0.5, checks.check_value("the frozen head's number of parameters", count_by_part(nested_network())["head"], 45)),
    (0.5, checks.check_value("the number of parts with parameters", len(count_by_part(nested_network())), 2)),
)
### END HIDDEN TESTS

# %% locked="show_counts"
counts = count_by_part(new_model())
learn.results_table(
    {
        name: {"parameters": f"{count:,}", "share": f"{100 * count / sum(counts.values()):.2f} %"}
        for name, count in counts.items()
    }
)

# %% [markdown]
# Nearly all numbers are in `blocks`, and the head is tiny. So whoever trains only the head trains less than a thousandth of the network.
#
# ## 2. Which of them may change
#
# A parameter whose `requires_grad` is `False` is **frozen**: no gradient is computed for it, and no step changes it.
#
# Every parameter has a name that tells where it is: `blocks.5.0.conv_pw.weight` lies in the module `blocks.5.0.conv_pw`, which lies in
# `blocks.5.0`, in `blocks.5`, in `blocks`. Choose layers by these names, never by their position: names survive when a model changes. But
# mind where a name ends: `blocks.5.0.conv_pw` and `blocks.5.0.conv_pwl` are two layers, and there is a `bn2` at the top and one in nearly each block.
#
# **Exercise.** Write `train_only`: after it, exactly the parameters within the named modules are trainable, whatever was trainable before.
#
# <details><summary>Hint</summary>
#
# `model.named_parameters()` gives names and parameters. A parameter belongs to the module `blocks.5` when its name starts with `blocks.5.`,
# dot included. `name.startswith(...)` also takes a tuple of beginnings.
#
# </details>

# %% solution="train_only" objective="implement" topic="freezing"
def train_only(model: nn.Module, modules: list[str]) -> nn.Module:
    """Make exactly the parameters within the named modules trainable, and return the model."""
    ### BEGIN SOLUTION
    prefixes = tuple(f"{module}." for module in modules)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith(prefixes)
    return model
    ### END SOLUTION


# %% test="train_only" points=3
checks.show(
    lambda: checks.check_trainable(train_only(new_model(), ["classifier"]), "classifier"),
    lambda: checks.check_trainable(train_only(new_model(), ["blocks.6", "classifier"]), ("blocks.6", "classifier")),
)
### BEGIN HIDDEN TESTS
parts = ["blocks.5", "bn2", "classifier"]
alike = ["blocks.2.1.conv_pw", "blocks.4.0.bn1"]
graded(
    (1, checks.check_trainable(train_only(new_model(), parts), parts)),
    (1, checks.check_trainable(train_only(new_model().requires_grad_(False), parts), parts)),
    (1, checks.check_trainable(train_only(new_model(), alike), alike)),
    like=new_model,
)
### END HIDDEN TESTS

# %% locked="show_trainable"
def trainable_share(model: nn.Module) -> float:
    """The share of a model's parameters that training may change."""
    trainable = sum(each.numel() for each in model.parameters() if each.requires_grad)
    return trainable / sum(each.numel() for each in model.parameters())


learn.results_table(
    {
        " + ".join(parts): {"trainable": f"{trainable_share(train_only(new_model(), parts)):.2%}"}
        for parts in (
            ["classifier"],
            ["conv_head", "bn2", "classifier"],
            ["blocks.6", "conv_head", "bn2", "classifier"],
            ["blocks", "conv_head", "bn2", "classifier"],
        )
    }
)

# %% [markdown]
# Part by part, for the second of these:

# %% locked="show_parts"
learn.parameter_table(train_only(new_model(), ["conv_head", "bn2", "classifier"]))

# %% [markdown]
# These are the usual steps from **feature extraction** (only the head) to **fine-tuning** of more and more layers, from the output towards the
# input. Look at the second row: blocks are not all of the backbone.
#
# ## 3. A learning rate for each part
#
# What lies near the input answers to edges and textures and serves any image. What lies near the output was made for the source task and
# has to change more, and the new head has everything to learn. So fine-tuning often gives **each part its own learning rate**, lower towards the
# input. PyTorch's optimizers take a list of *parameter groups* for that: `[{"params": [...], "lr": 1e-4}, {"params": [...], "lr": 1e-3}]`.
#
# **Exercise.** Write `optimizer_with_rates`: an `AdamW` with one group for each entry of `rates`, such as
# `{"blocks.6": 1e-4, "classifier": 1e-3}`. A group holds the **trainable** parameters within the named module, with its rate. No frozen
# parameter is in any group.
#
# <details><summary>Hint</summary>
#
# `model.get_submodule(name).parameters()` gives a module's parameters; keep those whose `requires_grad` is `True`.
#
# </details>

# %% solution="optimizer_with_rates" objective="implement" topic="parameter groups"
def optimizer_with_rates(model: nn.Module, rates: dict[str, float]) -> torch.optim.Optimizer:
    """AdamW with a group of its own, and the given rate, for each named module."""
    ### BEGIN SOLUTION
    groups = []
    for name, rate in rates.items():
        part = model.get_submodule(name)
        trainable = [each for each in part.parameters() if each.requires_grad]
        groups.append({"params": trainable, "lr": rate})
    return torch.optim.AdamW(groups)
    ### END SOLUTION


# %% locked="partly_frozen"
def partly_frozen(*modules: str, pretrained: bool = True) -> nn.Module:
    """A new model of which exactly the named modules are trainable. It does what your train_only should."""
    model = new_model(pretrained).requires_grad_(False)
    for module in modules:
        model.get_submodule(module).requires_grad_(True)
    return model


# %% test="optimizer_with_rates" points=4
RATES = {"blocks.6": 1e-4, "classifier": 1e-3}
model = partly_frozen(*RATES)
checks.show(
    lambda: checks.check_coverage(optimizer_with_rates(model, RATES), model),
    lambda: checks.check_rates_by_part(optimizer_with_rates(model, RATES), model, RATES),
)
### BEGIN HIDDEN TESTS
three = {"blocks.5": 2e-5, "blocks.6": 2e-4, "classifier": 2e-3}
model = partly_frozen("blocks.5", "blocks.6", "classifier")
# Only the second half of blocks.5 trains here, and the rates come in another order.
two = {"classifier": 3e-3, "blocks.5": 1e-5}
half = partly_frozen("blocks.5.1", "classifier")
graded(
    (2, checks.check_rates_by_part(optimizer_with_rates(model, three), model, three)),
    (1, checks.check_coverage(optimizer_with_rates(model, three), model)),
    (1, checks.check_coverage(optimizer_with_rates(half, two), half)),
)
### END HIDDEN TESTS

# %% [markdown]
# ## 4. What moves in a frozen network
#
# BatchNorm layers keep a **running mean** and a **running variance** of what passes through them. These are *buffers*, not parameters:
# `requires_grad` has no say over them. In training mode every forward pass moves each a tenth of the way towards the mean and variance
# of the batch. No loss, no gradient, no optimizer is needed.
#
# **Exercise.** Write `drift`: put the model into training mode, pass the inputs through it **once** without gradients, and return how far the
# running means moved: the largest absolute change of any number in any BatchNorm layer, as a `float`.
#
# <details><summary>Hint</summary>
#
# `model.modules()` goes through all layers, however deep, and `isinstance(module, nn.BatchNorm2d)` finds the right ones. Copy each `running_mean`
# with `.clone()` before the pass: without it you keep the same tensor, not its old values.
#
# </details>

# %% solution="drift" objective="troubleshoot" topic="BatchNorm"
def drift(model: nn.Module, inputs: torch.Tensor) -> float:
    """The largest change of a running mean by one pass in training mode."""
    ### BEGIN SOLUTION
    layers = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    before = [layer.running_mean.clone() for layer in layers]
    model.train()
    with torch.no_grad():
        model(inputs)
    changes = [(layer.running_mean - old).abs().max() for layer, old in zip(layers, before, strict=True)]
    return max(changes).item()
    ### END SOLUTION


# %% locked="with_batch_norm"
def with_batch_norm(frozen: bool = True, momentum: float = 0.1) -> nn.Module:
    """A small network with two BatchNorm layers, the first within a block of its own. Its answer does not matter here."""
    block = nn.Sequential(nn.BatchNorm2d(3, momentum=momentum), nn.ReLU())
    nn.init.constant_(block[0].bias, 2.0)
    return nn.Sequential(block, nn.BatchNorm2d(3, momentum=momentum)).requires_grad_(not frozen)


def plain_images(*channels: float, count: int = 4) -> torch.Tensor:
    """Images of 8 x 8 pixels, each channel of which has one value everywhere."""
    return torch.tensor(channels).reshape(1, -1, 1, 1).repeat(count, 1, 8, 8)


# %% [markdown]
# The check sends images with the channels 5, 1 and 3 through `with_batch_norm()`. Its running means start at 0, so those of the first layer
# go to 0.5, 0.1 and 0.3. The second layer sees 2 everywhere and goes to 0.2. So the drift is 0.5.

# %% test="drift" points=4
checks.show(lambda: checks.check_value("the drift", drift(with_batch_norm(), plain_images(5.0, 1.0, 3.0)), 0.5))
### BEGIN HIDDEN TESTS
dark = plain_images(-7.0, 4.0, 1.0, count=2)
dim = plain_images(0.5, -1.0, 0.2)
graded(
    (1, checks.check_value("the drift of a trainable network", drift(with_batch_norm(frozen=False), dark), 0.7)),
    (1, checks.check_value("the drift of a frozen network", drift(with_batch_norm(momentum=0.3), dark), 2.1)),
    (1, checks.check_value("the drift after evaluation mode", drift(with_batch_norm().eval(), dark), 0.7)),
    (1, checks.check_value("the drift where the last layer moves most", drift(with_batch_norm(), dim), 0.2)),
)
### END HIDDEN TESTS

# %% [markdown]
# Every parameter was frozen, and yet the network gives other answers after this pass. The remedy is evaluation mode, `model.eval()`: BatchNorm
# then uses its stored statistics and leaves them alone. In section 8 you see both, on a real network.
#
# ## 5. A schedule for the learning rate
#
# A rate can also change over time. At first a new head sends large, meaningless gradients into the backbone, so a **warm-up** raises the rate
# in a straight line from 0 to its peak. At the end, small steps settle what large ones stirred up, so the rate falls to 0 along half a **cosine**.
#
# **Exercise.** Write `rate_at`: the learning rate at a step. During the first `warmup` steps it is `peak * step / warmup`. From then on it
# is `peak * (1 + cos(pi * p)) / 2`, where `p` grows evenly from 0 at the end of the warm-up to 1 at step `total`.
#
# <details><summary>Hint</summary>
#
# `p = (step - warmup) / (total - warmup)`; `math.cos` and `math.pi` are what you need. With a warm-up of 0 steps the cosine begins at once.
#
# </details>

# %% solution="rate_at" objective="implement" topic="learning-rate schedule"
def rate_at(step: int, total: int, warmup: int, peak: float) -> float:
    """The learning rate at a step: a straight warm-up, then half a cosine down to 0."""
    ### BEGIN SOLUTION
    if step < warmup:
        return peak * step / warmup
    progress = (step - warmup) / (total - warmup)
    return peak * (1 + math.cos(math.pi * progress)) / 2
    ### END SOLUTION


# %% test="rate_at" points=4
checks.show(
    lambda: checks.check_value("the rate half way up", rate_at(5, 100, 10, 1.0), 0.5),
    lambda: checks.check_value("the rate at the peak", rate_at(10, 100, 10, 1.0), 1.0),
    lambda: checks.check_value("the rate at the end", rate_at(100, 100, 10, 1.0), 0.0),
)
### BEGIN HIDDEN TESTS
graded(
    (1, checks.check_value("the rate at step 15 of 60", rate_at(15, 60, 20, 2.0), 1.5)),
    (1, checks.check_value("the rate at step 30 of 60", rate_at(30, 60, 20, 2.0), 1.7071)),
    (1, checks.check_value("the rate at step 60 of 60", rate_at(60, 60, 20, 2.0), 0.0)),
    (1, checks.check_value("the first rate without a warm-up", rate_at(0, 60, 0, 2.0), 2.0)),
)
### END HIDDEN TESTS

# %% [markdown]
# PyTorch's `LambdaLR` multiplies the rate of **every** group by what a function gives for a step. So one schedule serves all parts, and their
# rates keep their ratio. Here are the two groups of section 3, over 60 steps.

# %% locked="show_schedule"
layers = {"blocks.6": nn.Linear(2, 2), "classifier": nn.Linear(2, 2)}  # stand-ins: only their rates matter here
groups = [
    {"params": layers["blocks.6"].parameters(), "lr": 1e-4},
    {"params": layers["classifier"].parameters(), "lr": 1e-3},
]
optimizer = torch.optim.AdamW(groups)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, total=60, warmup=6, peak=1.0))
rates = {name: [] for name in layers}
for _ in range(61):
    for name, rate in zip(layers, schedule.get_last_lr(), strict=True):
        rates[name].append(rate)
    optimizer.step()
    schedule.step()
learn.plot_learning_curves(rates, ylabel="learning rate", xlabel="step", first=0)

# %% [markdown]
# ## 6. What pretraining is worth: read the curves
#
# Compare a network that starts from pretrained weights with the same network from random ones. Pretraining can show in three ways:
#
# - a **higher start**: it is better before its pretrained part has changed at all;
# - a **steeper slope**: it gets better faster;
# - a **higher end**: it is better when training stops.
#
# **Exercise.** Write `read_curves`. Both curves hold a validation accuracy before training and one after each epoch. Return three differences,
# pretrained minus random: of the starts, of the gains in the first epoch, and of the ends.
#
# <details><summary>Hint</summary>
#
# The gain of a curve in the first epoch is `curve[1] - curve[0]`. Its end is its last value, not its best one.
#
# </details>

# %% solution="read_curves" objective="evaluate" topic="benefits"
def read_curves(pretrained: list[float], random: list[float]) -> tuple[float, float, float]:
    """By how much the pretrained curve starts higher, rises more in the first epoch, and ends higher."""
    ### BEGIN SOLUTION
    start = pretrained[0] - random[0]
    slope = (pretrained[1] - pretrained[0]) - (random[1] - random[0])
    end = pretrained[-1] - random[-1]
    return start, slope, end
    ### END SOLUTION


# %% test="read_curves" points=3
checks.show(
    lambda: checks.check_value("the difference of the starts", read_curves([0.6, 0.8, 0.9], [0.5, 0.55, 0.7])[0], 0.1),
    lambda: checks.check_value("the difference of the gains", read_curves([0.6, 0.8, 0.9], [0.5, 0.55, 0.7])[1], 0.15),
    lambda: checks.check_value("the difference of the ends", read_curves([0.6, 0.8, 0.9], [0.5, 0.55, 0.7])[2], 0.2),
)
### BEGIN HIDDEN TESTS
# The random curve starts and ends higher here, and the pretrained one is best in between.
one, other = [0.4, 0.7, 0.9, 0.8], [0.5, 0.6, 0.7, 0.85]
graded(
    (1, checks.check_value("the difference of the starts", read_curves(one, other)[0], -0.1)),
    (1, checks.check_value("the difference of the gains", read_curves(one, other)[1], 0.2)),
    (1, checks.check_value("the difference of the ends", read_curves(one, other)[2], -0.05)),
)
### END HIDDEN TESTS

# %% [markdown]
# ## 7. The same network from two starts
#
# Now for real. The task is to find defective solar cells: they glow under a current where they work, and stay dark where they are broken (data set
# ELPV: Buerhop-Lutz et al. 2018, Deitsch et al. 2019). ImageNet has no solar cells, and 120 labelled images are few.

# %% locked="load_data"
SIZE, EPOCHS = 96, 3
train = assets.load_target_data("solar_cells", "train", task="defect", domain="mono", size=SIZE, per_class=60)
validation = assets.load_target_data("solar_cells", "validation", task="defect", domain="mono", size=SIZE, per_class=50)
train_inputs, validation_inputs = train.inputs(), validation.inputs()


def answers_on_validation(model: nn.Module) -> torch.Tensor:
    """The class that the model gives to each validation image, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(batch.to(device)).argmax(dim=1).cpu() for batch in validation_inputs.split(16)])


def accuracy_on_validation(model: nn.Module) -> float:
    """The share of validation images that the model names rightly."""
    return (answers_on_validation(model) == validation.labels).double().mean().item()


def fit(model: nn.Module, optimizer: torch.optim.Optimizer, keep_statistics: bool = False) -> list[float]:
    """Train for EPOCHS epochs; the validation accuracy before training and after each epoch.

    With keep_statistics the model trains in evaluation mode: BatchNorm uses its stored statistics and leaves them alone.
    Without it, the model trains in training mode, and after each epoch the statistics are computed anew from the training images: weights
    that change fast leave running statistics behind, and the network would look worse than it is.
    """
    curve = [accuracy_on_validation(model)]
    for epoch in range(EPOCHS):
        model.train(not keep_statistics)
        batches = torch.randperm(len(train_inputs)).split(16)
        for rows in learn.progress(batches, f"epoch {epoch + 1} of {EPOCHS}"):
            answers = model(train_inputs[rows].to(device))
            loss = nn.functional.cross_entropy(answers, train.labels[rows].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if not keep_statistics:
            torch.optim.swa_utils.update_bn(train_inputs.split(16), model, device=device)
        curve.append(accuracy_on_validation(model))
    return curve


learn.show_images(train.images, train.labels, train.class_names)

# %% [markdown]
# **Exercise.** Write `train_from`: make a network with `new_model`, from pretrained or from random weights, train **all** of it with `fit` and a
# `torch.optim.AdamW` with rate 1e-3, and return the network and the curve that `fit` gives. Call `learn.seed_everything(0)` first: then
# images, order, rate and epochs are the same for both, and only the start can explain a difference.
#
# <details><summary>Hint</summary>
#
# Four lines: the seed, the network, its optimizer, `fit`. Return `network, curve`.
#
# </details>

# %% solution="two_starts" objective="evaluate" topic="training from scratch"
def train_from(pretrained: bool) -> tuple[nn.Module, list[float]]:
    """A network from pretrained or from random weights, all of it trained, and its learning curve."""
    ### BEGIN SOLUTION
    learn.seed_everything(0)
    network = new_model(pretrained)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    curve = fit(network, optimizer)
    return network, curve
    ### END SOLUTION


# %% [markdown]
# Now train both. This takes about half a minute.

# %% locked="train_pretrained"
pretrained_model, pretrained_curve = train_from(pretrained=True)

# %% locked="train_random"
random_model, random_curve = train_from(pretrained=False)

# %% test="two_starts" points=6
checks.show(
    lambda: checks.check_moved(pretrained_model, checks.snapshot(new_model()), ""),
    lambda: checks.check_from_pretrained(pretrained_model, checks.snapshot(new_model()), outside="classifier"),
    lambda: checks.check_accuracy(pretrained_model, validation, threshold=0.7),
    lambda: checks.check_moved(random_model, checks.snapshot(new_model(pretrained=False)), ""),
    lambda: checks.check_from_scratch(random_model, checks.snapshot(new_model()), outside="classifier"),
)
### BEGIN HIDDEN TESTS
graded(
    (2, checks.check_from_pretrained(pretrained_model, checks.snapshot(new_model()), outside="classifier")),
    (1, checks.check_moved(pretrained_model, checks.snapshot(new_model()), "")),
    (2, checks.check_from_scratch(random_model, checks.snapshot(new_model()), outside="classifier")),
    (1, checks.check_moved(random_model, checks.snapshot(new_model(pretrained=False)), "")),
    like=new_model,
)
### END HIDDEN TESTS

# %% locked="show_two_starts"
learn.plot_learning_curves({"pretrained": pretrained_curve, "random": random_curve}, first=0)

# %% locked="show_differences"
start, slope, end = read_curves(pretrained_curve, random_curve)
print(f"pretrained minus random: start {start:+.2f}, gain in the first epoch {slope:+.2f}, end {end:+.2f}")

# %% [markdown]
# With 100 validation images one accuracy is only known to within some 7 to 10 points, so do not trust one run. Four runs with different seeds gave:
#
# | | pretrained | random |
# | --- | --- | --- |
# | after one epoch | 0.81 to 0.87 | 0.52 to 0.68 |
# | at the end | 0.83 to 0.89 | 0.67 to 0.80 |
#
# **The end.** The pretrained network was ahead each time, by 3 to 21 points. A random network learns as well, only slower, and three epochs of 120
# images are few.
#
# **The slope.** After one epoch, the pretrained network was as good as the random one after three, or better. But the difference of the *gains* was
# from -0.03 to 0.18: a gain also depends on where a curve begins, and that is chance here.
#
# **The start.** Epoch 0 says nothing of the backbones. The new head is random in both, and a random head makes nothing of the best features: we saw
# starts from 0.33 to 0.59. To see how good the features are at the start, give them a head that works, and leave everything else as it is.
#
# ## 8. The higher start
#
# A head that is trained on a frozen backbone is called a **linear probe**: it measures how much of the answer is in the features already.
#
# **Exercise.** Write `probe`: as `train_from`, but the backbone has to stay **exactly** as it is, BatchNorm included. Start from
# `partly_frozen("classifier", pretrained=pretrained)`, of which only the head is trainable, and give the head a rate of 1e-2.
#
# <details><summary>Hint</summary>
#
# Section 4 showed what training mode does to a frozen network. `fit` has an argument that prevents it.
#
# </details>

# %% solution="linear_probes" objective="distinguish" topic="feature extraction"
def probe(pretrained: bool) -> tuple[nn.Module, list[float]]:
    """A network from pretrained or from random weights, only its head trained, and its learning curve."""
    ### BEGIN SOLUTION
    learn.seed_everything(0)
    network = partly_frozen("classifier", pretrained=pretrained)
    optimizer = torch.optim.AdamW(network.classifier.parameters(), lr=1e-2)
    curve = fit(network, optimizer, keep_statistics=True)
    return network, curve
    ### END SOLUTION


# %% locked="train_probes"
pretrained_probe, pretrained_probe_curve = probe(pretrained=True)
random_probe, random_probe_curve = probe(pretrained=False)

# %% test="linear_probes" points=6
checks.show(
    lambda: checks.check_unchanged(pretrained_probe, checks.snapshot(new_model()), frozen_outside="classifier"),
    lambda: checks.check_moved(pretrained_probe, checks.snapshot(new_model()), "classifier"),
    lambda: checks.check_unchanged(random_probe, checks.snapshot(new_model(pretrained=False)), frozen_outside="classifier"),
    lambda: checks.check_moved(random_probe, checks.snapshot(new_model(pretrained=False)), "classifier"),
)
### BEGIN HIDDEN TESTS
graded(
    (2, checks.check_unchanged(pretrained_probe, checks.snapshot(new_model()), frozen_outside="classifier")),
    (1, checks.check_moved(pretrained_probe, checks.snapshot(new_model()), "classifier")),
    (2, checks.check_unchanged(random_probe, checks.snapshot(new_model(pretrained=False)), frozen_outside="classifier")),
    (1, checks.check_moved(random_probe, checks.snapshot(new_model(pretrained=False)), "classifier")),
    like=new_model,
)
### END HIDDEN TESTS

# %% locked="show_probes"
learn.plot_learning_curves(
    {
        "pretrained, all trains": pretrained_curve,
        "random, all trains": random_curve,
        "pretrained, only the head trains": pretrained_probe_curve,
        "random, only the head trains": random_probe_curve,
    },
    first=0,
)

# %% [markdown]
# Here is the higher start. With the pretrained features a trained head alone names most cells rightly, though nothing in the backbone has changed:
# 0.80 to 0.90 in our four runs, against 0.53 to 0.68 with random features. And look at the two pretrained curves: on this task the head alone,
# a thousandth of the numbers, comes close to training everything.
#
# What would have happened without `keep_statistics`? Section 4 promised to show it. Here the finished probe sees batches of images in training mode,
# as in a training, but with no labels, no gradient and no step. Not one parameter changes. Look at what its answers do.

# %% locked="show_drift"
def drifting(model: nn.Module, batches: int) -> dict[str, str]:
    """What some batches in training mode do to a copy of the model."""
    learn.seed_everything(0)
    before, model = answers_on_validation(model), copy.deepcopy(model).train()
    with torch.no_grad():
        for rows in torch.randperm(len(train_inputs)).repeat(2).split(16)[:batches]:
            model(train_inputs[rows].to(device))
    after = answers_on_validation(model)
    return {
        "answers that changed": f"{(after != before).double().mean().item():.0%}",
        "accuracy": f"{(after == validation.labels).double().mean().item():.2f}",
    }


learn.results_table(
    {
        f"after {batches} batches": drifting(pretrained_probe, batches)
        for batches in learn.progress((0, 1, 2, 4, 8, 15), "batches in training mode")
    }
)

# %% [markdown]
# In two runs of ours a fifth and a third of the answers were others after 16 batches, and the accuracy had fallen from 0.90 to 0.75 and from 0.82 to
# 0.54. That is why the frozen part of a network belongs in evaluation mode, in training as well.
#
# ## How far you have come
#
# Run this cell at any time. It shows which checks pass since the kernel was started, and it is no grade: hidden tests decide that.

# %% progress="overview"

# %% [markdown]
# ## Where you are now
#
# You decided by name what may change, gave each part its rate, planned how rates change over time, and saw what changes without being asked.
# And you measured what pretraining is worth, one benefit at a time. In the next notebook you put this together: a feature extractor and a
# fine-tuned model that find most defective cells.

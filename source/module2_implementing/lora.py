# %% [markdown]
# # LoRA: fine-tune a language model by 0.3 % of its numbers
#
# MiniLM has read more than a billion pairs of sentences. It has 22.7 million parameters, and it has never been asked whether a
# tweet about an airline is a complaint. In this notebook you teach it **three sentiments** (negative, neutral, positive) in three ways:
#
# | way | what trains |
# | --- | --- |
# | **feature extraction** | a new head on frozen features |
# | **LoRA**, low-rank adaptation (Hu et al. 2021) | the head, and two thin matrices beside each query and value layer |
# | **full fine-tuning** | everything |
#
# You build a LoRA layer with your own hands, then use the library `peft`, count what trains, merge the adapters into
# the model, and store them alone.
#
# **How it works.** Each exercise is a cell with `YOUR CODE HERE`. Replace that line, run the cell, then
# run the check below it: it tells you what is right, what is not yet, and what to try next. Hidden tests, with
# other texts and other numbers, decide the points.

# %% locked="setup"
import math
import random
import tempfile
import time
import warnings
from collections import OrderedDict
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from torch import nn

import checks
from workshop import assets, learn

warnings.filterwarnings("ignore", category=FutureWarning)  # of the libraries among themselves
learn.seed_everything(0)
device = learn.pick_device()
print(f"Running on: {device}")

# %% [markdown]
# ## The target task: what does this text feel like?
#
# The texts are short messages that people rated as negative, neutral or positive. Names and links were replaced by `@user` and `http`.
# Many of them are about airlines, and many are annoyed. Sentiment is a matter of opinion: no model gets all of them right, and
# neither does a second person.

# %% locked="load_data"
MAX_LENGTH = 40  # tokens; hardly any of these texts is longer
train = assets.load_target_data("short_texts", "train", per_class=300)
validation = assets.load_target_data("short_texts", "validation", per_class=100)
tokenizer = assets.load_tokenizer("minilm")
print(f"{len(train.texts)} texts to train on, {len(validation.texts)} to validate with.")
learn.results_table(
    {train.texts[row][:110]: {"sentiment": train.class_names[train.labels[row]]} for row in range(8)}
)

# %% [markdown]
# ## 1. From text to tokens
#
# A model takes numbers. The tokenizer cuts a text into *tokens*, pieces of words, and gives each its number in a vocabulary of 30,522. It puts
# `[CLS]` before and `[SEP]` behind. Texts have different lengths, but a tensor has rows of one length. So
#
# - shorter texts are **padded** with `[PAD]` to the longest text of the batch (not to the longest there could ever be: that would cost time
#   for nothing),
# - longer ones are **truncated** at a maximum,
# - and the **attention mask** says which tokens are text (1) and which only fill up (0). The model must not read padding.
#
# **Exercise.** Write `tokenize`: use `tokenizer(...)` to get padded and truncated PyTorch tensors.
#
# <details><summary>Hint</summary>
#
# `tokenizer(texts, padding=..., truncation=..., max_length=..., return_tensors="pt")` gives what behaves like a dictionary, with the mask in it.
#
# </details>

# %% solution="tokenize" objective="implement" topic="tokenisation"
def tokenize(texts: list[str], max_length: int = MAX_LENGTH) -> dict[str, torch.Tensor]:
    """`input_ids` and `attention_mask`, each [N, L], with L the longest text's tokens or `max_length`."""
    ### BEGIN SOLUTION
    return tokenizer(
        texts, padding=True, truncation=True, max_length=max_length, return_tensors="pt"
    )
    ### END SOLUTION


# %% test="tokenize" points=3
try_texts = ["Thank you!", "My flight was late again, and nobody at the gate knew anything about it."]
try_tokens = torch.tensor(
    [
        [101, 4067, 2017, 999, 102, 0, 0, 0, 0, 0, 0, 0],
        [101, 2026, 3462, 2001, 2397, 2153, 1010, 1998, 6343, 2012, 1996, 102],
    ]
)
checks.show(
    lambda: checks.check_tokens(tokenize(try_texts, 12)["input_ids"], try_tokens),
    lambda: checks.check_mask(tokenize(try_texts, 12)["attention_mask"], (try_tokens != 0).long()),
)
### BEGIN HIDDEN TESTS
short_texts = ["Delayed.", "A lovely crew on board today", "where is my bag?"]
long_texts = [" ".join(["late"] * 9), "Gate 7 opens at noon", " ".join(["never again"] * 30)]
short_tokens = tokenizer(short_texts, padding=True, return_tensors="pt")
long_tokens = tokenizer(long_texts, padding=True, truncation=True, max_length=16, return_tensors="pt")
graded(
    (1, checks.check_tokens(tokenize(short_texts)["input_ids"], short_tokens["input_ids"])),
    (1, checks.check_tokens(tokenize(long_texts, 16)["input_ids"], long_tokens["input_ids"])),
    (1, checks.check_mask(tokenize(long_texts, 16)["attention_mask"], long_tokens["attention_mask"])),
)
### END HIDDEN TESTS

# %% [markdown]
# From here on, each exercise starts from something that is known to be right, so that one mistake does not
# follow you through the notebook. `encode` is what the model is given.

# %% locked="encode"
def encode(texts: list[str]) -> dict[str, torch.Tensor]:
    """What the model takes, by name: `input_ids` and `attention_mask`, [N, L]."""
    tokens = tokenizer(
        texts, padding=True, truncation=True, max_length=MAX_LENGTH, return_tensors="pt"
    )
    return {name: tokens[name] for name in ("input_ids", "attention_mask")}


shown = encode(["Thank you!", "My flight is late again"])
learn.results_table(
    {
        f"text {row + 1}": {
            f"{place}": f"{tokenizer.convert_ids_to_tokens(int(token))} {int(shown['attention_mask'][row, place])}"
            for place, token in enumerate(shown["input_ids"][row])
        }
        for row in range(2)
    }
)

# %% [markdown]
# ## 2. One vector for a text
#
# The encoder gives one vector for each token, but a text has one sentiment. There are two usual ways to get one vector: take that of `[CLS]`
# (transformers' classifiers do), or the **mean over the tokens** (MiniLM was trained with it). Padding
# has vectors too, and they must not count: otherwise a short text means something else in a batch with a long one.
#
# **Exercise.** Write `mean_pool`: the mean of each row's vectors over the tokens whose mask is 1.
#
# <details><summary>Hint</summary>
#
# Multiply the vectors by the mask (`mask[..., None]` has the shape [N, L, 1]), sum over the tokens, and divide by how many tokens count.
#
# </details>

# %% solution="mean_pool" objective="implement" topic="attention mask"
def mean_pool(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean of the vectors `hidden` [N, L, D] over the tokens with mask 1, `mask` [N, L]; [N, D]."""
    ### BEGIN SOLUTION
    counted = mask[..., None].to(hidden.dtype)
    return (hidden * counted).sum(dim=1) / counted.sum(dim=1)
    ### END SOLUTION


# %% test="mean_pool" points=2
try_hidden = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]], [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]])
try_mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
checks.show(
    lambda: checks.check_tensor(
        "mean_pool", mean_pool(try_hidden, try_mask), torch.tensor([[2.0, 3.0], [2.0, 2.0]])
    )
)
### BEGIN HIDDEN TESTS
pool_generator = torch.Generator().manual_seed(3)
pool_hidden = torch.randn(4, 7, 5, generator=pool_generator) + 1
pool_mask = (torch.arange(7) < torch.tensor([[3], [7], [1], [5]])).long()
pool_expected = torch.stack(
    [rows[: int(count)].mean(dim=0) for rows, count in zip(pool_hidden, pool_mask.sum(dim=1))]
)
graded((2, checks.check_tensor("mean_pool", mean_pool(pool_hidden, pool_mask), pool_expected)))
### END HIDDEN TESTS

# %% [markdown]
# The model of this notebook: MiniLM with a new head, the linear layer `classifier`, on the vector of `[CLS]`.

# %% locked="new_model"
def new_model(seed: int = 0) -> nn.Module:
    """MiniLM with a new head for three sentiments, on the device in use. The seed decides the head."""
    return assets.load_source_model("minilm", num_classes=3, seed=seed).to(device)


everything = sum(parameter.numel() for parameter in new_model().parameters())
print(f"{everything:,} parameters")

# %% [markdown]
# ## 3. Feature extraction
#
# First the cheap way. The encoder `model.bert` stays frozen, so each text has the same features every time: you compute them once. Called with
# `input_ids=` and `attention_mask=`, it gives the vectors of all tokens as `.last_hidden_state`, and as `.pooler_output` that of `[CLS]`
# after one more layer: what the head gets.
#
# **Exercise.** Write `extract_features`: go through the texts in batches of 32, `encode` each batch, and join the `pooler_output` of all
# batches on the CPU, in order. Remember evaluation mode (MiniLM has dropout), no gradients, and the mask. Show your progress with
# `learn.progress(range(0, len(texts), 32), "features")`.
#
# <details><summary>Hint</summary>
#
# `texts[start : start + 32]` is a batch; the last one may be shorter. Both tensors of `encode` go to `device` and into `model.bert`.
#
# </details>

# %% solution="extract_features" objective="implement" topic="feature extraction"
def extract_features(model: nn.Module, texts: list[str]) -> torch.Tensor:
    """The features of each text, [N, 384], on the CPU."""
    ### BEGIN SOLUTION
    model.eval()
    features = []
    with torch.no_grad():
        for start in learn.progress(range(0, len(texts), 32), "features"):
            batch = encode(texts[start : start + 32])
            found = model.bert(
                input_ids=batch["input_ids"].to(device),
                attention_mask=batch["attention_mask"].to(device),
            )
            features.append(found.pooler_output.cpu())
    return torch.cat(features)
    ### END SOLUTION


# %% test="extract_features" points=3
def features_one_by_one(texts: list[str]) -> torch.Tensor:
    """What they should be: no batch, so no padding either."""
    bert = new_model().bert.eval()
    with torch.no_grad():
        return torch.cat([bert(encode([text])["input_ids"].to(device)).pooler_output.cpu() for text in texts])


checks.show(
    lambda: checks.check_tensor(
        "features",
        extract_features(new_model(), validation.texts[:5]),
        features_one_by_one(validation.texts[:5]),
        tolerance=0.01,
    )
)
### BEGIN HIDDEN TESTS
def features_alone(texts: list[str]) -> torch.Tensor:
    bert = new_model().bert.eval()
    with torch.no_grad():
        return torch.cat([bert(encode([text])["input_ids"].to(device)).pooler_output.cpu() for text in texts])


probe_texts = validation.texts[5:41]
graded(
    (2, checks.check_tensor("features", extract_features(new_model(), probe_texts), features_alone(probe_texts), tolerance=0.01)),
    (1, checks.check_tensor("features", extract_features(new_model(), probe_texts[:1]), features_alone(probe_texts[:1]), tolerance=0.01)),
)
### END HIDDEN TESTS

# %% [markdown]
# A head on these features is a few hundred gradient steps on a small matrix. Full batches, a second of work.

# %% locked="train_head"
def train_head(features: torch.Tensor) -> nn.Linear:
    """A linear head, trained on the features of the training texts."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        head = nn.Linear(384, 3)
    optimizer = torch.optim.AdamW(head.parameters(), lr=0.01)
    for _ in range(100):
        loss = nn.functional.cross_entropy(head(features), train.labels)
        loss = loss + 0.002 * head.weight.square().sum()  # few texts: keep the weights small
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return head


# %% locked="frozen_head"
began = time.perf_counter()
frozen_model = new_model()
head = train_head(extract_features(frozen_model, train.texts))
frozen_model.classifier.load_state_dict(head.state_dict())
frozen_seconds = time.perf_counter() - began
print(f"Feature extraction took {frozen_seconds:.0f} s; the head has {3 * 384 + 3:,} parameters.")

# %% [markdown]
# ## 4. A LoRA layer by hand
#
# Full fine-tuning changes a weight `W` by some `ΔW` of the same size. LoRA bets that a `ΔW` of **low rank** is enough:
# it freezes `W` and learns `ΔW = (alpha / r) B A`, where `A` is `r × in` and `B` is `out × r`, with a small `r`:
#
# $$y = W x + b + \frac{\alpha}{r} B A x$$
#
# `A` starts random and `B` at zero, so that training begins at exactly the pretrained layer. The factor `alpha / r` keeps the size of the
# update alike when you
# try another rank.
#
# **Exercise.** Complete `LoRALinear`. It freezes `base`, weight and bias, and has two parameters, `A` and `B`.
#
# <details><summary>Hint</summary>
#
# Inputs are rows, `x` has the shape [N, in]: so `A x` becomes `x @ self.A.T`. `nn.Parameter(0.02 * torch.randn(...))` makes a random parameter.
#
# </details>

# %% solution="lora_layer" objective="implement" topic="LoRA"
class LoRALinear(nn.Module):
    """A linear layer with frozen weights and a low-rank update beside it."""

    def __init__(self, base: nn.Linear, r: int, alpha: float) -> None:
        super().__init__()
        ### BEGIN SOLUTION
        self.base = base.requires_grad_(False)
        self.scale = alpha / r
        self.A = nn.Parameter(0.02 * torch.randn(r, base.in_features))
        self.B = nn.Parameter(torch.zeros(base.out_features, r))
        ### END SOLUTION

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ### BEGIN SOLUTION
        return self.base(x) + self.scale * (x @ self.A.T @ self.B.T)
        ### END SOLUTION


# %% test="lora_layer" points=5
layer_seen = checks.observe_lora_layer(LoRALinear, inputs=6, outputs=4, rank=2, alpha=8)
checks.show(
    lambda: checks.check_lora_start(layer_seen, inputs=6, outputs=4, rank=2),
    lambda: checks.check_lora_frozen(layer_seen),
    lambda: checks.check_lora_update(layer_seen, inputs=6, outputs=4, rank=2, alpha=8),
)
### BEGIN HIDDEN TESTS
layer_seen = checks.observe_lora_layer(LoRALinear, inputs=11, outputs=5, rank=3, alpha=12, seed=7)
graded(
    (2, checks.check_lora_start(layer_seen, inputs=11, outputs=5, rank=3, seed=7)),
    (1, checks.check_lora_frozen(layer_seen)),
    (2, checks.check_lora_update(layer_seen, inputs=11, outputs=5, rank=3, alpha=12, seed=7)),
)
### END HIDDEN TESTS

# %% [markdown]
# Is it what `peft` computes? Here both wrap the same layer and get the same `A` and `B`.

# %% locked="same_as_peft"
learn.seed_everything(0)
plain = nn.Linear(384, 384)
ours = LoRALinear(plain, 8, 16)
theirs = get_peft_model(
    nn.Sequential(OrderedDict(query=plain)), LoraConfig(r=8, lora_alpha=16, target_modules=["query"])
).eval()
nn.init.normal_(ours.B)
with torch.no_grad():
    theirs.base_model.model.query.lora_A["default"].weight.copy_(ours.A)
    theirs.base_model.model.query.lora_B["default"].weight.copy_(ours.B)
    rows = torch.randn(100, 384)
    difference = (ours(rows) - theirs(rows)).abs().max().item()
print(f"Largest difference between your layer and peft's, over 38,400 outputs: {difference:.1e}")

# %% [markdown]
# ## 5. Adapters with peft
#
# `peft` puts such layers into a whole model. A `LoraConfig` says where and how: `task_type` (what the model does; here a sequence, a text, is
# classified),
# `r`, `lora_alpha`, `lora_dropout`, `target_modules` (the last part of the names of the layers that get adapters)
# and `modules_to_save` (what is new, trains whole and is stored with the adapters).
#
# **Exercise.** Write `add_lora`. The query and the value layer of every attention block get adapters (their names end in `query` and
# `value`), with a dropout of 0.1; the head `classifier` trains whole.
#
# <details><summary>Hint</summary>
#
# `get_peft_model(model, LoraConfig(task_type=TaskType.SEQ_CLS, ...))`. The names are lists of texts.
#
# </details>

# %% solution="add_lora" objective="implement" topic="LoRA"
def add_lora(model: nn.Module, r: int = 8, alpha: float = 16) -> PeftModel:
    """The model with LoRA adapters of rank r in its query and value layers."""
    ### BEGIN SOLUTION
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=r,
        lora_alpha=alpha,
        lora_dropout=0.1,
        target_modules=["query", "value"],
        modules_to_save=["classifier"],
    )
    return get_peft_model(model, config)
    ### END SOLUTION


# %% test="add_lora" points=5
TARGETS = ("query", "value")


def seen_adapters():
    return checks.observe_lora(add_lora(new_model(), 8, 16))


checks.show(
    lambda: checks.check_lora_config(seen_adapters()),
    lambda: checks.check_adapters(
        seen_adapters(), new_model(), targets=TARGETS, rank=8, alpha=16, dropout=0.1
    ),
    lambda: checks.check_trainable_share(seen_adapters(), new_model(), targets=TARGETS, rank=8),
)
### BEGIN HIDDEN TESTS
lora_seen = checks.observe_lora(add_lora(new_model(), 3, 12))
graded(
    (1, checks.check_lora_config(lora_seen)),
    (3, checks.check_adapters(lora_seen, new_model(), targets=("query", "value"), rank=3, alpha=12, dropout=0.1)),
    (1, checks.check_base_untouched(lora_seen, new_model())),
)
### END HIDDEN TESTS

# %% locked="new_lora"
def new_lora(r: int = 8, alpha: float = 16, seed: int | None = None) -> PeftModel:
    """A new model with adapters in its query and value layers. The seed decides the adapters and the head."""
    settings = {"r": r, "lora_alpha": alpha, "lora_dropout": 0.1, "target_modules": ["query", "value"]}
    model = new_model() if seed is None else new_model(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0 if seed is None else seed)
        return get_peft_model(model, LoraConfig(TaskType.SEQ_CLS, modules_to_save=["classifier"], **settings))


learn.results_table(
    {
        name.split("base_model.model.")[-1].split("attention.self.")[-1]: {"shape": list(parameter.shape), "trains": parameter.requires_grad}
        for name, parameter in new_lora().named_parameters()
        if "layer.0.attention.self.query" in name or "classifier" in name
    }
)

# %% [markdown]
# ## 6. How much trains?
#
# An adapter beside a layer with `in` inputs and `out` outputs has `r · in + out · r` numbers, the layer itself `in · out`. That is the whole
# point: with `r = 8`, an adapter of a 384 × 384 layer has 24 times fewer.
#
# **Exercise.** Write `predict_trainable`: without making a single adapter, predict how many numbers will train. Go through
# `model.named_modules()`: a linear layer gets an adapter if the last part of its name is in `targets`. A module whose name is in `saved`
# trains whole.
#
# <details><summary>Hint</summary>
#
# `name.split(".")[-1]` is the last part of a name, `isinstance(module, nn.Linear)` finds the linear layers, and they have `in_features` and
# `out_features`.
#
# </details>

# %% solution="predict_trainable" objective="evaluate" topic="parameter counts"
def predict_trainable(model: nn.Module, r: int, targets: list[str], saved: list[str]) -> int:
    """How many numbers LoRA of rank r will train in this model: adapters of `targets`, and `saved` whole."""
    ### BEGIN SOLUTION
    total = 0
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and name.split(".")[-1] in targets:
            total += r * (module.in_features + module.out_features)
        if name in saved:
            total += sum(parameter.numel() for parameter in module.parameters())
    return total
    ### END SOLUTION


# %% test="predict_trainable" points=3
checks.show(
    lambda: checks.check_value(
        "the prediction for query and value, r = 8",
        predict_trainable(new_model(), 8, ["query", "value"], ["classifier"]),
        new_lora(r=8).get_nb_trainable_parameters()[0],
    )
)
### BEGIN HIDDEN TESTS
two_layers = nn.ModuleDict({"up": nn.Linear(5, 20), "down": nn.Linear(20, 5), "norm": nn.LayerNorm(5)})
graded(
    (
        1,
        checks.check_value(
            "the prediction for query and value, r = 4, without a head",
            predict_trainable(new_model(), 4, ["query", "value"], []),
            checks.trainable_count(new_model(), targets=("query", "value"), rank=4),
        ),
    ),
    (
        1,
        checks.check_value(
            "the prediction for a small model, r = 3",
            predict_trainable(two_layers, 3, ["up"], ["norm"]),
            checks.trainable_count(two_layers, targets=("up",), rank=3, saved="norm"),
        ),
    ),
    (
        1,
        checks.check_value(
            "the prediction for key, with a pooler that is saved",
            predict_trainable(new_model(), 1, ["key"], ["bert.pooler", "classifier"]),
            checks.trainable_count(new_model(), targets=("key",), rank=1, saved=("bert.pooler", "classifier")),
        ),
    ),
)
### END HIDDEN TESTS

# %% [markdown]
# What a rank costs, by your own formula. Training keeps, for each trained number, a gradient and the two moments of AdamW: 12 bytes.

# %% locked="ranks"
ranks = {r: predict_trainable(new_model(), r, ["query", "value"], ["classifier"]) for r in (1, 2, 4, 8, 16, 32, 64)}
learn.results_table(
    {
        f"r = {r}" if r else "everything": {
            "trainable parameters": f"{count:,}",
            "share": f"{count / everything:.2%}",
            "gradients and AdamW, MB": f"{12 * count / 1e6:.1f}",
            "to store, MB": f"{4 * count / 1e6:.2f}",
        }
        for r, count in {**ranks, 0: everything}.items()
    }
)

# %% [markdown]
# ## 7. Batches of like length
#
# A batch is padded to its longest text. If one long text sits among short ones, the model computes mostly padding. So put texts of like
# length together, but keep the *order of the batches* random: otherwise every epoch goes from short texts to long ones.
#
# **Exercise.** Write `batches_by_length`: sort the indexes of the texts by length, cut them into batches of `batch_size` (the last may be
# smaller), and
# shuffle the batches.
#
# <details><summary>Hint</summary>
#
# `sorted(range(len(lengths)), key=...)` sorts indexes; `random.shuffle(batches)` shuffles a list in place.
#
# </details>

# %% solution="batches_by_length" objective="implement" topic="padding"
def batches_by_length(lengths: list[int], batch_size: int) -> list[list[int]]:
    """Batches of indexes in random order; within a batch the texts have similar numbers of tokens."""
    ### BEGIN SOLUTION
    order = sorted(range(len(lengths)), key=lambda index: lengths[index])
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    random.shuffle(batches)
    return batches
    ### END SOLUTION


# %% test="batches_by_length" points=3
try_lengths = [7, 30, 9, 8, 31, 12, 29, 5, 40, 11]
checks.show(
    lambda: checks.check_batches(batches_by_length(try_lengths, 3), try_lengths, 3),
    lambda: checks.check_padding(batches_by_length(try_lengths, 3), try_lengths, 3),
    lambda: checks.check_shuffled(
        batches_by_length(list(range(60)), 4), batches_by_length(list(range(60)), 4), range(60)
    ),
)
### BEGIN HIDDEN TESTS
many_lengths = [5 + (37 * index + index * index) % 36 for index in range(86)]
first_epoch = batches_by_length(many_lengths, 8)
second_epoch = batches_by_length(many_lengths, 8)
graded(
    (1, checks.check_batches(first_epoch, many_lengths, 8)),
    (1, checks.check_padding(first_epoch, many_lengths, 8)),
    (1, checks.check_shuffled(first_epoch, second_epoch, many_lengths)),
)
### END HIDDEN TESTS

# %% [markdown]
# How much does it save? Here are your batches next to batches in random order, and the loop that trains with such batches. With few steps at a high
# rate, one bad step can ruin a run. So the rate rises over the first ten steps, then falls to 0, and a gradient that is too long is shortened. When this
# notebook was made, two of nine runs without that ended at accuracies of 0.58 and 0.63, and none of fifteen with it below 0.69.

# %% locked="fit"
BATCH_SIZE, WARM_UP = 8, 10  # few texts, but many steps: an epoch has 900 texts only


def lengths_of(texts: list[str]) -> list[int]:
    """How many tokens each text has."""
    return [sum(mask) for mask in tokenizer(texts, truncation=True, max_length=MAX_LENGTH)["attention_mask"]]


def in_batches(texts: list[str], batch_size: int) -> list[list[int]]:
    """Indexes in batches of like length, in random order."""
    lengths = lengths_of(texts)
    order = sorted(range(len(texts)), key=lengths.__getitem__)
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return random.sample(batches, len(batches))


def answer(model: nn.Module, texts: list[str]) -> torch.Tensor:
    """The model's logits for some texts."""
    return model(**{name: tensor.to(device) for name, tensor in encode(texts).items()}).logits


def fit(
    model: nn.Module, optimizer: torch.optim.Optimizer, texts: list[str], labels: torch.Tensor, epochs: int
) -> float:
    """Train with batches of 8 texts; the seconds that it took."""
    began = time.perf_counter()
    steps = epochs * math.ceil(len(texts) / BATCH_SIZE)

    def share_of_rate(step: int) -> float:
        return min(1.0, (step + 1) / WARM_UP, (steps - step) / (steps - WARM_UP))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share_of_rate)
    for epoch in range(epochs):
        model.train()
        for rows in learn.progress(in_batches(texts, BATCH_SIZE), f"epoch {epoch + 1} of {epochs}"):
            logits = answer(model, [texts[row] for row in rows])
            loss = nn.functional.cross_entropy(logits, labels[rows].to(device))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return time.perf_counter() - began


def confusion(model: nn.Module, data: assets.TextData = validation) -> torch.Tensor:
    """Counts [3, 3]: a row for each true sentiment, a column for each answer."""
    matrix = torch.zeros(3, 3, dtype=torch.long)
    model.eval()
    with torch.no_grad():
        for rows in in_batches(data.texts, 32):
            answers = answer(model, [data.texts[row] for row in rows]).argmax(dim=1).cpu()
            for truth, found in zip(data.labels[rows], answers):
                matrix[truth, found] += 1
    return matrix


def accuracy(model: nn.Module, data: assets.TextData = validation) -> float:
    """The share of right answers."""
    matrix = confusion(model, data)
    return (matrix.diag().sum() / matrix.sum()).item()


# %% locked="padding_saved"
token_counts = lengths_of(train.texts)
shuffled = torch.randperm(len(token_counts)).split(BATCH_SIZE)


def share_of_padding(batches) -> float:
    """How much of what the model computes is padding."""
    sizes = [max(token_counts[row] for row in rows) * len(rows) for rows in batches]
    return 1 - sum(token_counts) / sum(sizes)


print(f"Padding in random batches: {share_of_padding(rows.tolist() for rows in shuffled):.0%}")
print(f"Padding in your batches:   {share_of_padding(batches_by_length(token_counts, BATCH_SIZE)):.0%}")

# %% [markdown]
# ## 8. Train the adapters
#
# Two habits differ from full fine-tuning. The optimizer gets **only what is trainable**, or it would keep moments for 22.7 million numbers
# that never change;
# and the learning rate is **ten times higher or more**: adapters start from nothing, and cannot destroy the pretrained weights.
#
# **Exercise.** Make `lora_model` with `new_lora()`. Train it with `fit` on the training texts for `EPOCHS` epoch, with an `AdamW` over its
# trainable parameters and a learning rate of `RATE`; keep the seconds that `fit` returns as `lora_seconds`.
#
# <details><summary>Hint</summary>
#
# A list of the parameters with `requires_grad` goes into the optimizer. `train.texts` and `train.labels` are the training texts.
#
# </details>

# %% locked="settings"
EPOCHS, RATE = 1, 3e-3

# %% solution="train_lora" objective="implement" topic="LoRA"
learn.seed_everything(0)
### BEGIN SOLUTION
lora_model = new_lora()
lora_optimizer = torch.optim.AdamW(
    [parameter for parameter in lora_model.parameters() if parameter.requires_grad], lr=RATE
)
lora_seconds = fit(lora_model, lora_optimizer, train.texts, train.labels, EPOCHS)
### END SOLUTION

# %% test="train_lora" points=6
checks.show(
    lambda: checks.check_base_untouched(checks.observe_lora(lora_model), new_model()),
    lambda: checks.check_adapters_trained(checks.observe_lora(lora_model)),
    lambda: checks.check_accuracy(lora_model, validation, threshold=0.6, encode=encode),
)
### BEGIN HIDDEN TESTS
lora_seen = checks.observe_lora(lora_model)
graded(
    (1, checks.check_base_untouched(lora_seen, new_model())),
    (1, checks.check_trainable_share(lora_seen, new_model(), targets=("query", "value"), rank=8)),
    (1, checks.check_adapters_trained(lora_seen)),
    (
        3,
        checks.check_accuracy(
            lora_model, held_out_texts(), threshold(), reserve=held_out_texts("reserve"), encode=encode
        ),
    ),
    like=new_lora,
)
### END HIDDEN TESTS

# %% [markdown]
# What does a rank buy? Put some into `TRY_RANKS`, such as `(1, 64)`, and run the cell again: each takes about half a minute. `alpha` is twice the
# rank, so that `alpha / r` stays the same. Before you look: what do you expect?

# %%
TRY_RANKS = ()

rank_accuracy = {8: accuracy(lora_model)}
for r in TRY_RANKS:
    learn.seed_everything(0)
    tried = new_lora(r=r, alpha=2 * r)
    trainable = [parameter for parameter in tried.parameters() if parameter.requires_grad]
    fit(tried, torch.optim.AdamW(trainable, lr=RATE), train.texts, train.labels, EPOCHS)
    rank_accuracy[r] = accuracy(tried)
learn.results_table(
    {
        f"r = {r}": {
            "validation accuracy": f"{rank_accuracy[r]:.2f}",
            "trainable parameters": f"{predict_trainable(new_model(), r, ['query', 'value'], ['classifier']):,}",
        }
        for r in sorted(rank_accuracy)
    }
)

# %% [markdown]
# ## 9. Macro F1
#
# Accuracy hides which sentiment is missed. For one class, *precision* is the share of its answers that are right, *recall* the share of its
# texts that were
# found, and **F1** is their harmonic mean, `2 · precision · recall / (precision + recall)`. **Macro F1** is the plain mean over the classes,
# so that a rare
# class counts as much as a frequent one.
#
# **Exercise.** Write `macro_f1`. A class without a single right answer has an F1 of 0.
#
# <details><summary>Hint</summary>
#
# For class `c`: `matrix[c, c]` answers are right, `matrix[:, c].sum()` answers name it, `matrix[c].sum()` texts belong to it.
#
# </details>

# %% solution="macro_f1" objective="evaluate" topic="macro F1"
def macro_f1(matrix: torch.Tensor) -> float:
    """The mean over the classes of F1, from counts [C, C] with a row for each true class."""
    ### BEGIN SOLUTION
    scores = []
    for c in range(len(matrix)):
        right = matrix[c, c].item()
        if right == 0:
            scores.append(0.0)
            continue
        precision = right / matrix[:, c].sum().item()
        recall = right / matrix[c].sum().item()
        scores.append(2 * precision * recall / (precision + recall))
    return sum(scores) / len(scores)
    ### END SOLUTION


# %% test="macro_f1" points=3
checks.show(
    lambda: checks.check_value("macro F1", macro_f1(torch.tensor([[8, 2], [4, 6]])), 0.69697),
)
### BEGIN HIDDEN TESTS
three_sentiments = torch.tensor([[50, 5, 5], [10, 20, 10], [2, 2, 6]])
never_said = torch.tensor([[30, 10, 0], [5, 35, 0], [4, 6, 0]])
graded(
    (2, checks.check_value("macro F1", macro_f1(three_sentiments), 0.601261)),
    (1, checks.check_value("macro F1 where a class is never answered", macro_f1(never_said), 0.509575)),
)
### END HIDDEN TESTS

# %% [markdown]
# ## The comparison
#
# Full fine-tuning runs here for reference: the same texts, one epoch, a learning rate of 2e-4. And one more row: a head on
# frozen features again, but on the *mean* over the tokens.

# %% locked="run_full"
learn.seed_everything(0)
full_model = new_model()
full_optimizer = torch.optim.AdamW(full_model.parameters(), lr=2e-4)
full_seconds = fit(full_model, full_optimizer, train.texts, train.labels, EPOCHS)
print(f"One epoch of LoRA took {lora_seconds:.0f} s, one of full fine-tuning {full_seconds:.0f} s.")

# %% locked="compare"
began = time.perf_counter()
mean_head = train_head(learn.text_features(new_model().bert, tokenizer, train.texts, max_length=MAX_LENGTH))
mean_seconds = time.perf_counter() - began
mean_answers = mean_head(
    learn.text_features(new_model().bert, tokenizer, validation.texts, max_length=MAX_LENGTH)
).argmax(dim=1)
mean_matrix = torch.bincount(validation.labels * 3 + mean_answers, minlength=9).reshape(3, 3)
methods = {
    "frozen, [CLS]": (confusion(frozen_model), 3 * 384 + 3, frozen_seconds),
    "frozen, mean": (mean_matrix, 3 * 384 + 3, mean_seconds),
    "LoRA": (confusion(lora_model), lora_model.get_nb_trainable_parameters()[0], lora_seconds),
    "full fine-tuning": (confusion(full_model), everything, full_seconds),
}
learn.results_table(
    {
        name: {
            "validation accuracy": f"{(matrix.diag().sum() / matrix.sum()).item():.2f}",
            "macro F1": f"{macro_f1(matrix):.2f}",
            "trainable parameters": f"{count:,}",
            "gradients and AdamW, MB": f"{12 * count / 1e6:.1f}",
            "seconds": f"{seconds:.0f}",
        }
        for name, (matrix, count, seconds) in methods.items()
    }
)

# %% locked="show_matrix"
learn.plot_confusion_matrix(methods["LoRA"][0], train.class_names)

# %% locked="show_embedding"
third = validation.texts[::3]
learn.plot_embedding(
    {
        "[CLS] before": extract_features(new_model(), third),
        "[CLS] after LoRA": extract_features(lora_model.base_model.model, third),
    },
    validation.labels[::3],
    validation.class_names,
)

# %% [markdown]
# With 300 validation texts an accuracy is only known to within some 5 points either way. What can you say, and what not?
#
# - The head on frozen `[CLS]` features is far behind: the training that made MiniLM what it is did not use `[CLS]`. LoRA, with the same head, *makes*
#   it say something: compare the two pictures of it.
# - The mean over the tokens, which MiniLM was trained with, is another matter. Choosing the right frozen features can be worth as much as adapting
#   the wrong ones, for no training of the encoder at all. So always try that first.
# - Full fine-tuning may be some points ahead, within the uncertainty of 300 texts. It moves 300 times as many numbers for that, each step takes longer,
#   and with few texts it is the first to learn them by heart.
# - LoRA needs hardly any memory for gradients and AdamW. The time is another matter: the forward pass is the same, and the gradient still goes through every layer.
#
# ## 10. Merge by hand
#
# When training is over, the update can be added to the weight once and for all: `W' = W + (alpha / r) B A`. The merged layer
# costs exactly what the old one did.
#
# **Exercise.** Write `merge_weight`.
#
# <details><summary>Hint</summary>
#
# The rank is how many rows `A` has. `B @ A` has the shape of the weight.
#
# </details>

# %% solution="merge_weight" objective="implement" topic="merging"
def merge_weight(weight: torch.Tensor, A: torch.Tensor, B: torch.Tensor, alpha: float) -> torch.Tensor:
    """The weight [out, in] with the update of A [r, in] and B [out, r] in it. The weight given stays as it is."""
    ### BEGIN SOLUTION
    return weight + alpha / len(A) * (B @ A)
    ### END SOLUTION


# %% test="merge_weight" points=2
checks.show(
    lambda: checks.check_tensor(
        "the merged weight",
        merge_weight(torch.zeros(2, 3), torch.ones(4, 3), torch.ones(2, 4), 8),
        torch.full((2, 3), 8.0),
    )
)
### BEGIN HIDDEN TESTS
merge_generator = torch.Generator().manual_seed(5)
some_weight = torch.randn(6, 6, generator=merge_generator)
some_a, some_b = torch.randn(3, 6, generator=merge_generator), torch.randn(6, 3, generator=merge_generator)
merge_expected = torch.stack(
    [row + 5 * sum(b * a for b, a in zip(up, some_a)) for row, up in zip(some_weight, some_b)]
)


def weight_after_merging() -> torch.Tensor:
    given = some_weight.clone()
    merge_weight(given, some_a, some_b, 15)
    return given


graded(
    (1.5, checks.check_tensor("the merged weight", merge_weight(some_weight.clone(), some_a, some_b, 15), merge_expected)),
    (0.5, checks.check_tensor("the weight that was given", weight_after_merging(), some_weight)),
)
### END HIDDEN TESTS

# %% locked="adapted"
def adapted(seed: int = 0, r: int = 8, alpha: float = 16) -> PeftModel:
    """A model with adapters and a head that hold random numbers, as if they had been trained."""
    model = new_lora(r=r, alpha=alpha, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
            elif "modules_to_save" in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return model


# %% [markdown]
# ## 11. Merge the model
#
# **Exercise.** Write `merge`: from a model with adapters, make the plain classifier with the update merged into its weights and with the
# trained head.
# No layer of `peft` may be left.
#
# <details><summary>Hint</summary>
#
# Look at the methods of the model: two of them have *merge* in their names, and one of these also unloads.
#
# </details>

# %% solution="merge" objective="implement" topic="merging"
def merge(model: PeftModel) -> nn.Module:
    """The plain model that answers as this one does."""
    ### BEGIN SOLUTION
    return model.merge_and_unload()
    ### END SOLUTION


# %% test="merge" points=3
some_batch = encode(validation.texts[:8])
checks.show(lambda: checks.check_merged(merge(adapted(seed=1)), adapted(seed=1), some_batch))
### BEGIN HIDDEN TESTS
another_batch = encode(validation.texts[40:52])
graded(
    (3, checks.check_merged(merge(adapted(seed=5, r=4, alpha=20)), adapted(seed=5, r=4, alpha=20), another_batch)),
    like=new_model,
)
### END HIDDEN TESTS

# %% [markdown]
# ## 12. Store the adapter alone
#
# The base model is the same for everybody. What you hand on is only what you trained: with ten tasks, that is one model and ten small files.
#
# **Exercise.** Write `save_adapter`: write the adapters and the head, with their configuration, into a folder.
#
# <details><summary>Hint</summary>
#
# A model of `peft` has a method `save_pretrained(folder)`; a plain model's `state_dict()` holds everything.
#
# </details>

# %% solution="save_adapter" objective="implement" topic="storing adapters"
def save_adapter(model: PeftModel, folder: str) -> None:
    """Store the adapters and the head, and nothing of the base model."""
    ### BEGIN SOLUTION
    model.save_pretrained(folder)
    ### END SOLUTION


# %% test="save_adapter" points=2
saved_seen = checks.observe_saved(save_adapter, adapted(seed=2))
checks.show(lambda: checks.check_saved_adapter(saved_seen, adapted(seed=2)))
### BEGIN HIDDEN TESTS
saved_seen = checks.observe_saved(save_adapter, adapted(seed=6, r=4))
graded((2, checks.check_saved_adapter(saved_seen, adapted(seed=6, r=4))))
### END HIDDEN TESTS

# %% [markdown]
# ## 13. Load it again
#
# **Exercise.** Write `load_adapter`: take a `new_model()` and give it the adapters and the head that are stored in a folder.
#
# <details><summary>Hint</summary>
#
# `PeftModel.from_pretrained(model, folder)`.
#
# </details>

# %% solution="load_adapter" objective="implement" topic="storing adapters"
def load_adapter(folder: str) -> PeftModel:
    """A new model with the stored adapters and head."""
    ### BEGIN SOLUTION
    return PeftModel.from_pretrained(new_model(), folder)
    ### END SOLUTION


# %% test="load_adapter" points=3
def stored_and_loaded(seed: int) -> nn.Module:
    with tempfile.TemporaryDirectory() as folder:
        adapted(seed=seed).save_pretrained(folder)
        return load_adapter(folder)


checks.show(lambda: checks.check_same_answers(stored_and_loaded(3), adapted(seed=3), some_batch))
### BEGIN HIDDEN TESTS
load_batch = encode(validation.texts[60:72])


def after_storing(seed: int) -> nn.Module:
    with tempfile.TemporaryDirectory() as folder:
        adapted(seed=seed).save_pretrained(folder)
        return load_adapter(folder)


graded((3, checks.check_same_answers(after_storing(8), adapted(seed=8), load_batch)), like=new_lora)
### END HIDDEN TESTS

# %% locked="on_disk"
with tempfile.TemporaryDirectory() as place:
    save_adapter(lora_model, place)
    adapter_bytes = sum(each.stat().st_size for each in Path(place).rglob("*") if each.is_file())
print(f"The adapter with its head: {adapter_bytes / 1e6:.2f} MB. The whole model: {4 * everything / 1e6:.0f} MB.")

# %% [markdown]
# ## 14. Think about it
#
# A company wants a text classifier for each of its 500 customers, every one with labels of its own and some hundred labelled texts. All of
# them run on one server. Would
# you use frozen features with a head each, LoRA, or full fine-tuning? What rank would you start with, and how would you decide whether to
# change it? Would you merge
# the adapters? Refer to numbers from your own tables. (100 to 200 words; a person reads and grades this one.)

# %% [markdown] reflection="choose_an_adapter" points=4 objective="evaluate" topic="choosing a method"
# === BEGIN MARK SCHEME ===
# One point each:
# * A choice that fits, argued with the learner's own numbers: storage and memory of 500 full copies against 500 adapters or heads, accuracy
#   with its uncertainty
#   (no claim that a gap within 5 points is real). Heads on frozen features are a right choice when accuracy is argued to be enough.
# * A rank to start with and a way to decide on a validation set (raise it as long as the validation score gains more than noise), with its
#   cost by the formula.
# * Merging: not for 500 customers on one server, since each merged model is a full copy again; the unmerged base is shared. Merge where one
#   task runs alone.
# * A risk with a remedy that fits: few texts for a customer (overfitting, dropout, smaller rank, frozen features), a rare class (macro F1),
#   another domain of texts.
# === END MARK SCHEME ===
# ### BEGIN SOLUTION
# I would use LoRA with one shared base model, if it pays. A full copy takes 91 MB for each customer, 45 GB in all, an adapter of rank 8 only 0.3 MB,
# and the gradients and AdamW need under 1 MB instead of 273. On my validation texts LoRA was clearly better than the head on frozen [CLS] features (0.74
# against 0.66), but within the uncertainty of 300 texts it was no better than a head on the frozen mean (0.74), and no worse than full fine-tuning (0.78). So I would start each customer with that, and
# add an adapter where the validation texts say that it helps. I would start with r = 8 on query and value, then compare r = 4 and r = 16; doubling the rank
# doubles the adapter, so I would only keep it if macro F1 rises by more than chance explains. I would not merge: merged models are full copies again, while one base in
# memory can serve every customer by switching adapters. The risk is a customer with few texts, where even an adapter overfits: there I would stay with the frozen head.
# ### END SOLUTION

# %% [markdown]
# ## How far you have come
#
# Run this cell at any time. It shows what you have answered and which checks pass since the kernel was started, and it is no grade:
# hidden tests decide that.

# %% progress="overview"

# %% [markdown]
# ## Where you are now
#
# You wrote the layer that fine-tunes today's language models, saw that it is a frozen matrix and two thin ones, and know what it saves
# (memory and storage) and what it does not (the time of a forward pass).

# %% [markdown]
# # Feature extraction and fine-tuning
#
# A network that has seen a million photographs of palaces, daisies and dogs has never seen a solar
# cell. In this notebook you make it find **defective solar cells**, with 200 labelled images and a
# few minutes on an ordinary laptop. You do it in two ways:
#
# | way | what trains | what it costs |
# | --- | --- | --- |
# | **feature extraction** | only a new head | seconds |
# | **fine-tuning** | the head and the last blocks of the backbone | minutes |
#
# At the end you compare both with the same network trained from scratch.
#
# **How it works.** Each exercise is a cell with `YOUR CODE HERE`. Replace that line, run the cell, then
# run the check below it: it tells you what is right, what is not yet, and what to try next. You can run
# every check as often as you like. Hidden tests, which use images you have not seen, decide the points.

# %% locked="setup"
import torch
from torch import nn

import checks
from workshop import assets, learn

learn.seed_everything(0)
device = learn.pick_device()
print(f"Running on: {device}")

# %% [markdown]
# ## The target task: is this solar cell defective?
#
# The images show single cells of solar panels under a current. They glow where they work, so cracks and
# dead regions stay dark. Experts labelled them (data set ELPV: Buerhop-Lutz et al. 2018, Deitsch et al. 2019).

# %% locked="load_data"
SIZE = 96  # pixels; larger images cost more time and bring nothing here
train = assets.load_target_data(
    "solar_cells", "train", task="defect", domain="mono", size=SIZE, per_class=100
)
validation = assets.load_target_data(
    "solar_cells", "validation", task="defect", domain="mono", size=SIZE, per_class=50
)
print(f"{len(train.labels)} images to train on, {len(validation.labels)} to validate with.")
learn.show_images(train.images, train.labels, train.class_names)

# %% [markdown]
# `train.inputs()` gives these images as the source model wants them: three channels, normalised like
# its own training images. Keep the two splits apart: the model learns from `train`, and `validation` only
# tells you how well it does.

# %% self_check="module2_implementing"
# pixels_up_to_255

# %% [markdown]
# ## 1. A pretrained backbone with a new head
#
# `assets.load_source_model("efficientnet_lite0")` gives you EfficientNet-Lite0 with its ImageNet weights. Its
# last layer, the module `classifier`, answers with 1,000 kinds of photograph. You need two classes.
#
# **Exercise.** Write `build_model`: load the source model and replace its `classifier` by a new `nn.Linear`
# with as many inputs as before and `num_classes` outputs. Pass `pretrained` on to `load_source_model`.
#
# <details><summary>Hint</summary>
#
# The old layer knows its number of inputs: `model.classifier.in_features`.
#
# </details>

# %% solution="build_model" objective="implement" topic="feature extraction"
def build_model(pretrained: bool = True, num_classes: int = 2) -> nn.Module:
    """EfficientNet-Lite0 with a new head, from ImageNet weights or from random ones."""
    ### BEGIN SOLUTION
    model = assets.load_source_model("efficientnet_lite0", pretrained=pretrained)
    model.classifier = nn.Linear(model.classifier.in_features, num_classes)
    return model
    ### END SOLUTION


# %% test="build_model" points=3
checks.show(lambda: checks.check_head(build_model(), "classifier", outputs=2))
### BEGIN HIDDEN TESTS
source_state = checks.snapshot(assets.load_source_model("efficientnet_lite0"))
graded(
    (1, checks.check_head(build_model(), "classifier", outputs=2)),
    (1, checks.check_unchanged(build_model(), source_state, frozen_outside="classifier")),
    (1, checks.check_from_scratch(build_model(pretrained=False), source_state, outside="classifier")),
    like=new_model,
)
### END HIDDEN TESTS

# %% [markdown]
# From here on, each exercise starts from a model that is known to be right, so that one mistake does not
# follow you through the notebook.

# %% locked="new_model"
def new_model(pretrained: bool = True, seed: int = 0) -> nn.Module:
    """The source model with two outputs, on the device in use. The seed decides the new weights."""
    return assets.load_source_model(
        "efficientnet_lite0", pretrained=pretrained, num_classes=2, seed=seed
    ).to(device)


# %% self_check="module2_implementing"
# head_parameters

# %% [markdown]
# ## 2. Freeze the backbone
#
# In feature extraction the pretrained weights stay as they are. In PyTorch a parameter is *frozen* when its
# `requires_grad` is `False`: no gradient is computed for it and no step changes it.
#
# **Exercise.** Write `freeze_backbone`: after it, exactly the parameters of `classifier` are trainable.
#
# <details><summary>Hint</summary>
#
# Freeze every parameter first, then switch those of `model.classifier` on again.
#
# </details>

# %% solution="freeze_backbone" objective="implement" topic="freezing"
def freeze_backbone(model: nn.Module) -> nn.Module:
    """Freeze everything but the head, and return the model."""
    ### BEGIN SOLUTION
    for parameter in model.parameters():
        parameter.requires_grad = False
    for parameter in model.classifier.parameters():
        parameter.requires_grad = True
    return model
    ### END SOLUTION


# %% test="freeze_backbone" points=3
checks.show(lambda: checks.check_trainable(freeze_backbone(new_model()), "classifier"))
### BEGIN HIDDEN TESTS
graded(
    (2, checks.check_trainable(freeze_backbone(new_model(seed=1)), "classifier")),
    (1, checks.check_unchanged(freeze_backbone(new_model(seed=1)), checks.snapshot(new_model(seed=1)), frozen_outside=())),
    like=new_model,
)
### END HIDDEN TESTS

# %% self_check="module2_implementing"
# flag_on_a_module

# %% [markdown]
# ## 3. Extract the features once
#
# A frozen backbone gives the same features for an image every time. So you compute them **once** and train the
# head on the stored numbers: that is what makes feature extraction so cheap.
#
# Two things must hold while you extract. The model is in **evaluation mode** (`model.eval()`): otherwise
# BatchNorm uses the statistics of the batch and overwrites its stored ones. And **no gradients** are recorded.
#
# EfficientNet-Lite0 gives its features in two steps: `model.forward_features(batch)` ends in feature maps, and
# `model.forward_head(maps, pre_logits=True)` pools them to 1,280 numbers an image.
#
# **Exercise.** Write `extract_features`. Go through `inputs` in batches, in order (`inputs.split(batch_size)`), inside
# `learn.progress(..., "features")`, and join the results on the CPU with `torch.cat`.
#
# <details><summary>Hint</summary>
#
# Wrap the loop in `with torch.no_grad():`, and call `model.eval()` before it.
#
# </details>

# %% solution="extract_features" objective="implement" topic="feature extraction"
def extract_features(model: nn.Module, inputs: torch.Tensor, batch_size: int = 16) -> torch.Tensor:
    """The backbone's features of each input, [N, 1280], on the CPU."""
    ### BEGIN SOLUTION
    model.eval()
    features = []
    with torch.no_grad():
        for batch in learn.progress(inputs.split(batch_size), "features"):
            maps = model.forward_features(batch.to(device))
            features.append(model.forward_head(maps, pre_logits=True).cpu())
    return torch.cat(features)
    ### END SOLUTION


# %% test="extract_features" points=3
checks.show(
    lambda: checks.check_features(
        extract_features(new_model(), train.inputs()[:4]), rows=4, columns=1280
    )
)
### BEGIN HIDDEN TESTS
probe_inputs = train.inputs()[::9]


def model_after_extraction() -> nn.Module:
    model = new_model()
    extract_features(model, probe_inputs)
    return model


graded(
    (2, checks.check_features(extract_features(new_model(), probe_inputs), reference_features(probe_inputs))),
    (1, checks.check_statistics_unmoved(model_after_extraction(), checks.snapshot(new_model()), frozen_outside="classifier")),
    like=new_model,
)
### END HIDDEN TESTS

# %% self_check="module2_implementing"
# features_drift

# %% [markdown]
# ## 4. Measure, in evaluation mode
#
# **Exercise.** Write `evaluate`. It returns two things: the accuracy as a `float`, and the confusion matrix, a tensor of
# counts with a **row for each true class** and a **column for each answer**. Evaluate without gradients and in
# evaluation mode.
#
# <details><summary>Hint</summary>
#
# `matrix[true, answer] += 1` for every image; the accuracy is the share of the diagonal.
#
# </details>

# %% solution="evaluate" objective="evaluate" topic="evaluation"
def evaluate(
    model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, batch_size: int = 16
) -> tuple[float, torch.Tensor]:
    """Accuracy and confusion matrix [2, 2] of the model on labelled images."""
    ### BEGIN SOLUTION
    model.eval()
    matrix = torch.zeros(2, 2, dtype=torch.long)
    with torch.no_grad():
        for batch, truth in zip(inputs.split(batch_size), labels.split(batch_size), strict=True):
            answers = model(batch.to(device)).argmax(dim=1).cpu()
            for true, answer in zip(truth.tolist(), answers.tolist(), strict=True):
                matrix[true, answer] += 1
    accuracy = (matrix.diag().sum() / matrix.sum()).item()
    return accuracy, matrix
    ### END SOLUTION


# %% test="evaluate" points=3
some_inputs, some_labels = train.inputs()[::9], train.labels[::9]
seen = checks.observe_evaluation(evaluate, new_model(), some_inputs, some_labels)
checks.show(
    checks.check_evaluation_mode(seen),
    checks.check_evaluation_result(seen, new_model(), some_inputs, some_labels),
)
### BEGIN HIDDEN TESTS
uneven = torch.cat([torch.where(train.labels == 0)[0][:20], torch.where(train.labels == 1)[0][:9]])
probe_inputs, probe_labels = train.inputs()[uneven], train.labels[uneven]
seen = checks.observe_evaluation(evaluate, new_model(seed=3), probe_inputs, probe_labels)
graded(
    (1, checks.check_evaluation_mode(seen)),
    (2, checks.check_evaluation_result(seen, new_model(seed=3), probe_inputs, probe_labels)),
)
### END HIDDEN TESTS

# %% self_check="module2_implementing"
# method_for_stored_statistics

# %% [markdown]
# ## 5. Train the head
#
# The features are fixed numbers now, and the head is a single linear layer: training it takes a second.
#
# **Exercise.** Write `train_head`: for `epochs` epochs, shuffle the rows, go through them in batches of 32, and
# take a step of `torch.optim.AdamW` with learning rate 1e-3 on the cross-entropy. Return the mean loss of every epoch.
#
# <details><summary>Hint</summary>
#
# `torch.randperm(len(features)).split(32)` gives the shuffled batches of row numbers.
#
# </details>

# %% solution="train_head" objective="implement" topic="training loop"
def train_head(
    head: nn.Linear, features: torch.Tensor, labels: torch.Tensor, epochs: int = 30
) -> list[float]:
    """Train the linear head on stored features; the mean loss of every epoch."""
    ### BEGIN SOLUTION
    where = head.weight.device
    optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(features)).split(32):
            loss = nn.functional.cross_entropy(head(features[rows].to(where)), labels[rows].to(where))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(features))
    return losses
    ### END SOLUTION


# %% test="train_head" points=3
checks.show(checks.check_head_training(checks.observe_head_training(train_head)))
### BEGIN HIDDEN TESTS
graded((3, checks.check_head_training(checks.observe_head_training(train_head, seed=1), seed=1)))
### END HIDDEN TESTS

# %% [markdown]
# ## 6. Feature extraction, put together
#
# **Exercise.** Make `feature_model`: a new pretrained model (`new_model()`), frozen with your `freeze_backbone`, its
# `classifier` trained with your `train_head` on the features of the training images. Keep these features as
# `train_features`, and what `evaluate` says on the validation images as `feature_accuracy` and `feature_matrix`.
#
# <details><summary>Hint</summary>
#
# Five steps: `new_model`, `freeze_backbone`, `extract_features`, `train_head` with the model's `classifier`, `evaluate`.
#
# </details>

# %% solution="feature_extraction" objective="implement" topic="feature extraction"
learn.seed_everything(0)
### BEGIN SOLUTION
feature_model = freeze_backbone(new_model())
train_features = extract_features(feature_model, train.inputs())
train_head(feature_model.classifier, train_features, train.labels)
feature_accuracy, feature_matrix = evaluate(feature_model, validation.inputs(), validation.labels)
### END SOLUTION

# %% test="feature_extraction" points=5
checks.show(
    lambda: checks.check_features(train_features, rows=len(train.labels), columns=1280),
    lambda: checks.check_unchanged(feature_model, checks.snapshot(new_model()), frozen_outside="classifier"),
    lambda: checks.check_accuracy(feature_model, validation, threshold=0.75),
)
### BEGIN HIDDEN TESTS
graded(
    (1, checks.check_features(train_features[::9], reference_features(train.inputs()[::9]))),
    (1, checks.check_unchanged(feature_model, checks.snapshot(new_model()), frozen_outside="classifier")),
    (3, checks.check_accuracy(feature_model, held_out(), threshold(), reserve=held_out("reserve"))),
    like=new_model,
)
### END HIDDEN TESTS

# %% [markdown]
# Nine in ten cells right, or nearly, from a network that never saw one while it learned its features.
# The confusion matrix shows which mistakes are left.

# %% locked="show_feature_matrix"
learn.plot_confusion_matrix(feature_matrix, train.class_names)

# %% [markdown]
# Are these features worth anything, or would any numbers have done that follow from the image? The next cell trains the same head on a
# backbone with **random** weights.

# %% locked="random_backbone"
learn.seed_everything(0)
random_model = freeze_backbone(new_model(pretrained=False))
train_head(random_model.classifier, extract_features(random_model, train.inputs()), train.labels)
random_accuracy = evaluate(random_model, validation.inputs(), validation.labels)[0]
learn.results_table(
    {
        "pretrained backbone": {"validation accuracy": f"{feature_accuracy:.2f}"},
        "random backbone": {"validation accuracy": f"{random_accuracy:.2f}"},
    }
)

# %% [markdown]
# ## 7. Unfreeze the last blocks
#
# The first blocks of a network see edges and textures, which serve any image. The last ones see parts of
# palaces and dogs. *Fine-tuning* lets those last blocks adapt to the new images.
#
# Select layers by **name**, never by position: names survive when the model changes.
#
# **Exercise.** Write `unfreeze_last_blocks`: after it, exactly the parameters of the modules in `FINE_TUNED` are trainable.
#
# <details><summary>Hint</summary>
#
# `model.named_parameters()` gives names such as `blocks.5.0.conv_pw.weight`: does one of the module names, followed by a dot, start it?
#
# </details>

# %% locked="fine_tuned_modules"
FINE_TUNED = ("blocks.5", "blocks.6", "conv_head", "bn2", "classifier")

# %% solution="unfreeze_last_blocks" objective="implement" topic="fine-tuning"
def unfreeze_last_blocks(model: nn.Module) -> nn.Module:
    """Make exactly the modules in FINE_TUNED trainable, and return the model."""
    ### BEGIN SOLUTION
    prefixes = tuple(f"{module}." for module in FINE_TUNED)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name.startswith(prefixes)
    return model
    ### END SOLUTION


# %% test="unfreeze_last_blocks" points=2
checks.show(lambda: checks.check_trainable(unfreeze_last_blocks(new_model()), FINE_TUNED))
### BEGIN HIDDEN TESTS
fine_tuned_modules = ("blocks.5", "blocks.6", "conv_head", "bn2", "classifier")
graded(
    (1, checks.check_trainable(unfreeze_last_blocks(new_model()), fine_tuned_modules)),
    (1, checks.check_trainable(unfreeze_last_blocks(new_model().requires_grad_(False)), fine_tuned_modules)),
    like=new_model,
)
### END HIDDEN TESTS

# %% self_check="module2_implementing"
# unfrozen_but_unmoved

# %% [markdown]
# ## 8. Two learning rates
#
# The head is new and has everything to learn. The pretrained blocks hold useful features, and large steps would
# destroy them. So the optimizer gets two **parameter groups**: the head learns with 1e-3, the unfrozen blocks with 1e-4.
#
# **Exercise.** Write `build_optimizer`: an `AdamW` with these two groups and `weight_decay=0.01`. Every trainable
# parameter is in exactly one group, and no frozen one is in any.
#
# <details><summary>Hint</summary>
#
# Two lists of parameters: those whose name starts with `classifier.`, and the other trainable ones.
#
# </details>

# %% solution="build_optimizer" objective="implement" topic="parameter groups"
def build_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """AdamW with one group for the head and one for the unfrozen backbone."""
    ### BEGIN SOLUTION
    head, backbone = [], []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            (head if name.startswith("classifier.") else backbone).append(parameter)
    return torch.optim.AdamW(
        [{"params": backbone, "lr": 1e-4}, {"params": head, "lr": 1e-3}], weight_decay=0.01
    )
    ### END SOLUTION


# %% locked="partly_frozen"
def partly_frozen() -> nn.Module:
    """A model of which FINE_TUNED is trainable."""
    model = new_model().requires_grad_(False)
    for module in FINE_TUNED:
        model.get_submodule(module).requires_grad_(True)
    return model


# %% test="build_optimizer" points=4
model = partly_frozen()
checks.show(
    lambda: checks.check_coverage(build_optimizer(model), model),
    lambda: checks.check_learning_rates(build_optimizer(model), model),
    lambda: checks.check_weight_decay(build_optimizer(model), model, 0.01),
)
### BEGIN HIDDEN TESTS
model = partly_frozen()
graded(
    (2, checks.check_coverage(build_optimizer(model), model)),
    (1, checks.check_learning_rates(build_optimizer(model), model)),
    (1, checks.check_weight_decay(build_optimizer(model), model, 0.01)),
)
### END HIDDEN TESTS

# %% self_check="module2_implementing"
# two_rates

# %% [markdown]
# ## 9. Training mode, with one exception
#
# `model.train()` switches **every** BatchNorm layer to the statistics of the batch, frozen or not, and
# overwrites the stored ones. A frozen layer whose statistics drift is not frozen. So put the model into training
# mode, and then the BatchNorm layers of the frozen part back into evaluation mode.
#
# **Exercise.** Write `set_training_mode`. A BatchNorm layer belongs to the frozen part when its `weight` does not
# require a gradient.
#
# <details><summary>Hint</summary>
#
# Go through `model.modules()` and ask `isinstance(module, nn.BatchNorm2d)`.
#
# </details>

# %% solution="set_training_mode" objective="troubleshoot" topic="BatchNorm"
def set_training_mode(model: nn.Module) -> None:
    """Training mode for what trains, evaluation mode for the BatchNorm layers of what is frozen."""
    ### BEGIN SOLUTION
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad:
            module.eval()
    ### END SOLUTION


# %% test="set_training_mode" points=2
model = partly_frozen()
checks.show(lambda: (set_training_mode(model), checks.check_eval_mode(model, frozen_outside=FINE_TUNED))[1])
### BEGIN HIDDEN TESTS
def in_training_mode(model: nn.Module) -> nn.Module:
    set_training_mode(model)
    return model


def head_only() -> nn.Module:
    model = new_model().requires_grad_(False).eval()
    model.classifier.requires_grad_(True)
    return model


graded(
    (1, checks.check_eval_mode(in_training_mode(partly_frozen()), frozen_outside=FINE_TUNED)),
    (1, checks.check_eval_mode(in_training_mode(head_only()), frozen_outside="classifier")),
    like=new_model,
)
### END HIDDEN TESTS

# %% [markdown]
# ## 10. Fine-tune
#
# **Exercise.** Write `fine_tune`: in every epoch, call `set_training_mode`, go through the shuffled images in batches
# of 16 with a progress bar, and take optimizer steps on the cross-entropy. After every epoch, append the accuracy on the
# validation images to a list, and return that list.
#
# <details><summary>Hint</summary>
#
# `evaluate` switches the model to evaluation mode, so `set_training_mode` belongs inside the loop over the epochs.
#
# </details>

# %% solution="fine_tune" objective="implement" topic="fine-tuning"
def fine_tune(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    epochs: int = 3,
) -> list[float]:
    """Train the model's trainable part; the validation accuracy after every epoch."""
    ### BEGIN SOLUTION
    accuracies = []
    for epoch in range(epochs):
        set_training_mode(model)
        batches = torch.randperm(len(inputs)).split(16)
        for rows in learn.progress(batches, f"epoch {epoch + 1} of {epochs}"):
            loss = nn.functional.cross_entropy(model(inputs[rows].to(device)), labels[rows].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        accuracies.append(evaluate(model, validation.inputs(), validation.labels)[0])
    return accuracies
    ### END SOLUTION


# %% test="fine_tune" points=2
def short_training(model, inputs, labels, epochs):
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    return fine_tune(model, optimizer, inputs, labels, epochs)


loop = checks.observe_loop(
    short_training, partly_frozen(), train.inputs()[::9], train.labels[::9], trained=FINE_TUNED
)
checks.show(checks.check_loop_mode(loop), checks.check_loop_epochs(loop))
### BEGIN HIDDEN TESTS
loop = checks.observe_loop(short_training, partly_frozen(), train.inputs()[::7], train.labels[::7], trained=FINE_TUNED)
graded(
    (1, checks.check_loop_mode(loop)),
    (1, checks.check_loop_epochs(loop)),
)
### END HIDDEN TESTS

# %% [markdown]
# ## 11. Use it
#
# Fine-tuning starts where feature extraction ended, with a head that already works: a random head
# would send large, meaningless gradients into the pretrained blocks. This takes about ten seconds.
#
# **Exercise.** Make `tuned_model`: a `new_model()` with the trained head of `feature_model`. Unfreeze its last blocks, and train it with
# your `fine_tune` and `build_optimizer` on the training images. Keep the list of accuracies as `tuned_curve`.
#
# <details><summary>Hint</summary>
#
# `tuned_model.classifier.load_state_dict(feature_model.classifier.state_dict())` copies the head. Unfreeze before you build the
# optimizer: `build_optimizer` takes what is trainable at that moment.
#
# </details>

# %% solution="run_fine_tuning" objective="implement" topic="fine-tuning"
learn.seed_everything(0)
### BEGIN SOLUTION
tuned_model = new_model()
tuned_model.classifier.load_state_dict(feature_model.classifier.state_dict())
unfreeze_last_blocks(tuned_model)
tuned_curve = fine_tune(tuned_model, build_optimizer(tuned_model), train.inputs(), train.labels)
### END SOLUTION

# %% test="run_fine_tuning" points=6
checks.show(
    lambda: checks.check_unchanged(tuned_model, checks.snapshot(new_model()), frozen_outside=FINE_TUNED),
    lambda: checks.check_moved(tuned_model, checks.snapshot(new_model()), FINE_TUNED),
    lambda: checks.check_accuracy(tuned_model, validation, threshold=0.75),
)
### BEGIN HIDDEN TESTS
graded(
    (2, checks.check_unchanged(tuned_model, checks.snapshot(new_model()), frozen_outside=FINE_TUNED)),
    (1, checks.check_moved(tuned_model, checks.snapshot(new_model()), FINE_TUNED)),
    (3, checks.check_accuracy(tuned_model, held_out(), threshold(), reserve=held_out("reserve"))),
    like=new_model,
)
### END HIDDEN TESTS

# %% [markdown]
# ## 12. The same network from scratch
#
# Was it the pretraining that helped, or would any network have done? Give the same network the same images and the
# same number of epochs, but random weights to start from. Everything trains, so one learning rate of 1e-3 serves all.
#
# **Exercise.** Write `count_trainable`. Then make `scratch_model` (`new_model(pretrained=False)`), and train all of
# it with your `fine_tune`, for 3 epochs; keep the list it returns as `scratch_curve`. This takes about 20 seconds.
#
# <details><summary>Hint</summary>
#
# `parameter.numel()` is the number of values in a parameter. An optimizer over all of `scratch_model.parameters()` needs no groups.
#
# </details>

# %% solution="train_from_scratch" objective="evaluate" topic="training from scratch"
learn.seed_everything(0)


def count_trainable(model: nn.Module) -> int:
    """How many numbers of the model training may change."""
    ### BEGIN SOLUTION
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    ### END SOLUTION


### BEGIN SOLUTION
scratch_model = new_model(pretrained=False)
scratch_optimizer = torch.optim.AdamW(scratch_model.parameters(), lr=1e-3)
scratch_curve = fine_tune(scratch_model, scratch_optimizer, train.inputs(), train.labels)
### END SOLUTION

# %% test="train_from_scratch" points=3
checks.show(
    lambda: checks.check_from_scratch(scratch_model, checks.snapshot(new_model()), outside="classifier"),
    lambda: checks.check_moved(scratch_model, checks.snapshot(new_model(pretrained=False)), ""),
    lambda: checks.check_value("count_trainable", count_trainable(nn.Linear(3, 2)), 8),
)
### BEGIN HIDDEN TESTS
half_frozen = nn.Sequential(nn.Linear(7, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))
half_frozen[0].requires_grad_(False)
graded(
    (1, checks.check_from_scratch(scratch_model, checks.snapshot(new_model()), outside="classifier")),
    (1, checks.check_moved(scratch_model, checks.snapshot(new_model(pretrained=False)), "")),
    (1, checks.check_value("count_trainable", count_trainable(half_frozen), 28)),
    like=new_model,
)
### END HIDDEN TESTS

# %% [markdown]
# ## The comparison
#
# Same images, same number of epochs, three results. The accuracies are for validation images: hidden tests measure your
# models again on cells that you have never seen.

# %% locked="compare"
models = {
    "feature extraction": feature_model,
    "fine-tuning": tuned_model,
    "from scratch": scratch_model,
}
matrices = {
    name: evaluate(model, validation.inputs(), validation.labels)[1] for name, model in models.items()
}
learn.results_table(
    {
        name: {
            "trainable parameters": f"{count_trainable(model):,}",
            "validation accuracy": f"{(matrices[name].diag().sum() / matrices[name].sum()).item():.2f}",
        }
        for name, model in models.items()
    }
)

# %% locked="curves"
learn.plot_learning_curves({"fine-tuning": tuned_curve, "from scratch": scratch_curve})

# %% [markdown]
# With 100 validation images an accuracy is only known to within some 7 points. Is fine-tuning
# really better than feature extraction here, or could it be chance? And is there any doubt about training
# from scratch?

# %% locked="show_tuned_matrix"
learn.plot_confusion_matrix(matrices["fine-tuning"], train.class_names)

# %% [markdown]
# ## 13. Read the confusion matrix
#
# A missed defect leaves a broken cell in the panel; a false alarm costs an inspection. Accuracy does not
# tell the two apart, the confusion matrix does. Class 0 is `intact`, class 1 is `defective`.
#
# **Exercise.** Write `read_confusion`. It returns the *recall* of the defects, which is the share of the truly defective cells
# that were found, and the *false alarm rate*, the share of the intact cells that were called defective.
#
# <details><summary>Hint</summary>
#
# The rows are the truth: row 1 holds all truly defective cells.
#
# </details>

# %% solution="read_confusion" objective="evaluate" topic="evaluation"
def read_confusion(matrix: torch.Tensor) -> tuple[float, float]:
    """Recall of the defects and false alarm rate, from counts [2, 2] with a row for each true class."""
    ### BEGIN SOLUTION
    recall = (matrix[1, 1] / matrix[1].sum()).item()
    false_alarms = (matrix[0, 1] / matrix[0].sum()).item()
    return recall, false_alarms
    ### END SOLUTION


# %% test="read_confusion" points=2
checks.show(
    lambda: checks.check_value("recall", read_confusion(torch.tensor([[40, 10], [20, 30]]))[0], 0.6),
    lambda: checks.check_value("false alarm rate", read_confusion(torch.tensor([[40, 10], [20, 30]]))[1], 0.2),
)
### BEGIN HIDDEN TESTS
unbalanced = torch.tensor([[81, 9], [3, 12]])
graded(
    (1, checks.check_value("recall", read_confusion(unbalanced)[0], 0.8)),
    (1, checks.check_value("false alarm rate", read_confusion(unbalanced)[1], 0.1)),
)
### END HIDDEN TESTS

# %% [markdown]
# ## 14. Think about it
#
# A maker of solar panels has 200 labelled images of cells and one afternoon on a laptop; a year later, 200,000 images from
# a new kind of cell and a GPU. Which of the three ways would you take each time, and why? Refer to numbers from
# your own table and curves, and name one thing that could go wrong with your choice, with its remedy. (100 to 200 words;
# a person reads and grades this one.)

# %% [markdown] reflection="choose_a_way" points=4 objective="evaluate" topic="choosing a method"
# === BEGIN MARK SCHEME ===
# One point each:
# * 200 images: feature extraction (or fine-tuning of the last blocks), because few trained parameters
#   overfit less and the features serve; training from scratch is ruled out with the measured numbers.
# * 200,000 images: fine-tuning of most or all layers; scratch is a defensible second choice when a comparison is proposed.
# * The learner's own numbers are used rightly, with their uncertainty (no claim that a 1 to 2 point gap is real).
# * A risk with a remedy that fits: overfitting (early stopping, augmentation), forgetting (low rate, gradual unfreezing),
#   drifting BatchNorm statistics (evaluation mode), domain shift (target labels, a new evaluation).
# === END MARK SCHEME ===
# ### BEGIN SOLUTION
# With 200 images I would take feature extraction: the head has only 2,562 numbers to learn, it took a second, and with about
# 0.88 on the validation images it was as good as fine-tuning within the uncertainty of 100 images, while training from
# scratch was close to guessing after the same number of epochs. With 200,000 images of a new kind of cell and a GPU I would
# fine-tune most layers, with a lower rate for the early blocks, and compare with training from scratch, which such an amount of
# data may support. What could go wrong: the new cells look different from those that I validated with, so that the accuracy
# that I report does not hold. I would label a few hundred of the new cells and measure on them before anything else.
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
# You built a feature extractor and a fine-tuned model with your own hands, and you measured what pretraining is worth:
# with 200 images it is the difference between a useful model and a coin.

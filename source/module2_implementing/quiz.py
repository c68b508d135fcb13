# %% [markdown]
# # Module 2: how to do it
#
# Each section starts with a self-check: it tells you at once whether you are right, and why, and you may try as often as you like.
# The questions after it count. For them, only the *form* of your answer is checked here; points and explanations come with the
# feedback.
#
# Click an answer, or type it into the cell below the question: `"B"`, `["A", "C"]`, `True`, `42`. Your answers are saved
# with the notebook.

# %% [markdown]
# ## 1. Feature extraction or fine-tuning

# %% self_check="module2_implementing"
# features_stored_once

# %% quiz="module2_implementing"
# when_extraction_wins
# workflow_difference
# most_flexible
# extraction_steps
# gradual_unfreezing

# %% [markdown]
# ## 2. Learning rates and other hyperparameters

# %% self_check="module2_implementing"
# collapse_at_high_rate

# %% quiz="module2_implementing"
# hyperparameter_of_transfer

# %% [markdown]
# ## 3. LoRA

# %% self_check="module2_implementing"
# lora_scaling

# %% quiz="module2_implementing"
# lora_parameters
# lora_on_query_and_value
# minilm_lora_count
# after_merging
# when_lora_pays

# %% [markdown]
# ## How far you have come
#
# Run all cells, then look here for questions that are not answered yet or cannot be read.

# %% progress="overview"

# %% [markdown]
# # Module 1: what transfer learning is
#
# Each section starts with a self-check: it tells you at once whether you are right, and why, and you may try as often as you like.
# The questions after it count. For them, only the *form* of your answer is checked here; points and explanations come with the
# feedback.
#
# Click an answer, or type it into the cell below the question: `"B"`, `["A", "C"]`, `True`, `42`. Your answers are saved
# with the notebook.

# %% [markdown]
# ## 1. What it brings

# %% self_check="module1_concepts"
# sign_of_efficiency

# %% quiz="module1_concepts"
# transfer_needs_more
# pretraining_gain

# %% [markdown]
# ## 2. Tasks and domains, source and target

# %% self_check="module1_concepts"
# target_of_a_recogniser

# %% quiz="module1_concepts"
# parts_of_a_domain
# mono_to_poly
# same_images_new_question
# without_source_data
# close_source

# %% [markdown]
# ## 3. Kinds of transfer

# %% self_check="module1_concepts"
# report_or_comment

# %% quiz="module1_concepts"
# typical_of_adaptation
# task_kept_domain_changed
# unlabelled_tool_reviews

# %% [markdown]
# ## 4. How much of the model to train

# %% self_check="module1_concepts"
# early_layers_general

# %% quiz="module1_concepts"
# low_rate_protects
# base_kept_as_it_is
# distant_target
# name_of_the_technique
# four_phases

# %% [markdown]
# ## How far you have come
#
# Run all cells, then look here for questions that are not answered yet or cannot be read.

# %% progress="overview"

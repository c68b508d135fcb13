# %% [markdown]
# # Module 3: is it any good, and what went wrong
#
# Each section starts with a self-check: it tells you at once whether you are right, and why, and you may try as often as you like.
# The questions after it count. For them, only the *form* of your answer is checked here; points and explanations come with the
# feedback.
#
# Click an answer, or type it into the cell below the question: `"B"`, `["A", "C"]`, `True`, `42`. Your answers are saved
# with the notebook.

# %% [markdown]
# ## 1. Which source model

# %% self_check="module3_evaluating"
# model_for_a_phone

# %% quiz="module3_evaluating"
# choice_of_source
# megabytes_of_weights

# %% [markdown]
# ## 2. Forgetting, and transfer that harms

# %% self_check="module3_evaluating"
# why_networks_forget

# %% quiz="module3_evaluating"
# staying_good_at_a
# forgotten_or_outvoted
# proof_of_negative_transfer
# suspected_source
# satellites_and_microscopes

# %% [markdown]
# ## 3. When the domain shifts

# %% self_check="module3_evaluating"
# no_labels_for_evaluation

# %% quiz="module3_evaluating"
# standardised_by_domain
# gap_closed
# other_hospital
# signs_of_shift

# %% [markdown]
# ## 4. Overfitting, and numbers that mislead

# %% self_check="module3_evaluating"
# towards_the_source

# %% quiz="module3_evaluating"
# falling_validation_curve
# interval_of_an_accuracy
# balanced_accuracy
# two_points_ahead
# best_of_forty
# fair_baseline
# lead_shrinks

# %% [markdown]
# ## How far you have come
#
# Run all cells, then look here for questions that are not answered yet or cannot be read.

# %% progress="overview"

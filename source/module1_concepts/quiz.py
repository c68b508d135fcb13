# %% [markdown]
# # Quiz: what transfer learning is
#
# Answer by clicking, or write your answer into the cell below each question. Your answers are saved with the notebook; you can change them until you hand
# it in. You see your points, and what each of your answers shows, when it has been graded.

# %% quiz="module1_concepts"

# %% [markdown]
# ## How far you have come
#
# Run all cells (*Run*, *Run All Cells*), then look here before you hand in.

# %% progress="overview"

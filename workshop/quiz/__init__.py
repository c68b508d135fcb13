"""Quizzes: questions written once as text, answered in notebooks, scored with the rest."""

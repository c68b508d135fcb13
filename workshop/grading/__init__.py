"""Grading: execute submissions, score their cells, keep the grades, give feedback, export."""

"""Confinement: a kernel that sees Python, the data and its own work, and nothing else."""

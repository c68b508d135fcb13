"""The transfer-learning workshop: assets for learners, and the instructor's engine around them.

Only ``workshop.assets`` and ``workshop.learn`` travel with the student's package. This file imports
nothing, so that importing them never asks for the engine.
"""

__version__ = "0.1.0"

"""What keeps the notebooks short: seeds and devices, progress bars, pictures and tables.

Student side: imports nothing of the engine.
"""

from workshop.learn.pictures import (
    plot_confusion_matrix,
    plot_learning_curves,
    results_table,
    show_images,
)
from workshop.learn.running import pick_device, progress, seed_everything

__all__ = [
    "pick_device",
    "plot_confusion_matrix",
    "plot_learning_curves",
    "progress",
    "results_table",
    "seed_everything",
    "show_images",
]

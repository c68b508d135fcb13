"""What a learner's notebook checks its own work with.

Each ``check_...`` looks at the learner's work and gives a :class:`Verdict`: what was found, what
was expected, and what to try next. Hidden tests use the same checks on other data. Nothing here
knows a calibrated threshold, a key or a held-out label.
"""

from checks.accuracy import Measurement, check_accuracy, measure, wilson_interval
from checks.data import check_features, check_value
from checks.display import show
from checks.evaluation import (
    check_evaluation_mode,
    check_evaluation_result,
    observe_evaluation,
)
from checks.freezing import (
    check_eval_mode,
    check_moved,
    check_statistics_unmoved,
    check_trainable,
    check_unchanged,
    snapshot,
)
from checks.guard import CheckCrashed, guard
from checks.head import check_from_scratch, check_head
from checks.optimizer import check_coverage, check_learning_rates, check_weight_decay
from checks.overview import progress
from checks.quiz import Form, Key, check_answer, check_form
from checks.sealing import unseal
from checks.training import (
    check_head_training,
    check_loop_epochs,
    check_loop_mode,
    observe_head_training,
    observe_loop,
)
from checks.verdict import Status, Verdict

__all__ = [
    "CheckCrashed",
    "Form",
    "Key",
    "Measurement",
    "Status",
    "Verdict",
    "check_accuracy",
    "check_answer",
    "check_coverage",
    "check_eval_mode",
    "check_evaluation_mode",
    "check_evaluation_result",
    "check_features",
    "check_form",
    "check_from_scratch",
    "check_head",
    "check_head_training",
    "check_learning_rates",
    "check_loop_epochs",
    "check_loop_mode",
    "check_moved",
    "check_statistics_unmoved",
    "check_trainable",
    "check_unchanged",
    "check_value",
    "check_weight_decay",
    "guard",
    "measure",
    "observe_evaluation",
    "observe_head_training",
    "observe_loop",
    "progress",
    "show",
    "snapshot",
    "unseal",
    "wilson_interval",
]

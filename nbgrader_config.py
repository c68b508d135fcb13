"""The course's nbgrader configuration: settings only, read by nbgrader and `workshop` alike."""

import os

c = get_config()  # noqa: F821 - nbgrader puts it into this file's namespace

# --- The course and its folders -------------------------------------------------------------

c.CourseDirectory.course_id = "transfer_learning"
# Made from the text in source/ by `workshop build`. Thresholds and wrong solutions lie beside it,
# never inside: nbgrader copies every file of its source directory to the students.
c.CourseDirectory.source_directory = "source/notebooks"
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.submitted_directory = "submitted"
c.CourseDirectory.autograded_directory = "autograded"
c.CourseDirectory.feedback_directory = "feedback"

# Never copied, to students or from them: what an editor leaves behind, scripts (a student's own
# `checks.py` would hide ours), instructors' files that strayed here.
c.CourseDirectory.ignore = [
    ".*",
    "__pycache__",
    "*.py",
    "*.pyc",
    "*.so",
    "*.db",
    "calibration.json",
    "variants.yaml",
    "wrong",
    "right",
    "feedback",
]

# nbgrader's own exchange folder, unless the environment names another.
if os.environ.get("WORKSHOP_EXCHANGE"):
    c.Exchange.root = os.environ["WORKSHOP_EXCHANGE"]

# Released by the exchange is only what can be graded: with every accuracy threshold measured.
c.ExchangeFactory.release_assignment = "workshop.authoring.release_steps.ReleaseAssignment"

# `nbgrader zip_collect` reads zip files from Canvas and Moodle; this file tells who is who there.
c.ZipCollectApp.collector_plugin = "workshop.grading.platform_zip.PlatformCollector"
c.PlatformCollector.students = "students.csv"
# Any other file is named <student>_<notebook>.ipynb, unless you say so here.
c.PlatformCollector.named_regexp = r".*/(?P<student_id>[A-Za-z0-9.@-]+)_(?P<file_id>\w+)\.ipynb$"

# --- Release: what is done to a notebook before students get it -----------------------------

# nbgrader's steps with three changes. Ours clears solutions as nbgrader's ClearSolutions does, but
# an unanswered question is `name = None` rather than code that stops. Left out: header and footer,
# and AUTOTEST, which would run the notebook. Moved: the mark scheme goes before checksums are taken
# and cells are saved, because nbgrader gives an untouched answer 0 only if it is the text that was
# saved.
c.GenerateAssignment.preprocessors = [
    "nbgrader.preprocessors.LockCells",
    "workshop.authoring.release_steps.ClearAnswers",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.SaveCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# Our mark schemes stand in written answers; nbgrader knows them for its task cells only.
c.ClearMarkScheme.enforce_metadata = False

# --- Grading: what is done to what students hand in -----------------------------------------

# The steps in workshop/grading/nbgrader_steps.py stand here rather than in a program of ours, so
# that `nbgrader autograde`, the formgrader's button and `workshop grade` give the same scores.
# Reads old formats too, and rejects what cannot be graded instead of leaving it at 0.
c.Autograde.exporter_class = "workshop.grading.nbgrader_steps.SubmissionExporter"
# First pass. Ours restores what nbgrader's OverwriteCells leaves to the student: tags (one of
# them keeps a test from running, for full marks), deleted and doubled cells. What it puts into the
# metadata is the assignment's own, so there is nothing for CheckCellMetadata to find.
c.Autograde.sanitize_preprocessors = ["workshop.grading.nbgrader_steps.RestoreSubmission"]
# Second pass. nbgrader's Execute runs where the hidden tests lie and loses a submission whose
# kernel dies; its scoring gives full marks for any last value that is not a number. There is no
# grading without execution: `--no-execute` has no effect.
c.Autograde.autograde_preprocessors = [
    "workshop.grading.nbgrader_steps.ExecuteSubmission",
    "workshop.grading.nbgrader_steps.StrictSaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.LimitOutput",
]
# What being late costs, for an assignment that has a due date: docs/instructor/late.md. Who has
# more time stands in extensions.yaml.
c.AssignLatePenalties.plugin_class = "workshop.grading.late.LateRule"
c.LateRule.per_day = 0  # for each day begun; 0 takes nothing off
c.LateRule.unit = "percent of the maximum"  # or "percent of the score", or "points"
c.LateRule.at_most = None  # never more than that, in the same unit
c.LateRule.grace_minutes = 0  # so late costs nothing
# Seconds. A whole reference solution takes at most 180 on two cores.
c.ExecuteSubmission.cell_seconds = 300
c.ExecuteSubmission.notebook_seconds = 1200
c.ExecuteSubmission.startup_seconds = 120
c.ExecuteSubmission.interrupt_seconds = 10
# Students' code sees Python, the data and its own work, and nothing else: `workshop doctor` tells
# whether this machine can do that. "none" runs it in the clear, as nbgrader does.
c.ExecuteSubmission.confinement = "bubblewrap"
# Kernels are forked from a process that has imported the libraries: ready at once, same grades.
c.ExecuteSubmission.warm_kernels = True
c.ExecuteSubmission.memory_mb = 6144
# On a GPU as many submissions compute at the same time as have room there with this much each.
c.ExecuteSubmission.gpu_memory_mb = 8192
# "tf32" is faster on a GPU, less exact, and has thresholds of its own: docs/instructor/gpu.md.
c.ExecuteSubmission.precision = "float32"
c.ExecuteSubmission.processes = 64

# --- Pages: what others wrote is shown, and does nothing -------------------------------------

# For feedback and for the formgrader: scripts, frames, forms and the like are taken out of
# outputs and texts; pictures and tables stay. Local files stay out of pages (embed_images).
c.HTMLExporter.preprocessors = [
    "workshop.grading.inert.InertView",
    # The rubric above each written answer, in the formgrader only.
    "workshop.grading.rubric.ShowRubric",
]
c.FeedbackExporter.preprocessors = ["workshop.grading.inert.InertView"]
c.HTMLExporter.filters = {
    "markdown2html": "workshop.grading.inert.markdown_filter",
    "highlight_code": "workshop.grading.inert.highlight_filter",
}
c.HTMLExporter.embed_images = False

# --- Feedback: what students see of it ------------------------------------------------------

# Pages without any script, which work without a network: one for each notebook, and feedback.html
# with the results of the whole assignment.
c.GenerateFeedback.exporter_class = "workshop.reports.feedback_exporter.ResultsExporter"
# Right answers to quiz items are told for these assignments only, e.g. ["module1_concepts"]: when
# nobody can hand in any more, and you do not need the questions again.
c.ResultsExporter.show_keys_of = []
# StudentView takes out hidden tests, mark schemes and every output that repeats them.
c.GenerateFeedback.preprocessors = [
    "workshop.grading.nbgrader_steps.GetStudentGrades",
    "workshop.grading.nbgrader_steps.StudentView",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]

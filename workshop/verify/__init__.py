"""Proof that an assignment grades right: stubs fail, solutions pass, wrong solutions are caught."""

from workshop.verify.report import VerifyReport
from workshop.verify.run import Reach, verify
from workshop.verify.variants import Variant, load_variants, patched

__all__ = ["Reach", "Variant", "VerifyReport", "load_variants", "patched", "verify"]

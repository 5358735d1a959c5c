"""Records in: every row of every file ends as accepted, accepted with warnings, rejected or out of scope.

Nothing is guessed and nothing is dropped in silence: a reject or a warning names the row, the column and what was
expected there, and never shows a personal value.
"""

from riskflags.intake.account import CODES, Counts, Reject, RowWarning
from riskflags.intake.assemble import Admitted
from riskflags.intake.reading import FileRead, Intake, read

__all__ = ["CODES", "Admitted", "Counts", "FileRead", "Intake", "Reject", "RowWarning", "read"]

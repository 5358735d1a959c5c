"""A mapping proposed for an extract that none knows: what is sure, what is guessed, and what only its author can say.

Nothing is guessed in silence: whatever is not sure is an open question of the file, and `run` refuses it until none is
left.
"""

from riskflags.authoring.proposal.columns import Placed
from riskflags.authoring.proposal.table import Proposal, mapping_name, propose
from riskflags.authoring.proposal.write import as_mapping

__all__ = ["Placed", "Proposal", "as_mapping", "mapping_name", "propose"]

"""What comes out for one incident: flags, requirements with their states, gaps, and what could not be decided.

These are values: frozen, comparable, picklable, and the same as data (`model_dump`) or JSON.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, PrivateAttr

from riskflags.model import Grade, Severity, State

if TYPE_CHECKING:
    from riskflags.explanation import Explanation, GradeExplanation

_STORED = "this assessment was stored and read back: assess the incident again to explain it"
SeverityName = Annotated[
    Severity,
    BeforeValidator(lambda value: Severity[value] if isinstance(value, str) else value),
    PlainSerializer(str),
]


GradeName = Annotated[
    Grade,
    BeforeValidator(lambda value: Grade[value] if isinstance(value, str) else value),
    PlainSerializer(str),
]


class Explain(Protocol):
    """What explains the rules of one assessment: the case it was read from."""

    def __call__(self, rule: str, suspect: str | None, *, show_personal: bool) -> Explanation:
        """Return the explanation of a rule."""
        ...


class ExplainGrade(Protocol):
    """What explains the grade of one assessment."""

    def __call__(self, *, show_personal: bool) -> GradeExplanation:
        """Return the explanation of the grade."""
        ...


class Result(BaseModel):
    """One line of an assessment. Moments that were computed are aware datetimes in the pack's timezone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_post_init(self, context: Any, /) -> None:
        """Count every field as given: one set of their names for all lines of a sort takes half the memory."""
        super().model_post_init(context)
        object.__setattr__(self, "__pydantic_fields_set__", _names_of(type(self)))


@cache
def _names_of(sort: type[Result]) -> set[str]:
    return set(sort.model_fields)


class Flag(Result):
    """A rule that fired on a record, and on one suspect where the rule says for_each.

    `could_be` is the worst severity that is still possible, with `severity_needs`; `because` holds the ids of the
    records that made it so, the record itself among them.
    """

    incident_id: str
    child_id: str | None
    suspect_id: str | None
    rule_code: str
    rule_id: str
    rule_version: int
    title: str
    severity: SeverityName
    could_be: SeverityName
    severity_needs: tuple[str, ...]
    about: str
    message: str
    because: tuple[str, ...]


class Requirement(Result):
    """A safeguarding action that one or more flags require, and where it stands.

    Due between `due_from` and `due_at`, which differ where the anchor's time is not exactly known; None where no
    anchor is known. `recorded_at` is as it was recorded, with or without a time; `recorded_by` is the role of who did
    it, or waived it. `short_of` lists recorded steps that fall short of the action; `severity` is the worst of the
    rules that ask.
    """

    incident_id: str
    child_id: str | None
    suspect_id: str | None
    action: str
    action_code: str
    label: str
    owner: str
    core: bool
    due_from: datetime | None
    due_at: datetime | None
    state: State
    recorded_at: str | None
    recorded_outcome: str | None
    recorded_by: str | None
    short_of: tuple[str, ...]
    needs: tuple[str, ...]
    severity: SeverityName
    rules: tuple[str, ...]

    @property
    def is_gap(self) -> bool:
        """True when there is no record of the action in time."""
        return self.state.is_gap


class Undecided(Result):
    """A rule that could not be decided, what is missing, and the worst severity that it could have."""

    incident_id: str
    child_id: str | None
    suspect_id: str | None
    rule_code: str
    rule_id: str
    rule_version: int
    severity: SeverityName
    needs: tuple[str, ...]


class NotAssessed(Result):
    """A rule that is undecided only for what the source of the record never holds."""

    rule_code: str
    rule_id: str
    fields: tuple[str, ...]


class Caution(Result):
    """Something that a reader of the assessment should know."""

    code: str
    field: str
    message: str


class CaseGrade(Result):
    """How well a record says that the case was handled, by the conditions of the pack; indicative, not an inspection.

    `could_be` is the worst grade that is still possible, with the `needs` that would settle it.
    """

    grade: GradeName
    could_be: GradeName
    needs: tuple[str, ...] = ()


class Assessment(Result):
    """All of it for one incident at `as_of`.

    `grade` is None where no flag was raised, and where the pack has no grades.
    `not_yet` is True for a record whose time is after as_of: it takes no part. `engines_disagree` names the rules on
    which the two engines gave different verdicts; no flag of either is lost.
    """

    incident_id: str
    child_id: str | None
    as_of: datetime
    pack_id: str
    pack_version: str
    pack_digest: str
    flags: tuple[Flag, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    not_assessed: tuple[NotAssessed, ...] = ()
    warnings: tuple[Caution, ...] = ()
    grade: CaseGrade | None = None
    engines_disagree: tuple[str, ...] = ()
    not_yet: bool = False
    _explain: Explain | None = PrivateAttr(default=None)
    _explain_grade: ExplainGrade | None = PrivateAttr(default=None)

    @property
    def gaps(self) -> tuple[Requirement, ...]:
        """The required actions with no record in time."""
        return tuple(requirement for requirement in self.requirements if requirement.is_gap)

    def explained_by(self, explain: Explain, grade: ExplainGrade | None) -> None:
        """Take what explains this assessment and its grade, if it has one, from the engine that made it."""
        self._explain = explain
        self._explain_grade = grade

    def explain(self, rule: str, *, suspect: str | None = None, show_personal: bool = False) -> Explanation:
        """Return why a rule, by id or code, fired, cleared or is undecided on this record.

        For a rule that is decided once per suspect, `suspect` picks one; else the worst is taken. Values of personal
        fields print as <date> or <text> unless `show_personal`. Raises
        LookupError for an unknown rule, and for an assessment that was pickled, copied or read back: assess it again.
        """
        if self._explain is None:
            raise LookupError(_STORED)
        return self._explain(rule, suspect, show_personal=show_personal)

    def explain_grade(self, *, show_personal: bool = False) -> GradeExplanation:
        """Return why the case has its grade: the conditions that were looked at, with actual values and places.

        Raises LookupError where there is no grade, and as `explain` does.
        """
        if self.grade is None:
            msg = "this record has no grade: no flag was raised, or the pack has no grades"
            raise LookupError(msg)
        if self._explain_grade is None:
            raise LookupError(_STORED)
        return self._explain_grade(show_personal=show_personal)

    def __getstate__(self) -> dict[Any, Any]:
        state = dict(super().__getstate__())
        state["__pydantic_private__"] = {"_explain": None, "_explain_grade": None}
        return state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Assessment) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash((self.incident_id, self.child_id, self.as_of, self.pack_digest))

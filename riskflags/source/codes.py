"""Every code that a problem of a pack can have: what it means, and what to write instead.

`PROBLEMS` is the one table that the loader, `riskflags check`, the docs and the tests read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ProblemCode:
    """One code: what is wrong, in a few words, and what to do about it.

    A code that begins with RFW is a warning: the pack still loads, and the code can be switched off.
    """

    code: str
    means: str
    instead: str

    @property
    def is_warning(self) -> bool:
        """True where the pack still loads."""
        return self.code.startswith("RFW")


PROBLEMS: Mapping[str, ProblemCode] = {
    one.code: one
    for one in (
        ProblemCode(
            "RF001",
            "the file is not the YAML that rules are written in",
            "Keys with values, lists and text, indented with spaces, one document a file. No tabs, anchors, aliases, "
            "tags or merge keys, and no key twice. What YAML would share by an anchor has a name in vocabulary.yaml.",
        ),
        ProblemCode(
            "RF002",
            "a file or folder cannot be read, or is not where it belongs",
            "A pack is a folder with pack.yaml in it. Each rule is a .yaml file in the folder of its family.",
        ),
        ProblemCode(
            "RF010",
            "an unknown key",
            "The message names the keys that are known in that place, and the nearest.",
        ),
        ProblemCode(
            "RF011",
            "two things in one item, or a bare list of conditions",
            "One condition an item, each with a dash, under a word that joins them: all, any, none or at_least_of.",
        ),
        ProblemCode(
            "RF012",
            "a key without a value after a comma in braces",
            "Inside braces a comma ends the text. Put text that holds a comma in quotes, or write the keys in lines of "
            "their own.",
        ),
        ProblemCode("RF013", "a key that is needed is missing", "Add the key; the message shows what it takes."),
        ProblemCode(
            "RF020",
            "a value that is not of the form that is asked for",
            "Write it in the form that the message shows: `24 hours`, `2026-03-31`, one of the words that are listed. "
            "Text that looks like a number needs quotes.",
        ),
        ProblemCode(
            "RF101",
            "an unknown list, parameter, condition, action, role, source, rule or family",
            "Use the nearest name that the message shows, or define the name where such names stand.",
        ),
        ProblemCode("RF102", "a name that is taken twice", "Give one of the two another name."),
        ProblemCode(
            "RF103",
            "a file whose name is not that of its rule",
            "A rule stands in a file named after its id; an earlier version in <id>.v1.yaml beside it.",
        ),
        ProblemCode(
            "RF104",
            "an unknown field or derived value",
            "`riskflags fields` lists the fields; derived values stand in vocabulary.yaml or in the rule.",
        ),
        ProblemCode(
            "RF105",
            "an operator that does not fit the kind of the field",
            "Use one of the operators that the message lists for the kind.",
        ),
        ProblemCode(
            "RF106",
            "a code that is not in the code list of the field",
            "Use the nearest code that the message shows. `riskflags fields` lists the codes of each field.",
        ),
        ProblemCode(
            "RF107",
            "two values that cannot be compared",
            "Compare like with like: two dates, two moments, two numbers of one unit.",
        ),
        ProblemCode(
            "RF110",
            "a suspect is read where no suspect is chosen",
            "Add for_each: suspects, so that the rule is decided once for each suspect.",
        ),
        ProblemCode(
            "RF111",
            "a name that cannot be read here",
            "In a look-up, plain names are those of the looked-at item, and this.<name> is the current record's. "
            "Actions, markers and, without for_each, suspects are read by look-ups.",
        ),
        ProblemCode(
            "RF120",
            "a cycle, or a rule that requires what it reads",
            "Take one of the readings on the path out. A rule that reads the gap of an action does not require it: "
            "the rules that raised the gap already ask.",
        ),
        ProblemCode(
            "RF130",
            "a look-up that lacks something, has too much, or reaches too far",
            "A look-up over records says by what they belong together and how far back; one over the record's own "
            "lists says neither. It reads other records, but not what those look up in turn.",
        ),
        ProblemCode(
            "RF131",
            "a condition that can never hold, or always holds",
            "Change one of the lines that the message names: together they leave nothing to decide.",
        ),
        ProblemCode(
            "RF140",
            "an action without owner, or a deadline that cannot be worked out",
            "Name the role that owns the action, and the moment from which its deadline counts. Working days need a "
            "calendar in pack.yaml.",
        ),
        ProblemCode(
            "RF150",
            "an active rule, or an example, that lacks something",
            "An active rule has a source, a first day, an example that fires and one that clears, and over its "
            "examples each of its comparisons has been both true and false. Until then say status: draft.",
        ),
        ProblemCode(
            "RF151",
            "dates that overlap, run backwards or leave a gap",
            "End the older version the day before the newer begins. Give a parameter a value from the first day on "
            "which a rule needs it.",
        ),
        ProblemCode(
            "RF160",
            "a question that is still open in a mapping",
            "Answer it in the mapping, as the message says, and take it out of `open`. `riskflags map` writes such "
            "questions; until none is left no file is read by the mapping.",
        ),
        ProblemCode(
            "RF170",
            "a message that cannot be filled in, or would show a personal value",
            "Name an id, an age or a count in the braces.",
        ),
        ProblemCode("RFW201", "a name that nothing uses", "Take it out, or use it."),
        ProblemCode(
            "RFW202",
            "the same condition in three rules or more",
            "Give it a name under conditions in vocabulary.yaml, and say {use: name} in the rules.",
        ),
        ProblemCode(
            "RFW203",
            "a bare number that wants to be a parameter",
            "Give the number a name under params in vocabulary.yaml, with its source or default: local, so that it can "
            "be changed in one place and with a date.",
        ),
        ProblemCode(
            "RFW204",
            "`none` on a field that is rarely filled",
            "Where the field is blank the rule is undecided. Put what stops a rule only when it is known under unless.",
        ),
        ProblemCode(
            "RFW205",
            "a deadline from a moment that no example records",
            "Record the moment in an example, and say which gap comes out: or nobody sees the deadline work.",
        ),
        ProblemCode(
            "RFW206",
            "a rule whose review day has passed",
            "Read the rule and its sources again, and write the next day under review.",
        ),
        ProblemCode(
            "RFW207",
            "a part of a condition that can never hold where it stands, or always does",
            "Take the part out, or change the line that settles it.",
        ),
        ProblemCode(
            "RFW208",
            "two rules with one meaning",
            "Retire one of them, or let them differ in what they ask.",
        ),
        ProblemCode(
            "RFW209",
            "words that blame a child",
            "Say what was done to the child, and by whom. Persons of 16 and 17 are children. The words are those that "
            "the appropriate language guide of The Children's Society and NAPAC and lists of local areas name; the "
            "inspectorate of constabulary told every chief constable in 2023 to end such language.",
        ),
        ProblemCode(
            "RFW210",
            "words that say more than a record can tell",
            'What is not on record may have been done, and what nobody wrote down may be a risk: write "no record of".',
        ),
        ProblemCode(
            "RFW211",
            "a title, why, message, label or limit that is hard to read",
            "Write shorter words, and sentences of 25 words at most. The reading age is the Automated Readability "
            "Index plus five: 15 years at most, for a text of 12 words or more.",
        ),
    )
}

"""What the online engine must come through in a process of its own: `python scenarios.py survive`.

Each scenario ends with exit code 0, or with an AssertionError, or the process dies with it.
"""

from __future__ import annotations

import gc
import os
import random
import resource
import sys
import threading
import warnings
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from riskflags.condition import Comparison, Condition, Constant, Group, Named, Reference, Row, holds
from riskflags.model import Codes, Number, Value
from riskflags.online import Online

if TYPE_CHECKING:
    from collections.abc import Mapping

LONG = "x" * 9_000_000
NESTED = "[" * 500_000 + "]" * 500_000
SAME_HASH = ("KA848400480", "NHS942185370")  # for durable_rules they are one name


def check(questions: Mapping[str, Condition], *rows: Mapping[str, Value]) -> None:
    """Ask, and compare each answer with that of `holds`."""
    online = Online(questions)
    for known in rows:
        row = Row(known)
        answers = online.ask(row)
        assert answers.keys() == questions.keys()
        for name, condition in questions.items():
            assert answers[name].agrees_with(holds(condition, row)), (name, answers[name])
    online.close()


def compare(name: str, operator: str, *operands: Value) -> Comparison:
    """Return a comparison with constants."""
    return Comparison(name, operator, tuple(map(Constant, operands)))


def exact(number: int) -> Number:
    """Return a number that is exactly known."""
    return Number(number, number)


def yes(name: str) -> Comparison:
    """Return the condition that a name is yes."""
    return compare(name, "is", True)


# ---- the known ways to crash or deceive durable_rules, through the front door ----------------------------------------


def names_of_its_own() -> None:
    """Fields that are called like its own, like its operators, and like nothing at all."""
    names = (
        "id",
        "sid",
        "$s",
        "$m",
        "$and",
        "$or",
        "$not",
        "$nex",
        "$prime",
        "g",
        "p0",
        "p1",
        "m",
        "",
        '"',
        "\\",
        LONG,
    )
    check({name: yes(name) for name in names}, {}, dict.fromkeys(names, True), dict.fromkeys(names, False))
    check({name: Group("none", (yes(name),)) for name in names}, {}, dict.fromkeys(names, True))


def texts() -> None:
    """Long text, JSON in text, escapes, half a surrogate pair, equal hashes, numbers as text."""
    words = (
        LONG,
        NESTED,
        *SAME_HASH,
        "Smith",
        "Smith John",
        'a"b',
        "a\nb",
        "a\\b",
        "\x00",
        "\ud800",
        "5",
        "5.0",
        "true",
        "",
    )
    questions: dict[str, Condition] = {str(n): compare("t", "is", word) for n, word in enumerate(words)}
    questions |= {f"in {n}": compare("t", "in", Codes(frozenset(words[: n + 1]))) for n in range(len(words))}
    questions["same"] = Comparison("t", "is", (Reference("u"),))
    check(questions, {}, *({"t": word, "u": other} for word, other in zip(words, words[1:] + words[:1], strict=True)))


def numbers() -> None:
    """Zero, the largest and the smallest, more places than there are, and what JSON would write with an exponent."""
    texts_ = (
        "0",
        "-0",
        "1E-7",
        "1E+16",
        "1E+22",
        "-1E+40",
        "9007199254740993",
        "9223372036854775808",
        "0.1",
        "0.1000001",
    )
    values = [Number(Decimal(text), Decimal(text)) for text in texts_]
    operators = ("is", "is_not", "at_least", "more_than", "at_most", "less_than")
    questions: dict[str, Condition] = {
        f"{o} {n}": compare("n", o, value) for o in operators for n, value in enumerate(values)
    }
    questions |= {o: Comparison("n", o, (Reference("m"),)) for o in operators}
    check(questions, {}, *({"n": a, "m": b} for a in values for b in values))


def shapes() -> None:
    """As many rules as break it: on one leaf, from many roots, in groups of nothing, in groups of groups of groups."""
    check({f"{n}": Group("all", (yes(f"f{n}"), yes("leaf"))) for n in range(300)}, {}, {"leaf": True, "f7": True})
    check({f"{n}": compare("n", "is", exact(n)) for n in range(600)}, {}, {"n": exact(599)})
    check({"": Group("any", tuple(compare("t", "is", str(n)) for n in range(600)))}, {}, {"t": "599"}, {"t": "600"})
    check({k: Group(k, ()) for k in ("all", "any", "none", "at_least_of")}, {})
    deep: Condition = yes("f")
    for n in range(60):
        deep = Group("any", (Named("deep", Group("none", (deep, yes(f"f{n}")))), yes(f"g{n}")))
    check({"deep": deep}, {}, {"f": True}, {f"f{n}": False for n in range(60)})


def lives() -> None:
    """Engines that are built, closed, dropped half used, never used, and left to the end of the process."""
    for n in range(300):
        online = Online({"a": yes("f"), "b": Group("any", tuple(yes(f"f{i}") for i in range(n)))})
        if n % 3:
            online.ask(Row({"f": True}))
        if n % 2:
            online.close()
            online.close()
    gc.collect()
    left = Online({"a": yes("f")})
    assert left.ask(Row({"f": True}))["a"].agrees_with(answer=True)


def survive() -> None:
    """All of the above."""
    names_of_its_own()
    texts()
    numbers()
    shapes()
    lives()


# ---- threads, forks, and a long life ---------------------------------------------------------------------------------


def mixed(seed: int) -> tuple[dict[str, Condition], list[dict[str, Value]]]:
    """Return sixty questions of a few comparisons, and as many rows, some of which know little."""
    chance = random.Random(seed)
    gate = yes("gate")
    questions: dict[str, Condition] = {}
    for n in range(60):
        some = tuple(
            compare("n", chance.choice(("at_least", "less_than")), exact(chance.randrange(9))) for _ in range(3)
        )
        questions[str(n)] = Group(
            "all", (gate, Group("at_least_of", some, 2), compare("t", "is_not", chance.choice("abc")))
        )
    rows: list[dict[str, Value]] = []
    for _ in range(60):
        low = chance.randrange(9)
        full: dict[str, Value] = {
            "gate": chance.random() < 0.8,
            "n": Number(low, low + chance.randrange(3)),
            "t": chance.choice("abcd"),
        }
        rows.append({name: value for name, value in full.items() if chance.random() < 0.9})
    return questions, rows


def fork() -> None:
    """Fork again and again while other threads are asking: every child answers, and so does the parent."""
    questions, rows = mixed(1)
    online = Online(questions)
    right = {n: {name: holds(c, Row(known)) for name, c in questions.items()} for n, known in enumerate(rows)}
    wrong: list[int] = []
    stop = threading.Event()

    def agrees(n: int) -> bool:
        answers = online.ask(Row(rows[n]))
        return all(answers[name].agrees_with(answer) for name, answer in right[n].items())

    def ask_on() -> None:
        while not stop.is_set():
            wrong.extend(n for n in range(len(rows)) if not agrees(n))

    threads = [threading.Thread(target=ask_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of a fork with threads: that is the point
    for _ in range(40):
        child = os.fork()
        if not child:
            os._exit(0 if all(map(agrees, range(len(rows)))) else 1)
        assert os.waitpid(child, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


def resident() -> int:
    """Return the bytes of memory that this process holds now; its peak would begin at that of its parent."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def grow() -> None:
    """Ask 100,000 times, about texts that are never the same: less than 20 MB more."""
    questions, rows = mixed(2)
    online = Online({name: questions[name] for name in list(questions)[:10]})
    before = 0
    for n in range(110_000):
        if n == 10_000:
            before = resident()
        online.ask(Row({**rows[n % len(rows)], "t": f"text {n}"}))
    assert resident() - before < 20_000_000


if __name__ == "__main__":
    {"survive": survive, "fork": fork, "grow": grow}[sys.argv[1]]()

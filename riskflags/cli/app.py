"""The commands and their options. What a command does is imported when it is called, so that help is quick."""

# ruff: noqa: FBT001, FBT002, PLR0917 - typer makes each option an argument, and a switch one that is true or false
# ruff: noqa: PLC0415 - what a command needs is imported when it is called
# ruff: noqa: ARG001 - an option with a callback has done its work there

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from riskflags.cli.exits import Refused, exit_code

if TYPE_CHECKING:
    from collections.abc import Sequence


class Commands(TyperGroup):
    """The group of commands, with our exit codes and words for what goes wrong."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command; in standalone mode leave the process with its exit code."""
        run, expand, given = super().main, windows_expand_args, extra | {"standalone_mode": False}
        code = exit_code(lambda: run(args, prog_name, complete_var, windows_expand_args=expand, **given))
        if standalone_mode:
            sys.exit(code)
        return code


app = typer.Typer(
    cls=Commands,
    help="Child safeguarding: incident records in; risk flags, required actions and gaps out.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def commands() -> int:
    """Run the command that the arguments of the process name; return the exit code."""
    return int(app(standalone_mode=False, prog_name="riskflags"))


Files = Annotated[list[str], typer.Argument(metavar="FILE", help="CSV or JSON lines; - is standard input.")]
Rules = Annotated[Path | None, typer.Option(metavar="DIR", help="A pack of rules [default: the shipped one].")]
Mapping = Annotated[str | None, typer.Option(metavar="NAME|FILE", help="How the columns of the files are read.")]
Actions = Annotated[str | None, typer.Option(metavar="FILE", help="Actions done, keyed by incident.id.")]
Suspects = Annotated[str | None, typer.Option(metavar="FILE", help="Suspects, keyed by incident.id.")]
Markers = Annotated[str | None, typer.Option(metavar="FILE", help="Markers, keyed by incident.id.")]
AsOf = Annotated[
    str | None, typer.Option(metavar="WHEN", help="As things stood then: 2026-03-31T17:00 [default: now].")
]
Record = Annotated[str | None, typer.Option(metavar="MODULE:CLASS", help="A model of the record with more fields.")]
Drafts = Annotated[bool, typer.Option("--drafts", help="Run draft rules too.")]
ShowPersonal = Annotated[bool, typer.Option("--show-personal", help="Show values of personal fields.")]
Overlays = Annotated[
    list[Path] | None, typer.Option("--overlay", metavar="FILE", help="Tune parameters, lists and status; repeatable.")
]
PackFolder = Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A pack of rules [default: the shipped one].")]


def _version(value: bool) -> None:
    """Print the version and stop, where it was asked for."""
    if value:
        from riskflags.shipped import library_version

        typer.echo(f"riskflags {library_version()}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Say what is missing where no command is given; typer calls this before each command."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise Refused("say which command to run")


@app.command()
def run(
    files: Files,
    rules: Rules = None,
    mapping: Mapping = None,
    actions: Actions = None,
    suspects: Suspects = None,
    markers: Markers = None,
    as_of: AsOf = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the files of the run into this folder.")
    ] = None,
    form: Annotated[
        Literal["csv", "jsonl", "parquet", "xlsx"],
        typer.Option("--format", metavar="csv|jsonl|parquet|xlsx", help="Form of the files; xlsx is one workbook."),
    ] = "csv",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page for a browser, all in one file.")
    ] = None,
    marking: Annotated[
        str, typer.Option(metavar="TEXT", help="Protective marking on the page and on every printed sheet of it.")
    ] = "OFFICIAL-SENSITIVE",
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the requirements as JUnit XML.")] = None,
    fail_on: Annotated[
        Literal["low", "medium", "high", "critical"] | None,
        typer.Option(metavar="LEVEL", help="Exit with 1 for a flag or a gap at or above this severity."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 where rows were rejected.")] = False,
    backend: Annotated[
        Literal["auto", "record", "duckdb", "spark"],
        typer.Option(
            metavar="auto|record|duckdb|spark",
            help="One record after another, or all at once on DuckDB or Spark; auto takes the faster of the first two. "
            "Answers are the same.",
        ),
    ] = "auto",
    master: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where Spark runs, such as local[4]; else as Spark is configured."),
    ] = None,
    verify: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Records of a run all at once to decide one at a time too, and compare."),
    ] = 200,
    memory_limit: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Memory of a DuckDB run, such as 4GB; the rest is spilled to a folder."),
    ] = None,
    record: Record = None,
    overlay: Overlays = None,
    drafts: Drafts = False,
    show_personal: ShowPersonal = False,
) -> None:
    """Run the rules over incident records and show the gaps."""
    from riskflags.cli.inputs import Inputs, Terms
    from riskflags.cli.run import RunOptions, run_rules

    options = RunOptions(
        inputs=Inputs(tuple(files), mapping, actions, suspects, markers),
        terms=Terms(rules, as_of, record, drafts=drafts, show_personal=show_personal, overlays=tuple(overlay or ())),
        out=out,
        form=form,
        fail_on=fail_on,
        strict=strict,
        html=html,
        junit=junit,
        marking=marking,
        backend=backend,
        verify=verify,
        memory_limit=memory_limit,
        master=master,
    )
    raise typer.Exit(run_rules(options))


@app.command()
def demo() -> None:
    """Run the shipped rules over the shipped synthetic cases."""
    from riskflags.cli.demo import show_demo

    raise typer.Exit(show_demo())


@app.command()
def check(
    folder: PackFolder = None,
    form: Annotated[
        Literal["text", "json", "sarif"],
        typer.Option(
            "--format", metavar="text|json|sarif", help="For people, for editors and scripts, or for code hosts."
        ),
    ] = "text",
    ignore: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Leave out warnings of this code, such as RFW203.")
    ] = None,
    record: Record = None,
) -> None:
    """Show every problem in a pack of rules."""
    from riskflags.cli.packs import check_pack

    raise typer.Exit(check_pack(folder, record=record, form=form, ignore=ignore or ()))


@app.command("test")
def examples(
    folder: PackFolder = None,
    rule: Annotated[str | None, typer.Option(metavar="ID", help="One rule, by id or code, or one condition.")] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the results as JUnit XML too.")] = None,
    form: Annotated[
        Literal["text", "json"],
        typer.Option("--format", metavar="text|json", help="For people, or for programs."),
    ] = "text",
    record: Record = None,
) -> None:
    """Run the examples of a pack, and show what they do not cover.

    It fails where an example comes out otherwise, or a comparison was never both true and false. A branch that never
    decided alone is shown, and does not fail.
    """
    from riskflags.cli.examples import try_examples

    raise typer.Exit(try_examples(folder, record=record, only=rule, junit=junit, form=form))


@app.command()
def explain(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV or JSON lines; - is standard input.")],
    incident: Annotated[str, typer.Option(metavar="ID", help="The incident.")],
    child: Annotated[str | None, typer.Option(metavar="ID", help="The child, where the incident has several.")] = None,
    rule: Annotated[str | None, typer.Option(metavar="ID", help="One rule, by id or code.")] = None,
    grade: Annotated[bool, typer.Option("--grade", help="The indicative grade, in place of rules.")] = False,
    form: Annotated[
        Literal["text", "tree", "json"],
        typer.Option("--format", metavar="text|tree|json", help="Lines, a drawn tree, or data for programs."),
    ] = "text",
    rules: Rules = None,
    mapping: Mapping = None,
    actions: Actions = None,
    suspects: Suspects = None,
    markers: Markers = None,
    as_of: AsOf = None,
    record: Record = None,
    overlay: Overlays = None,
    drafts: Drafts = False,
    show_personal: ShowPersonal = False,
) -> None:
    """Show why rules fired, cleared or are undecided on one incident, or why the case has its grade."""
    from riskflags.cli.explain import Asked, explain_incident
    from riskflags.cli.inputs import Inputs, Terms

    inputs = Inputs((file,), mapping, actions, suspects, markers)
    terms = Terms(rules, as_of, record, drafts=drafts, show_personal=show_personal, overlays=tuple(overlay or ()))
    raise typer.Exit(explain_incident(inputs, terms, Asked(incident, child, rule, grade=grade), form=form))


@app.command()
def fields(
    prefix: Annotated[str, typer.Argument(metavar="[PREFIX]", help="Only paths that begin so: child.")] = "",
    record: Record = None,
) -> None:
    """List the fields that rules can read."""
    from riskflags.cli.packs import list_fields

    raise typer.Exit(list_fields(prefix, record=record))


@app.command("copy")
def copy_pack(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
) -> None:
    """Copy the shipped rules into a folder of your own."""
    from riskflags.cli.authoring import copy_rules

    raise typer.Exit(copy_rules(folder))


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="FAMILY/ID", help="Where the rule belongs, and its id.")],
    rules: Annotated[Path | None, typer.Option(metavar="DIR", help="Your pack of rules [default: rules].")] = None,
    title: Annotated[str, typer.Option(metavar="TEXT", help="What the flag is about.")] = "",
    why: Annotated[str, typer.Option(metavar="TEXT", help="Why it matters to a child.")] = "",
    when: Annotated[
        list[str] | None,
        typer.Option(metavar='"FIELD OPERATOR VALUE"', help='A comparison: "child.in_care is yes". Once or more.'),
    ] = None,
    use: Annotated[list[str] | None, typer.Option(metavar="NAME", help="A named condition of the pack.")] = None,
    action: Annotated[list[str] | None, typer.Option(metavar="NAME", help="An action that the flag requires.")] = None,
    severity: Annotated[str, typer.Option(metavar="LEVEL", help="low, medium, high or critical.")] = "medium",
    about: Annotated[str, typer.Option(metavar="WHOM", help="child, suspect or incident.")] = "child",
    source: Annotated[str, typer.Option(metavar="NAME", help="A source of sources.yaml.")] = "",
    says: Annotated[str, typer.Option(metavar="TEXT", help="What the source says.")] = "",
) -> None:
    """Begin a new rule. On a terminal it asks for what you leave out."""
    from riskflags.cli.authoring import Asked, begin_rule

    asked = Asked(
        title=title, why=why, severity=severity, about=about, source=source, says=says, use=tuple(use or ()),
        when=tuple(when or ()), actions=tuple(action or ()),
    )  # fmt: skip
    raise typer.Exit(begin_rule(name, asked, rules))


@app.command("example")
def pseudonymised(
    file: Annotated[str, typer.Option("--from", metavar="FILE", help="CSV or JSON lines; - is standard input.")],
    row: Annotated[int, typer.Option(metavar="N", help="The row in which the record begins.")],
    rule: Annotated[str, typer.Option(metavar="ID", help="The rule that it is an example of, by id or code.")],
    rules: Rules = None,
    mapping: Mapping = None,
    actions: Actions = None,
    suspects: Suspects = None,
    markers: Markers = None,
    as_of: AsOf = None,
    record: Record = None,
) -> None:
    """Print a real record as a pseudonymised example of a rule."""
    from riskflags.cli.authoring import print_example
    from riskflags.cli.inputs import Inputs

    inputs = Inputs((file,), mapping, actions, suspects, markers)
    raise typer.Exit(print_example(inputs, row=row, rule=rule, rules=rules, as_of=as_of, record=record))


@app.command()
def fmt(
    paths: Annotated[list[Path] | None, typer.Argument(metavar="[DIR|FILE]...", help="[default: rules]")] = None,
    only_check: Annotated[bool, typer.Option("--check", help="Change nothing; exit with 2 if one would.")] = False,
) -> None:
    """Write the files of a pack in one layout, comments and all."""
    from riskflags.cli.authoring import lay_out

    raise typer.Exit(lay_out(paths or (), only_check=only_check))


@app.command()
def schema(
    folder: PackFolder = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the schemas go.")] = Path("schemas"),
    record: Record = None,
) -> None:
    """Write JSON Schemas of a pack, with which an editor completes and checks its files."""
    from riskflags.cli.authoring import write_schemas

    raise typer.Exit(write_schemas(folder, out=out, record=record))


@app.command("docs")
def reference(
    folder: PackFolder = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the pages go.")] = Path("reference"),
    examples: Annotated[
        Path | None, typer.Option("--problems", metavar="DIR", help="Show problems of the packs in here as examples.")
    ] = None,
    record: Record = None,
) -> None:
    """Write the reference of the language, the pack and the commands as pages of Markdown."""
    from riskflags.cli.reference import write_pages

    raise typer.Exit(write_pages(folder, out=out, examples=examples, app=app, record=record))


@app.command("map")
def mapping_for(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A CSV that no mapping knows; - is standard input.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file that is not there yet [default: NAME.mapping.yaml].")
    ] = None,
    record: Record = None,
) -> None:
    """Propose a mapping for a CSV: what is sure, what is guessed and what its author has to say.

    Whatever is not sure is a question in the file, and run refuses the mapping until each is answered.
    """
    from riskflags.cli.mapping import propose_mapping

    raise typer.Exit(propose_mapping(file, out=out, record=record))


@app.command()
def mappings() -> None:
    """List the shipped mappings of real file formats."""
    from riskflags.cli.packs import list_mappings

    raise typer.Exit(list_mappings())

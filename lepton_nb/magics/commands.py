"""The subcommands, in the order of the work they do."""

from __future__ import annotations

from lepton_nb.magics import (
    attach,
    compare,
    data,
    deploy,
    deployments,
    doctor,
    evaluate,
    export,
    form,
    logs,
    lr,
    lr_find,
    model,
    new,
    note,
    pause,
    predict,
    resume,
    rollback,
    runs,
    schedule,
    service,
    stop,
    train,
    tune,
)
from lepton_nb.magics.parser import MagicParser

_MODULES = (
    data,
    model,
    train,
    form,
    tune,
    lr_find,
    schedule,
    evaluate,
    deploy,
    service,
    predict,
    runs,
    note,
    compare,
    resume,
    attach,
    pause,
    lr,
    stop,
    logs,
    deployments,
    rollback,
    export,
    new,
    doctor,
)

_EXAMPLE = """\
Every command has its own help, such as %lepton train --help, and is a function of the same name in lepton_nb.

Try it:
  %lepton data digits                              # real data that comes along
  %lepton train SmallCNN --data digits --name cnn  # or your own model, by variable name
  %lepton evaluate cnn
  %lepton deploy cnn
"""


def build_parser() -> MagicParser:
    """The parser of a whole `%lepton` line; each result's ``run`` is the subcommand's function."""
    parser = MagicParser(
        prog="%lepton",
        usage="%(prog)s COMMAND ...",
        description="From a PyTorch model in this notebook to a running service.",
        epilog=_EXAMPLE,
    )
    subparsers = parser.add_subparsers(
        dest="command",
        metavar="COMMAND",
        title="commands",
        required=True,
        prog="%lepton",
        parser_class=MagicParser,
    )
    for module in _MODULES:
        module.add_parser(subparsers).set_defaults(run=module.run)
    return parser

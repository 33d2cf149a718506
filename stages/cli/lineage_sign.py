"""Sign an adapter's seal with your SSH key; `plumbline lineage verify ADAPTER --signers FILE` checks it.

The signature lies beside the folder (models/adapters/RECIPE.sig). An adapter whose own folder differs from its seal
is not signed.
"""

import argparse
from pathlib import Path

from stages.params import UserError


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("adapter", metavar="ADAPTER", help="a recipe, or a folder such as models/adapters/RECIPE")
    parser.add_argument(
        "--key", type=Path, required=True, metavar="FILE", help="private key, or a public one that your ssh-agent has"
    )


def command(given: argparse.Namespace) -> int:
    """Sign; UserError for a folder that is not as sealed."""
    from stages.lineage.reading import open_adapter
    from stages.lineage.signature import sign
    from stages.lineage.verify.hashing import hash_files, usable_cores
    from stages.lineage.verify.own import check_own, own_paths

    opened = open_adapter(given.adapter)
    hashed = hash_files(own_paths(opened), usable_cores())
    for finding in check_own(opened, hashed):
        if finding.kind == "differs":
            raise UserError(f"{finding.file} {finding.what}; it is not signed. Remedy: {finding.remedy}.")
    path = sign(opened, given.key)
    print(f"signed: {path}\ncheck it with `plumbline lineage verify {given.adapter} --signers FILE`")
    return 0

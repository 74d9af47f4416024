"""Whose code runs: that of packages which this user's own store made, unless they say otherwise."""

from __future__ import annotations

import os

from lepton_nb.errors import PackageError
from lepton_nb.packaging.package import Package


def require_own(package: Package) -> None:
    """Refuse code that this user's own store did not produce."""
    from lepton_nb.runs import RunStore

    store = RunStore()
    about = store.root.stat()
    if about.st_uid != os.getuid() or about.st_mode & 0o002:
        raise PackageError(
            f"{package.path} would run Python code on the word of the store {store.root}, "
            "which is another user's or open to everybody.",
            f"chmod o-w {store.root}, or set LEPTON_HOME to a folder of your own.",
        )
    if store.find_package_by_sha(package.sha256) is None:
        raise PackageError(
            f"{package.path} would run Python code, and is not a package of this user's store.",
            "Build it here with %lepton deploy, or start the server with --trust.",
        )

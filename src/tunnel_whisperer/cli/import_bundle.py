"""``tw import``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from ..audit import note
from ..base.errors import Misuse
from ..bundle import BundleContents, install_backup, install_bundle
from ..profile import Context, Contexts, Profile, check_context_name, suggested_name
from ..tenancy import check_signed_role
from .bundle_file import add_open_flags, open_file
from .context_lines import about, next_step, print_still_served
from .place import contexts_of, start_logging
from .uninterrupted import uninterrupted

EXAMPLE = "tw import alice-tw-config.zip --activate"

_OWN_KEY = {"relay": "ssh_host_ed25519_key", "server": "id_ed25519", "client": "id_ed25519"}
"""The key that makes an identity the one that it is."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", metavar="FILE.zip", help="a user's file, or one of tw export context")
    parser.add_argument("--name", help="what to call the context (default: user, server id or relay)")
    parser.add_argument("--activate", action="store_true", help="switch to it")
    parser.add_argument("--force", action="store_true", help="replace the context of that name")
    add_open_flags(parser)


def run(args: argparse.Namespace) -> int:
    """Make a context out of a file; a newer file of the same user brings its context up to date."""
    start_logging(args, None)
    if args.name is not None:
        check_context_name(args.name)
    contexts = contexts_of(args)
    before = contexts.chosen()
    contents = open_file(args, Path(args.file))
    activate = args.activate or before is None
    twin = _twin(contexts, contents)
    updated = twin if contents.config.mode == "client" and not args.force else None
    with uninterrupted():
        if updated is not None:
            context, done = _update(updated, contents, args)
        else:
            context, done = _add(contexts, twin, contents, args, activate=activate), "imported"
        if activate:
            contexts.use(context)
    print(f"{done}: {context}: {about(context)}")
    now = contexts.chosen()
    if now is not None and now.id == context.id:
        print(f"  active now; next: {next_step(context)}")
    else:
        print(f"  next: tw use {context.name}")
    print_still_served(before, now or context)
    if contents.config.mode != "client" and not about(context).elsewhere:
        print("tw: this identity must run on one machine at a time", file=sys.stderr)
    return 0


def _twin(contexts: Contexts, contents: BundleContents) -> Context | None:
    """The context that is this very identity already."""
    name = _OWN_KEY[contents.config.mode]
    for context in contexts.survey()[0]:
        try:
            if (context.profile.directory / name).read_bytes() == contents.files[name]:
                return context
        except OSError:
            continue
    return None


def _update(twin: Context, contents: BundleContents, args: argparse.Namespace) -> tuple[Context, str]:
    """Returns the context and what was done to it."""
    if args.name not in (None, twin.name):
        raise Misuse(
            "exists",
            f"{twin} is this identity",
            hint=f"tw rename context {twin.name} {args.name}, then again",
        )
    installed = install_bundle(twin.profile, contents)
    if installed.client.revision > contents.config.client.revision:
        return twin, "left as it was, which is newer than the file (--force takes the file)"
    return twin, "brought up to date"


def _add(
    contexts: Contexts,
    twin: Context | None,
    contents: BundleContents,
    args: argparse.Namespace,
    *,
    activate: bool,
) -> Context:
    name = args.name or (
        twin.name if twin is not None else suggested_name(contents.config, _public(contents))
    )
    there = next((context for context in contexts.survey()[0] if context.name == name), None)
    if not args.force:
        _must_be_new(twin, there)

    def fill(profile: Profile) -> None:
        _fill(profile, contents, args.file)
        if twin is not None:  # the same identity goes on with its record of what was done
            _keep_audit(twin.profile, profile)

    context = contexts.create(name, fill, activate=activate, replaces=twin or there)
    if contents.config.mode != "client":  # a client keeps no record
        note(context.profile, "identity-changed", fields=["all, by tw import"])
    return context


def _must_be_new(twin: Context | None, there: Context | None) -> None:
    if twin is not None:
        raise Misuse(
            "exists",
            f"{twin} is this identity already, perhaps with newer records than the file's",
            hint=f"tw export context {twin.name}, then again with --force, which replaces it",
        )
    if there is not None:
        raise Misuse(
            "exists",
            f"there is a context {there} already, and it is another identity",
            hint="--name NAME keeps both, --force replaces that one",
        )


def _fill(profile: Profile, contents: BundleContents, file: str) -> None:
    if contents.config.mode == "client":
        install_bundle(profile, contents)
    else:
        install_backup(profile, contents)
    try:
        check_signed_role(contents.config, profile)
    except Misuse as exc:  # it is told of a directory that nobody will see
        exc.where = file
        raise


def _keep_audit(before: Profile, now: Profile) -> None:
    """The same files under both directories, until the old one goes."""
    if not before.audit.is_dir():
        return
    now.audit.mkdir(mode=0o700)
    for path in before.audit.iterdir():
        if path.is_file() and path.name != ".lock":
            try:
                os.link(path, now.audit / path.name)
            except OSError:  # a file system without links
                shutil.copy2(path, now.audit / path.name)


def _public(contents: BundleContents) -> str:
    return contents.files.get("id_ed25519.pub", b"").decode("utf-8", "replace")

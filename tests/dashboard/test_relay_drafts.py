"""Orders from one page to the next."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

from tests.kit.clock import run
from tunnel_whisperer.base.errors import Misuse
from tunnel_whisperer.base.limits import MAX_RELAY_DRAFTS, RELAY_DRAFT_S
from tunnel_whisperer.dashboard.relay_drafts import Drafts


def _gone(drafts: Drafts, owner: str, draft_id: str) -> bool:
    try:
        drafts.get(owner, draft_id)
    except Misuse as exc:
        return exc.code == "no-such-name"
    return False


def test_it_is_its_owners_and_never_shows_what_is_in_it() -> None:
    async def main() -> None:
        drafts = Drafts()
        draft = drafts.make("browser-1", "relay.example.org", "hetzner")
        draft.credentials = {"token": SecretStr("s3cret")}
        assert drafts.get("browser-1", draft.id) is draft and "s3cret" not in repr(draft)
        assert _gone(drafts, "browser-2", draft.id) and _gone(drafts, "browser-1", "other")
        drafts.drop(draft.id)
        drafts.drop(draft.id)
        assert _gone(drafts, "browser-1", draft.id)

    run(main())


def test_who_does_not_go_on_loses_it_and_each_step_gives_time() -> None:
    async def main() -> None:
        drafts = Drafts()
        draft = drafts.make("b", "relay.example.org", "hetzner")
        await asyncio.sleep(RELAY_DRAFT_S - 1)
        drafts.get("b", draft.id)
        await asyncio.sleep(RELAY_DRAFT_S - 1)
        assert not _gone(drafts, "b", draft.id)
        await asyncio.sleep(RELAY_DRAFT_S + 1)
        assert len(drafts) == 0 and _gone(drafts, "b", draft.id)

    run(main(), timeout_s=4 * RELAY_DRAFT_S)


def test_the_oldest_makes_room() -> None:
    async def main() -> None:
        drafts = Drafts()
        made = [drafts.make("b", f"relay-{n}.example.org", "aws") for n in range(MAX_RELAY_DRAFTS + 1)]
        assert len(drafts) == MAX_RELAY_DRAFTS and _gone(drafts, "b", made[0].id)
        assert not _gone(drafts, "b", made[1].id)

    run(main())


def test_two_have_different_ids() -> None:
    async def main() -> None:
        drafts = Drafts()
        one, other = drafts.make("b", "a.example.org", "aws"), drafts.make("b", "a.example.org", "aws")
        assert one.id != other.id and len(one.id) >= 16

    run(main())

"""Who may ask this process: browsers that are logged in, tokens of programs, and the password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Request

from ...base.errors import Misuse, Refused
from ..gate.admission import admission
from ..gate.key_book import KeyBook
from ..gate.keys import Key, Scope
from ..house import House, InHouse
from ..models.access import (
    KeyDocument,
    KeyList,
    MadeToken,
    PasswordState,
    PasswordWish,
    Revoked,
    TokenWish,
)

if TYPE_CHECKING:
    from ..doors import Doors

__all__ = ["may_all", "own_key", "router"]

router = APIRouter(tags=["access"])

_DAY_S = 86_400

KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{12}$", examples=["5f0c2a9d3b71"])]


@router.get("/keys")
def list_keys(house: InHouse, request: Request) -> KeyList:
    """Which browsers are logged in and which tokens there are; never a key itself."""
    doors = _doors(house)
    own = own_key(request)
    return KeyList(
        keys=[_document(key, own) for key in doors.book.listed()],
        url=None if doors.door is None else doors.door.url,
        exposed=doors.door is not None and doors.door.exposed,
        fingerprint="" if doors.door is None else doors.door.fingerprint,
    )


@router.delete("/keys/{key_id}")
def revoke_key(key_id: KeyId, house: InHouse, request: Request) -> Revoked:
    """End a key, and with it what it opened: events, logs, terminals. One's own: one is logged out."""
    may_all(request)
    if not _book(house).revoke(key_id):
        raise Misuse("no-such-name", f"there is no key {key_id} (any more)", hint="GET /keys has them all")
    return Revoked(revoked=1)


@router.post("/keys/revoke-others")
def revoke_others(house: InHouse, request: Request) -> Revoked:
    """Log out all browsers but the one that asks. Tokens stay."""
    may_all(request)
    return Revoked(revoked=_book(house).revoke_others(own_key(request)))


@router.post("/tokens", status_code=201)
def make_token(wish: TokenWish, house: InHouse, request: Request) -> MadeToken:
    """Make a token for a program, which sends it as ``Authorization: Bearer``. It is shown here alone."""
    may_all(request)
    life_s = None if wish.days is None else float(wish.days * _DAY_S)
    issued = _book(house).add_token(wish.name.strip(), Scope(wish.scope), life_s)
    return MadeToken(token=issued.secret, key=_document(issued.key, ""))


@router.get("/password")
def get_password(house: InHouse) -> PasswordState:
    """Whether there is one; it is needed to listen where other machines reach it."""
    return PasswordState(set=_doors(house).password.is_set())


@router.put("/password")
def set_password(wish: PasswordWish, house: InHouse, request: Request) -> PasswordState:
    """Set or replace it. Browsers that are logged in stay so."""
    may_all(request)
    _doors(house).password.set(wish.password.get_secret_value())
    return PasswordState(set=True)


@router.delete("/password")
def remove_password(house: InHouse, request: Request) -> PasswordState:
    """Nobody logs in by password any more; refused while other machines reach the dashboard."""
    may_all(request)
    doors = _doors(house)
    if doors.door is not None and doors.door.exposed:
        raise Misuse(
            "not-exposed",
            "other machines reach this dashboard, and without a password nobody there can log in",
            hint="start it on 127.0.0.1 first",
        )
    doors.password.remove()
    return PasswordState(set=False)


# -- who asks ------------------------------------------------------------------------------------------


def may_all(request: Request) -> None:
    """Refuse what only a browser, a token of scope ``all`` and the command line may do.

    Raises:
        Refused: ``key-reads-only``.
    """
    if not admission(request.scope).may_all:
        raise Refused("key-reads-only", "this key may read, and nothing else", hint="use one of scope all")


def own_key(request: Request) -> str:
    """Id of the key that asks; empty: the command line, which needs none."""
    key = admission(request.scope).key
    return "" if key is None else key.id


def _doors(house: House) -> Doors:
    if house.doors is None:
        raise Misuse("not-set-up", "nobody is let in here by a key", hint="tw dashboard")
    found: Doors = house.doors
    return found


def _book(house: House) -> KeyBook:
    return _doors(house).book


def _document(key: Key, own: str) -> KeyDocument:
    return KeyDocument(
        id=key.id,
        kind=key.kind.value,
        scope=key.scope.value,
        name=key.name,
        address=key.address,
        created=key.created,
        last_seen=key.last_seen,
        expires=key.expires,
        this=key.id == own,
    )

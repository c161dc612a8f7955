"""What somebody typed into a form, as one of the API's models."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..base.errors import Misuse

__all__ = ["typed"]

M = TypeVar("M", bound=BaseModel)


def typed(model: type[M], **fields: Any) -> M:
    """The model with these fields.

    Raises:
        Misuse: ``bad-argument``, with the field and without what was typed, which may be secret.
    """
    try:
        return model(**fields)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        words = str(first["msg"]).removeprefix("Input ").removeprefix("String ")
        raise Misuse(
            "bad-argument", words, where=".".join(map(str, first["loc"])).replace("_", " ")
        ) from None

from __future__ import annotations

from pathlib import Path

import pytest

from tunnel_whisperer.audit.head import NOTHING_LOST, Head, Loss, read_head, write_head


def test_it_is_read_as_it_was_written_and_always_takes_the_same_space(tmp_path: Path) -> None:
    path = tmp_path / "head"
    sizes = set()
    for head in (Head(1, "ab"), Head(10**12, "f" * 64, Loss(10**9, 1.5, 2.5)), Head(2, "c")):
        write_head(path, head)
        assert read_head(path) == head
        sizes.add(path.stat().st_size)
    assert sizes == {512}


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"seq":1}', b'{"seq":1,"hash":"a","lost":3}']
)
def test_one_that_cannot_be_read_counts_as_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "head").write_bytes(data)
    assert read_head(tmp_path / "head") is None
    assert read_head(tmp_path / "nothing") is None


def test_losses_add_up_over_their_whole_span() -> None:
    assert Loss(2, 5.0, 7.0) + Loss(3, 1.0, 6.0) == Loss(5, 1.0, 7.0)
    assert NOTHING_LOST + Loss(1, 3.0, 3.0) == Loss(1, 3.0, 3.0) == Loss(1, 3.0, 3.0) + NOTHING_LOST

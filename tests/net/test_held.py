"""Who is cut when too much is held: the largest of who holds most, and nobody else."""

from __future__ import annotations

from dataclasses import dataclass

from tunnel_whisperer.net.held import whom_to_cut


@dataclass(eq=False)
class Held:
    held_bytes: int


def test_nobody_is_cut_while_there_is_room() -> None:
    assert whom_to_cut({"a": [Held(60), Held(40)], "b": [Held(0)]}, per_group=100, total=100) == []


def test_a_group_that_holds_too_much_loses_its_largest() -> None:
    large, small, other = Held(80), Held(30), Held(100)
    assert whom_to_cut({"a": [small, large], "b": [other]}, per_group=100, total=1000) == [large]


def test_when_all_hold_too_much_who_holds_most_goes_first() -> None:
    most, same, little = Held(90), Held(90), Held(50)
    assert whom_to_cut({"a": [most, Held(1)], "b": [little], "c": [same]}, per_group=100, total=150) == [most]


def test_as_many_as_it_takes() -> None:
    crowd = [Held(10) for _ in range(100)]
    assert len(whom_to_cut({"a": crowd}, per_group=600, total=450)) == 55

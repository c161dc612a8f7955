"""The log."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from .body import Body

__all__ = ["Level", "LogDocument", "LogLevel", "LogLineDocument"]

Level = Literal["debug", "info", "warning", "error"]


class LogLineDocument(BaseModel):
    """One line."""

    number: int = Field(description="From 1, without a gap.", examples=[17])
    time: float = Field(description="Unix time.", examples=[1798135200.5])
    level: str = Field(examples=["info"])
    logger: str = Field(examples=["tw"])
    text: str = Field(examples=["connected: published at relay relay.example.org"])


class LogDocument(BaseModel):
    """Some lines, the oldest first."""

    lines: list[LogLineDocument]
    last: int = Field(description="Ask for what comes after this number next time.", examples=[17])
    missed: int = Field(description="Lines that were dropped before they could be read.", examples=[0])
    level: str = Field(description="The least level that is logged now.", examples=["info"])


class LogLevel(Body):
    """The least level that is logged."""

    level: Level

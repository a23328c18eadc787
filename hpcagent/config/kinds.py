"""Kinds of values that several tables of settings share."""

from typing import Annotated

from msgspec import Meta

Path = Annotated[str, Meta(description="an absolute path")]
Seconds = Annotated[float, Meta(gt=0, le=3600)]

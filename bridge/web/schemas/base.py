"""What every type of the API is made of: strict input, read-only output, decimals and times as text."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from guarantee.codec import decimal_text, time_text
from guarantee.content import TEXT_CHARS_MAX


def _decimal(value: object) -> object:
    return decimal_text(value) if isinstance(value, Decimal) else value


def _time(value: object) -> object:
    return time_text(value) if isinstance(value, datetime) else value


DecimalText = Annotated[str, BeforeValidator(_decimal), Field(examples=["412.50"])]
TimeText = Annotated[str, BeforeValidator(_time), Field(examples=["2026-11-21T10:15:00.000000Z"])]
DigestText = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Out(BaseModel):
    """Something we say; read from the value of the same name."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class In(BaseModel):
    """Something we are told; an unknown key is an error, so that a misspelt one is not silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=TEXT_CHARS_MAX)

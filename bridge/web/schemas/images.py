"""Series and their frames."""

from typing import Literal

from pydantic import Field

from bridge.web.schemas.base import Out


class PixelOut(Out):
    """How to read a frame: gray16 is 16-bit little-endian stored values, rgb8 is three bytes a pixel."""

    kind: Literal["gray16", "rgb8"]
    signed: bool
    slope: float
    intercept: float
    inverted: bool = Field(description="MONOCHROME1: the lowest value is white")


class WindowOut(Out):
    """A window (PS3.3 C.11.2.1.2), in the values that the Modality LUT gives."""

    center: float
    width: float
    label: str


class EdgesOut(Out):
    """Anatomical directions of the four edges (PS3.3 C.7.6.1.1.1)."""

    left: str
    right: str
    top: str
    bottom: str


class InstanceOut(Out):
    """One frame of the stack."""

    sop_instance_uid: str
    frame: int = Field(description="1-based frame number inside the instance")
    position_mm: float | None
    edges: EdgesOut | None


class SeriesOut(Out):
    """One series, ready to be shown; frame n of the API is the n-th entry of ``instances``, from 0."""

    series: str
    modality: str
    description: str
    rows: int
    columns: int
    frames: int
    pixel: PixelOut
    spacing_mm: tuple[float, float] | None = Field(description="row spacing, column spacing")
    slice_spacing_mm: float | None
    windows: tuple[WindowOut, ...]
    instances: tuple[InstanceOut, ...]

"""A first impression, and where its reader stands."""

from pydantic import Field

from bridge.web.schemas.base import In, Out, TimeText
from guarantee.first_read import NOTE_CHARS_MAX, FirstRead, Word


class ImpressionIn(In):
    """What a reader thinks before they see what the model says. It is said once."""

    word: Word = Field(description="none, present, unsure of images; low, medium, high, no-opinion of values")
    note: str = Field(default="", max_length=NOTE_CHARS_MAX)


class ImpressionOut(Out):
    """The same, as kept."""

    id: str
    word: Word
    note: str
    at: TimeText


class FirstReadOut(Out):
    """Where the caller stands with a result. Nothing of AI is in it."""

    drawn: bool = Field(description="whether the draw says that the caller reads this result first")
    is_due: bool = Field(description="whether an impression is asked for now")
    hides: bool = Field(description="whether everything of AI answers 403 until the draft is revealed")
    opened_at: TimeText | None
    impression: ImpressionOut | None

    @classmethod
    def of(cls, standing: FirstRead) -> "FirstReadOut":
        """Return the answer for ``standing``."""
        return cls.model_validate(standing)

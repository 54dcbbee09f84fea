"""What another viewer is answered when it asks for more, or for something else, than it may have."""

from typing import Final

from bridge.web.i18n import N_
from bridge.web.problem import Problem

VIEWING_PROBLEMS: Final = (
    Problem(
        code="draft-unopened",
        status=403,
        title=N_("This draft was not opened at the desk yet"),
        kept=N_("Nothing of the AI result was shown."),
        todo=N_("Open the result at the desk first; then the viewer shows the draft too."),
    ),
    Problem(
        code="not-acceptable",
        status=406,
        title=N_("This is not given in the form that was asked for"),
        kept=N_("Nothing was lost."),
        todo=N_("Ask for the form in which it is kept, or for application/octet-stream."),
    ),
    Problem(
        code="too-much",
        status=413,
        title=N_("This is more than is handed out at once"),
        kept=N_("Nothing was lost."),
        todo=N_("Ask for one series, or for one image."),
    ),
)

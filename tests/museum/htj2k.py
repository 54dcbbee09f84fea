"""Four slices in High-Throughput JPEG 2000, reversible; written by OpenJPH 0.26.3 from :func:`slices`.

No encoder can be installed under a licence of ours that brings nothing else along; so what one wrote stands here.
"""

import base64
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

STREAMS: Final = (
    "/0//UQApQAAAAAAgAAAAIAAAAAAAAAAAAAAAIAAAACAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCI"
    "kJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAKIAAf+TwAAlIwUHdADAABLAABKAkAEHdAAi"
    "AYd0AMAAE0AAEwAI8gCCdACQkABDVADAABUQAAVQQgjxqnACdQBIBEH+wBCB7LYAwAAVkAAFoAAAAADnwKenp8J4AKIQQggh/v2A"
    "AHv2AAHsugDAAC0IAAWqqqqqqvn/Kenp6enp6eJ8AG7btm3btv94YSe/ZJ79knv2Sey/AP/Z",
    "/0//UQApQAAAAAAgAAAAIAAAAAAAAAAAAAAAIAAAACAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCI"
    "kJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAKMAAf+TwAAmYf4FB3QAwAASwAASgJABB3QA"
    "IgGHdADAABNAABMACPIAgnQAkJAAQ1QAwAAVEAAFUEII8apwAnUASARB/sAQgey2AMAAFZAABaAAAAAA58Cnp6fCeACiEEIIIf79"
    "gAB79gAB7LoAwAAtCAAFqqqqqqr5/ynp6enp6enifABu27Zt27b/eGEnv2Se/ZJ79knsvwD/2Q==",
    "/0//UQApQAAAAAAgAAAAIAAAAAAAAAAAAAAAIAAAACAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCI"
    "kJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAKMAAf+TwAAmn/0FB3QAwAASwAASgJABB3QA"
    "IgGHdADAABNAABMACPIAgnQAkJAAQ1QAwAAVEAAFUEII8apwAnUASARB/sAQgey2AMAAFZAABaAAAAAA58Cnp6fCeACiEEIIIf79"
    "gAB79gAB7LoAwAAtCAAFqqqqqqr5/ynp6enp6enifABu27Zt27b/eGEnv2Se/ZJ79knsvwD/2Q==",
    "/0//UQApQAAAAAAgAAAAIAAAAAAAAAAAAAAAIAAAACAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCI"
    "kJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAKMAAf+TwAAm3fwFB3QAwAASwAASgJABB3QA"
    "IgGHdADAABNAABMACPIAgnQAkJAAQ1QAwAAVEAAFUEII8apwAnUASARB/sAQgey2AMAAFZAABaAAAAAA58Cnp6fCeACiEEIIIf79"
    "gAB79gAB7LoAwAAtCAAFqqqqqqr5/ynp6enp6enifABu27Zt27b/eGEnv2Se/ZJ79knsvwD/2Q==",
)


def slices() -> NDArray[Any]:
    """Return what was written: axes (slice, row, column)."""
    z, y, x = np.meshgrid(np.arange(4), np.arange(32), np.arange(32), indexing="ij")
    return (97 * z + 8 * y + 4 * x).astype("<u2")


def stream(index: int) -> bytes:
    """Return one slice as a code stream."""
    return base64.b64decode(STREAMS[index])

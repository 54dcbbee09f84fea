"""What a model is given."""

from typing import Any

import pytest

from guarantee.errors import Malformed
from guarantee.inputs import Slice, Volume

GOOD: dict[str, Any] = {
    "voxels": bytes(2 * 3 * 4 * 2),
    "dtype": "<i2",
    "shape": (2, 3, 4),
    "affine": (1.0,) * 16,
    "slices": (Slice(sop_class_uid="1", sop_instance_uid="2"),) * 2,
    "modality": "MR",
    "patient_age_years": None,
}


@pytest.mark.parametrize(("dtype", "width"), [("<i2", 2), ("<u2", 2), ("<f4", 4)])
def test_a_volume_fits_its_buffer(dtype: str, width: int) -> None:
    data = bytes(24 * width)
    assert Volume(**GOOD | {"dtype": dtype, "voxels": data}).shape == (2, 3, 4)
    assert Volume(**GOOD | {"dtype": dtype, "voxels": memoryview(data)}).shape == (2, 3, 4)


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": ">i2"},
        {"dtype": "<f8"},
        {"voxels": bytes(47)},
        {"voxels": b""},
        {"shape": (2, 3, 5)},
        {"affine": (1.0,) * 12},
        {"slices": ()},
    ],
)
def test_a_volume_that_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Volume(**GOOD | change)


def test_a_slice_is_named_as_a_mask_names_it() -> None:
    assert Slice(sop_class_uid="1", sop_instance_uid="1.2").name == "1.2"
    assert Slice(sop_class_uid="1", sop_instance_uid="1.2", frame=3).name == "1.2#3"

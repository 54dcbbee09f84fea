"""The viewer in a browser: the pixels DICOM asks for, the overlay on the right image, nothing blank without a word."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.desk import pictures
from tests.desk.conftest import Open, until
from tests.desk.pictures import Picture
from tests.desk.site import FakeSite

READ_CANVAS = """([rows, columns]) => {
  const canvas = document.querySelector('.viewport canvas');
  const height = rows || canvas.height;
  const width = columns || canvas.width;
  const left = Math.round((canvas.width - width) / 2);
  const top = Math.round((canvas.height - height) / 2);
  const { data } = canvas.getContext('2d').getImageData(left, top, width, height);
  let text = '';
  for (let at = 0; at < data.length; at += 30000) text += String.fromCharCode(...data.subarray(at, at + 30000));
  return [width, height, btoa(text)];
}"""


def canvas(page: Any, rows: int = 0, columns: int = 0) -> NDArray[np.uint8]:
    """Return the middle of the canvas, or all of it: (row, column, RGB)."""
    width, height, text = page.evaluate(READ_CANVAS, [rows, columns])
    return np.frombuffer(base64.b64decode(text), "u1").reshape(height, width, 4)[:, :, :3]


def image(page: Any, rows: int, columns: int) -> NDArray[np.uint8]:
    """Return the image, one of its pixels for one of the screen's."""
    page.evaluate("document.getElementById('actual').click()")
    settle(page)
    return canvas(page, rows, columns)


def settle(page: Any) -> None:
    """Wait until what was asked for has been drawn."""
    until(page, "document.getElementById('viewport').getAttribute('aria-busy') === 'false'")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def shown(page: Any, index: int) -> None:
    """Wait until slice ``index``, from 1, is on screen."""
    until(page, f"document.getElementById('slice-out').textContent.startsWith('{index}/')")
    until(page, "document.getElementById('viewport-message').hidden")
    settle(page)


def expected(picture: Picture, frame: int, center: float, width: float) -> NDArray[np.uint8]:
    """Return grey levels by PS3.3 C.11.2.1.2.1, written down again here from the standard."""
    pixel = picture.described["pixel"]
    x = picture.stored[frame].astype("f8") * pixel["slope"] + pixel["intercept"]
    y = ((x - (center - 0.5)) / max(width - 1, 1e-9) + 0.5) * 255  # a width of 1 has no slope, only two levels
    y = np.where(x <= center - 0.5 - (width - 1) / 2, 0, y)
    y = np.where(x > center - 0.5 + (width - 1) / 2, 255, y)
    grey = np.floor(y + 0.5).astype("u1")
    return 255 - grey if pixel["inverted"] else grey


def set_window(page: Any, center: str, width: str) -> None:
    """Type a window."""
    page.fill("#level", center)
    page.fill("#width", width)
    page.keyboard.press("Enter")
    page.evaluate("document.activeElement.blur()")
    settle(page)


@pytest.fixture
def opened(browser: Open, site: FakeSite) -> Callable[[str], Any]:
    """Return a function that opens a result and waits for its draft and its image."""

    def open_result(kind: str, **options: Any) -> Any:
        page = browser(f"/results/{getattr(site, kind)()}", **options)
        page.wait_for_selector("#findings-block:not([hidden])")
        settle(page)
        return page

    return open_result


@pytest.mark.peer("chromium")
def test_grey_levels_are_those_of_the_standard_pixel_for_pixel(opened: Callable[..., Any]) -> None:
    page = opened("chest")
    page.keyboard.press("h")
    picture, _ = pictures.chest()
    page.keyboard.press("Home")
    shown(page, 1)
    for center, width in (("-600", "1500"), ("40", "400"), ("-17,5", "1"), ("120.25", "2,5")):
        set_window(page, center, width)
        found = image(page, 128, 128)
        wanted = expected(picture, 0, float(center.replace(",", ".")), float(width.replace(",", ".")))
        assert np.array_equal(found, np.repeat(wanted[:, :, None], 3, axis=2)), (center, width)


@pytest.mark.peer("chromium")
def test_monochrome1_is_white_where_values_are_low(opened: Callable[..., Any]) -> None:
    page = opened("radiograph")
    picture = pictures.radiograph()
    assert np.array_equal(image(page, 300, 260)[:, :, 0], expected(picture, 0, 2500, 3000))
    page.keyboard.press("i")
    assert np.array_equal(image(page, 300, 260)[:, :, 1], 255 - expected(picture, 0, 2500, 3000))


@pytest.mark.peer("chromium")
def test_colour_is_shown_as_stored_and_takes_no_window(opened: Callable[..., Any]) -> None:
    page = opened("chest")
    page.select_option("#series", "1")
    settle(page)
    until(page, "document.getElementById('corner-series').textContent.startsWith('US')")
    assert np.array_equal(image(page, 120, 160), pictures.ultrasound().stored[0])
    assert page.is_hidden("#window-tools")


@pytest.mark.peer("chromium")
def test_pixels_taller_than_wide_are_drawn_so(opened: Callable[..., Any]) -> None:
    page = opened("brain")
    page.keyboard.press("h")
    settle(page)
    whole = canvas(page)[:, :, 0]
    middle = whole[:, whole.shape[1] // 2] > 60
    height = np.flatnonzero(middle)[-1] - np.flatnonzero(middle)[0]
    across = whole[whole.shape[0] // 2] > 60
    width = np.flatnonzero(across)[-1] - np.flatnonzero(across)[0]
    stored = pictures.brain()[0].stored[16] > 300
    rows = np.flatnonzero(stored[:, 80])
    columns = np.flatnonzero(stored[96])
    wanted = (rows[-1] - rows[0]) * 1.1 / (columns[-1] - columns[0])
    assert height / width == pytest.approx(wanted, rel=0.03)


@pytest.mark.peer("chromium")
def test_the_overlay_lies_on_the_images_it_names_whatever_their_order(opened: Callable[..., Any]) -> None:
    page = opened("chest")
    _, nodule = pictures.chest()
    areas = nodule.sum(axis=(1, 2))
    best = int(areas.argmax()) + 1
    shown(page, best)
    assert page.locator(".finding .see").first.inner_text() == f"Voir coupe {best}"
    for number in (best, int(np.flatnonzero(areas)[0]) + 1, 1):
        page.fill("#slice", str(number))
        shown(page, number)
        with_overlay = image(page, 128, 128).astype("i2")
        page.keyboard.press("h")
        without = image(page, 128, 128).astype("i2")
        page.keyboard.press("h")
        differs = np.abs(with_overlay - without).max(axis=2) > 0
        inside = nodule[number - 1]
        if areas[number - 1] == 0:
            assert not differs.any()
        else:
            assert differs[inside].all()
            row, column = np.argwhere(inside).mean(axis=0)
            far = np.hypot(*(np.indices(differs.shape) - np.array([row, column])[:, None, None])) > 45
            assert not differs[far].any()


@pytest.mark.peer("chromium")
def test_opacity_of_the_tint_can_be_changed_down_to_the_outline_alone(opened: Callable[..., Any]) -> None:
    page = opened("brain")
    settle(page)
    tinted = canvas(page).copy()
    page.fill("#opacity", "0")
    settle(page)
    outlined = canvas(page).copy()
    page.keyboard.press("h")
    settle(page)
    bare = canvas(page)
    assert (tinted != bare).any(axis=2).sum() > 20 * (outlined != bare).any(axis=2).sum() / 4
    assert (outlined != bare).any()
    assert page.get_attribute("#overlay", "aria-pressed") == "false"


@pytest.mark.peer("chromium")
def test_a_region_is_shown_on_its_image_when_its_finding_is_chosen(opened: Callable[..., Any]) -> None:
    page = opened("chest")
    page.wait_for_selector(".finding.chosen")  # the first, once the outlines are there; until then j leads nowhere
    page.keyboard.press("j")
    shown(page, 6)
    assert "chosen" in str(page.locator(".finding").nth(1).get_attribute("class"))
    before = image(page, 128, 128).astype("i2")
    page.keyboard.press("h")
    after = image(page, 128, 128).astype("i2")
    changed = np.argwhere(np.abs(before - after).max(axis=2) > 0)
    assert changed[:, 0].min() in range(34, 60)  # the number stands above the outline
    assert changed[:, 0].max() in range(72, 76)
    assert changed[:, 1].min() in range(28, 31)


@pytest.mark.peer("chromium")
def test_slices_are_walked_by_keyboard_wheel_and_slider(opened: Callable[..., Any]) -> None:
    page = opened("brain")
    for key, index in (("Home", 1), ("ArrowDown", 2), ("PageDown", 12), ("ArrowUp", 11), ("End", 32), ("PageUp", 22)):
        page.keyboard.press(key)
        shown(page, index)
    page.mouse.move(700, 450)
    page.mouse.wheel(0, 120)
    shown(page, 23)
    page.fill("#slice", "5")
    shown(page, 5)
    assert page.get_attribute("#slice", "aria-valuetext") == "Coupe 5 sur 32"
    page.keyboard.press("ArrowDown")


@pytest.mark.peer("chromium")
def test_window_zoom_and_place_have_keys_and_numbers(opened: Callable[..., Any]) -> None:
    page = opened("chest")
    page.keyboard.press("Digit3")
    assert page.input_value("#level") == "-600"
    page.keyboard.press("Digit2")
    assert (page.input_value("#level"), page.input_value("#width")) == ("40", "400")
    page.keyboard.press("+")
    assert "Zoom\u00a0125" in page.inner_text("#corner-window").replace(" ", "\u00a0")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("0")
    assert "Zoom 100" in page.inner_text("#corner-window").replace("\u00a0", " ")
    page.fill("#level", "beaucoup")
    page.keyboard.press("Enter")
    assert page.input_value("#level") == "40"
    box = page.locator("#viewport").bounding_box()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 350)
    page.mouse.up()
    assert page.input_value("#width") == "600"
    assert page.input_value("#level") == "90"


@pytest.mark.peer("chromium")
def test_anatomical_directions_stand_at_the_edges(opened: Callable[..., Any]) -> None:
    page = opened("brain")
    edges = {side: page.inner_text(f".edge.{side}") for side in ("left", "right", "top", "bottom")}
    assert edges == {"left": "R", "right": "L", "top": "A", "bottom": "P"}


@pytest.mark.peer("chromium")
def test_an_image_that_cannot_be_decoded_says_so_and_the_others_are_shown(browser: Open, site: FakeSite) -> None:
    result = site.chest()
    uid = pictures.chest()[0].uid
    site.desk.broken_frames.add((uid, 0))
    page = browser(f"/results/{result}")
    page.wait_for_selector("#findings-block:not([hidden])")
    page.keyboard.press("Home")
    until(page, "document.getElementById('viewport-message').textContent.includes('ne peut pas être')")
    assert canvas(page).max() == 0
    page.keyboard.press("ArrowDown")
    shown(page, 2)
    assert canvas(page).max() > 0


@pytest.mark.peer("chromium")
def test_frames_are_kept_up_to_a_number_of_bytes(browser: Open, site: FakeSite) -> None:
    page = browser("/about")
    scripts = page.locator("script[type=module]").first.get_attribute("src").rpartition("/")[0]
    kept = page.evaluate(
        """async (scripts) => {
          const { Frames } = await import(`${scripts}/frames.js`);
          let loads = 0;
          const frames = new Frames(async () => { loads += 1; return new ArrayBuffer(100); }, 1000);
          for (let index = 0; index < 50; index += 1) await frames.get('s', index);
          const again = frames.ready('s', 49) !== undefined && frames.ready('s', 0) === undefined;
          await frames.get('s', 49);
          return { bytes: frames.bytes, kept: frames.kept.size, loads, again };
        }""",
        scripts,
    )
    assert kept == {"bytes": 1000, "kept": 10, "loads": 50, "again": True}


@pytest.mark.peer("chromium")
def test_numbers_and_differences_are_read_as_people_mean_them(browser: Open) -> None:
    page = browser("/about")
    scripts = page.locator("script[type=module]").first.get_attribute("src").rpartition("/")[0]
    read = page.evaluate(
        """async (scripts) => {
          const { number, parseNumber } = await import(`${scripts}/words.js`);
          const { difference } = await import(`${scripts}/diff.js`);
          const { Mask } = await import(`${scripts}/mask.js`);
          const masks = ['', 'AVALMASK1', 'AVALMASK1\\n{}\\n', 'OTHER\\n{}\\n'].map((text) => {
            try { new Mask(new TextEncoder().encode(text).buffer); return 'read'; } catch { return 'refused'; }
          });
          const grid = '{"columns":8,"frames":["1.2#2","1.2#1","1.3"],"rows":1}';
          const drawn = new Mask(new TextEncoder().encode(`AVALMASK1\\n${grid}\\n\x07\x01\x03`).buffer);
          return {
            parsed: ['15,4', ' 1\\u202f498,90 ', '-0012.5', '1e9', '', '12,', '1.2.3', '1234567890123']
              .map(parseNumber),
            shown: ['1498.90', '12345.5', '-3'].map(number),
            pieces: difference('un nodule de 9 mm', 'un gros nodule de 12 mm').map(({ kind, text }) => [kind, text]),
            same: difference('a b', 'a b').length,
            masks,
            areas: [[1, '1.2'], [2, '1.2'], [3, '1.2'], [1, '1.3']].map(([frame, uid]) =>
              drawn.area(drawn.name({ sop_instance_uid: uid, frame }))),
          };
        }""",
        scripts,
    )
    assert read["parsed"] == ["15.4", "1498.90", "-12.5", None, None, None, None, None]
    assert read["shown"] == ["1498,90", "12\u202f345,5", "−3"]
    assert read["areas"] == [1, 3, 0, 2]  # frames of one instance, one that it lacks, an instance of one image
    assert read["pieces"] == [
        ["same", "un "],
        ["new", "gros "],
        ["same", "nodule de "],
        ["gone", "9 "],
        ["new", "12 "],
        ["same", "mm"],
    ]
    assert read["same"] == 1
    assert read["masks"] == ["refused"] * 4

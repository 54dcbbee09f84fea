// What the AI, or its reader, points at, drawn over the image: a tint that lets the image through, an outline on the exact
// pixel edges, a number that names the finding.
//
// A shape is {number, colour: "#rrggbb", mask: Mask|null, regions: [{sop_instance_uid, frame, points}], chosen}. Shapes are
// matched to images by SOP Instance UID, never by index.

const POINT_RADIUS_PX = 12; // of the circle around a single point, on screen

/**
 * Draw the shapes that belong to the image on screen; return how many did.
 * @param {import('./viewer.js').Viewer} viewer
 * @param {{x: number, y: number, across: number, down: number}} place where the image lies on the canvas
 */
export function paintShapes(viewer, place) {
  let drawn = 0;
  for (const shape of viewer.shapes) {
    const label = shape.mask ? paintMask(viewer, place, shape) : paintRegions(viewer, place, shape);
    if (!label) continue;
    drawn += 1;
    paintLabel(viewer, shape, place.x + label.x * place.across, place.y + label.y * place.down);
  }
  return drawn;
}

function paintMask(viewer, place, shape) {
  const { context, series, tint } = viewer;
  const name = shape.mask.name(viewer.instance);
  const outline = shape.mask.fits(series) && shape.mask.outline(name);
  if (!outline) return null;
  if (viewer.tinted?.mask !== shape.mask || viewer.tinted.name !== name || viewer.tinted.colour !== shape.colour) {
    const ink = tint.getContext('2d');
    const image = ink.createImageData(series.columns, series.rows);
    shape.mask.paint(name, wordOf(shape.colour), new Uint32Array(image.data.buffer));
    ink.putImageData(image, 0, 0);
    viewer.tinted = { mask: shape.mask, name, colour: shape.colour };
  }
  context.imageSmoothingEnabled = false;
  context.globalAlpha = viewer.opacity;
  context.drawImage(tint, place.x, place.y, series.columns * place.across, series.rows * place.down);
  context.globalAlpha = 1;
  stroke(context, place, shape, outline.path);
  return outline.label;
}

function paintRegions(viewer, place, shape) {
  const { sop_instance_uid: uid, frame } = viewer.instance;
  let label = null;
  for (const region of shape.regions) {
    if (region.sop_instance_uid !== uid || region.frame !== frame) continue;
    const points = pairs(region.points);
    stroke(viewer.context, place, shape, points.length === 1 ? circle(points[0], place) : polygon(points));
    label ??= { x: Math.max(...points.map((point) => point[0])), y: Math.min(...points.map((point) => point[1])) };
  }
  return label;
}

/** A dark line under a light one: seen on black and on white. Width in screen pixels, whatever the zoom. */
function stroke(context, place, shape, path) {
  const ratio = devicePixelRatio || 1;
  const screen = new Path2D();
  screen.addPath(path, new DOMMatrix([place.across, 0, 0, place.down, place.x, place.y]));
  context.lineCap = 'square';
  context.strokeStyle = 'rgb(0 0 0 / 55%)';
  context.lineWidth = (shape.chosen ? 4.5 : 3) * ratio;
  context.stroke(screen);
  context.strokeStyle = shape.colour;
  context.lineWidth = (shape.chosen ? 2.25 : 1.25) * ratio;
  context.stroke(screen);
}

function paintLabel(viewer, shape, x, y) {
  const { context, canvas } = viewer;
  const ratio = devicePixelRatio || 1;
  const size = 18 * ratio;
  const left = Math.min(canvas.width - size - 2, Math.max(2, x + 6 * ratio));
  const top = Math.min(canvas.height - size - 2, Math.max(2, y - size - 6 * ratio));
  context.fillStyle = shape.colour;
  context.beginPath();
  context.roundRect(left, top, size, size, 5 * ratio);
  context.fill();
  context.fillStyle = '#000';
  context.font = `700 ${12 * ratio}px system-ui, sans-serif`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(String(shape.number), left + size / 2, top + size / 2 + ratio / 2);
}

function pairs(numbers) {
  const out = [];
  for (let at = 0; at + 1 < numbers.length; at += 2) out.push([Number(numbers[at]), Number(numbers[at + 1])]);
  return out;
}

function polygon(points) {
  const path = new Path2D();
  points.forEach(([x, y], at) => (at ? path.lineTo(x, y) : path.moveTo(x, y)));
  path.closePath();
  return path;
}

function circle([x, y], place) {
  const path = new Path2D();
  path.ellipse(x, y, POINT_RADIUS_PX / place.across, POINT_RADIUS_PX / place.down, 0, 0, 2 * Math.PI);
  return path;
}

/** "#rrggbb" as an opaque ABGR word. */
function wordOf(colour) {
  const rgb = Number.parseInt(colour.slice(1), 16);
  return (0xff000000 | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}

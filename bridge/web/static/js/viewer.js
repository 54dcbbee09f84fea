// The viewer: one series on one canvas. Canvas 2D only: it cannot be blank on a thin client without WebGL. It knows no
// page: whoever makes one gives a canvas and listens.
//
// A series is what GET /api/results/{id}/series says:
//   {series, modality, description, rows, columns, frames,
//    pixel: {kind: "gray16"|"rgb8", signed, slope, intercept, inverted},
//    spacing_mm: [row, column]|null, slice_spacing_mm, windows: [{center, width, label}],
//    instances: [{sop_instance_uid, frame, position_mm, edges: {left, right, top, bottom}|null}]}
// A frame is its stored values, 16-bit little-endian, or RGB bytes.
//
// Shapes, what the AI or its reader points at, are drawn by overlay.js.

import { automaticWindow, greyTable, paintColour, paintGrey } from './lut.js';
import { paintShapes } from './overlay.js';

const ZOOM_MIN = 0.5;
const ZOOM_MAX = 32;
const ZOOM_STEP = 1.25;
const PIXELS_SHOWN_FROM = 4; // screen pixels per image pixel from which pixels are shown as squares, not smoothed
const WHEEL_STEP = 40; // wheel travel for one slice; a notch is 100 or more, a trackpad sends many small ones
const DRAG_FULL_PX = 400; // drag that doubles the window's width
const PAN_STEP_PX = 40;

export class Viewer extends EventTarget {
  /**
   * Events: "drawn" {index, uid, shapes}, "changed", "failed" {index}, "loading" {index}.
   * @param {HTMLCanvasElement} canvas
   * @param {import('./frames.js').Frames} frames
   */
  constructor(canvas, frames) {
    super();
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { alpha: false });
    this.frames = frames;
    this.bitmap = document.createElement('canvas');
    this.tint = document.createElement('canvas');
    this.series = null;
    this.index = 0;
    this.window = { center: 0, width: 1 };
    this.flip = false;
    this.shapes = [];
    this.overlay = true;
    this.opacity = 0.3;
    this.panning = false;
    this.painted = null;
    this.fit();
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.listen();
  }

  // ------------------------------------------------------------------------------------------------ what is shown

  /** Show another series, at its middle slice. */
  setSeries(series) {
    this.series = series;
    this.index = series.frames >> 1;
    this.painted = null;
    this.tinted = null;
    this.bitmap.width = this.tint.width = series.columns;
    this.bitmap.height = this.tint.height = series.rows;
    this.image = this.bitmap.getContext('2d', { alpha: false }).createImageData(series.columns, series.rows);
    this.words = new Uint32Array(this.image.data.buffer);
    this.flip = false;
    if (series.windows.length) this.window = { center: series.windows[0].center, width: series.windows[0].width };
    this.fit();
    this.show(this.index);
  }

  /** Show one slice; the last one asked for wins. */
  show(index) {
    if (!this.series) return;
    const to = Math.max(0, Math.min(this.series.frames - 1, index));
    const step = to < this.index ? -1 : 1;
    this.index = to;
    this.changed();
    const { series } = this;
    this.frames
      .get(series.series, to)
      .then(() => {
        if (this.series === series && this.index === to) this.draw();
        if (this.series === series) this.frames.prefetch(series.series, this.index, series.frames, step);
      })
      .catch(() => {
        if (this.series === series && this.index === to) this.fail();
      });
    if (!this.frames.ready(series.series, to)) this.emit('loading', { index: to });
  }

  step(by) {
    this.show(this.index + by);
  }

  /** The place of an image in this series, or -1. */
  indexOf(uid, frame = null) {
    return this.series.instances.findIndex(
      (one) => one.sop_instance_uid === uid && (frame === null || one.frame === frame),
    );
  }

  get instance() {
    return this.series.instances[this.index];
  }

  setWindow(center, width) {
    this.window = { center, width: Math.max(1, width) };
    this.refresh();
  }

  /** A window from the grey levels of the slice on screen. */
  setAutomaticWindow() {
    const frame = this.frames.ready(this.series.series, this.index);
    if (frame && this.isGrey) {
      const { center, width } = automaticWindow(frame, this.series.pixel);
      this.setWindow(center, width);
    }
  }

  get isGrey() {
    return this.series?.pixel.kind === 'gray16';
  }

  invert() {
    this.flip = !this.flip;
    this.refresh();
  }

  setShapes(shapes) {
    this.shapes = shapes;
    this.refresh();
  }

  setOverlay(shown) {
    this.overlay = shown;
    this.refresh();
  }

  setOpacity(opacity) {
    this.opacity = opacity;
    this.refresh();
  }

  // ---------------------------------------------------------------------------------------------- zoom and place

  fit() {
    this.zoom = 1;
    this.shift = { x: 0, y: 0 };
    this.refresh();
  }

  /** One image pixel on one screen pixel, in the direction of the columns. */
  actual() {
    this.shift = { x: 0, y: 0 };
    this.zoom = 1 / this.fitted();
    this.refresh();
  }

  zoomBy(steps) {
    const before = this.zoom;
    this.zoom = Math.max(ZOOM_MIN, Math.min(ZOOM_MAX, before * ZOOM_STEP ** steps));
    this.shift = { x: (this.shift.x * this.zoom) / before, y: (this.shift.y * this.zoom) / before };
    this.refresh();
  }

  panBy(x, y) {
    this.shift = { x: this.shift.x + x * PAN_STEP_PX, y: this.shift.y + y * PAN_STEP_PX };
    this.refresh();
  }

  /** Height of a pixel over its width. */
  get aspect() {
    const spacing = this.series?.spacing_mm;
    return spacing && spacing[0] > 0 && spacing[1] > 0 ? spacing[0] / spacing[1] : 1;
  }

  /** Screen pixels per image column that fill the viewport. */
  fitted() {
    if (!this.series) return 1;
    return Math.min(this.canvas.width / this.series.columns, this.canvas.height / (this.series.rows * this.aspect)) || 1;
  }

  /** Where the image lies on the canvas: {x, y, across, down}, the last two in screen pixels per image pixel. */
  place() {
    const across = this.fitted() * this.zoom;
    const down = across * this.aspect;
    return {
      x: Math.round((this.canvas.width - this.series.columns * across) / 2 + this.shift.x),
      y: Math.round((this.canvas.height - this.series.rows * down) / 2 + this.shift.y),
      across,
      down,
    };
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.canvas.parentElement;
    const width = Math.max(1, Math.round(clientWidth * ratio));
    const height = Math.max(1, Math.round(clientHeight * ratio));
    if (this.canvas.width === width && this.canvas.height === height) return;
    this.canvas.width = width;
    this.canvas.height = height;
    this.refresh();
  }

  // ----------------------------------------------------------------------------------------------------- drawing

  refresh() {
    this.changed();
    this.draw();
  }

  draw() {
    if (this.asked || !this.series) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.paint();
    });
  }

  paint() {
    const frame = this.frames.ready(this.series.series, this.index);
    if (!frame) return;
    if (!this.decode(frame)) {
      this.fail();
      return;
    }
    const { context, canvas } = this;
    const { x, y, across, down } = this.place();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = '#000';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = across < PIXELS_SHOWN_FROM;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.bitmap, x, y, this.series.columns * across, this.series.rows * down);
    const shapes = this.overlay ? paintShapes(this, { x, y, across, down }) : 0;
    this.emit('drawn', { index: this.index, uid: this.instance.sop_instance_uid, shapes });
  }

  /** Turn stored values into grey levels, unless the bitmap already holds exactly that. */
  decode(frame) {
    const { series, window, flip } = this;
    const key = [series.series, this.index, window.center, window.width, flip].join();
    if (this.painted === key) return true;
    const bytes = series.rows * series.columns * (this.isGrey ? 2 : 3);
    if (frame.byteLength !== bytes) return false;
    if (this.isGrey) paintGrey(frame, this.table(), this.words);
    else paintColour(frame, flip, this.words);
    this.bitmap.getContext('2d').putImageData(this.image, 0, 0);
    this.painted = key;
    return true;
  }

  table() {
    const { pixel } = this.series;
    const key = [this.series.series, this.window.center, this.window.width, this.flip].join();
    if (this.tableKey !== key) {
      this.greys = greyTable(pixel, this.window.center, this.window.width, this.flip);
      this.tableKey = key;
    }
    return this.greys;
  }

  fail() {
    this.painted = null;
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.fillStyle = '#000';
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.emit('failed', { index: this.index });
  }

  // ------------------------------------------------------------------------------------------------------- hands

  listen() {
    const { canvas } = this;
    let travel = 0;
    canvas.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        if (event.ctrlKey) {
          this.zoomBy(event.deltaY < 0 ? 1 : -1);
          return;
        }
        travel += event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : Math.sign(event.deltaY) * WHEEL_STEP;
        const slices = Math.trunc(travel / WHEEL_STEP);
        if (!slices) return;
        travel = 0;
        this.step(Math.sign(slices));
      },
      { passive: false },
    );
    canvas.addEventListener('pointerdown', (event) => this.grab(event));
  }

  grab(event) {
    if (!this.series || event.button > 1) return;
    const moves = this.panning || event.button === 1 || event.shiftKey;
    const start = { x: event.clientX, y: event.clientY, window: this.window, shift: this.shift };
    const drag = (move) => {
      const dx = move.clientX - start.x;
      const dy = move.clientY - start.y;
      if (moves) this.slide(start.shift, dx, dy);
      else if (this.isGrey) this.turn(start.window, dx, dy);
    };
    const end = () => {
      this.canvas.removeEventListener('pointermove', drag);
      this.canvas.removeEventListener('pointerup', end);
      this.canvas.removeEventListener('pointercancel', end);
    };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener('pointermove', drag);
    this.canvas.addEventListener('pointerup', end);
    this.canvas.addEventListener('pointercancel', end);
  }

  slide(from, dx, dy) {
    const ratio = devicePixelRatio || 1;
    this.shift = { x: from.x + dx * ratio, y: from.y + dy * ratio };
    this.refresh();
  }

  /** Across changes the width, down the level, in steps that suit the window. */
  turn(from, dx, dy) {
    const unit = Math.max(from.width, 16) / DRAG_FULL_PX;
    const round = unit < 0.02 ? (value) => Math.round(value * 1000) / 1000 : Math.round;
    this.setWindow(round(from.center + dy * unit), round(from.width + dx * unit));
  }

  // ------------------------------------------------------------------------------------------------------ telling

  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  changed() {
    this.emit('changed', {});
  }
}

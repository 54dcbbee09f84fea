// The viewer with its controls on the page: series, slice, window, zoom, overlay. Whatever a drag does, a key or a field
// does too.

import { bytes, call } from './api.js';
import { Frames } from './frames.js';
import { bind } from './keys.js';
import { Viewer } from './viewer.js';
import { announce, editable, number, parseNumber, say } from './words.js';

const PAGE = 10; // slices for PageUp and PageDown
const PRESET_KEYS = 5;

const CT_WINDOWS = [
  { label: 'presetSoft', center: 40, width: 400 },
  { label: 'presetLung', center: -600, width: 1500 },
  { label: 'presetBone', center: 300, width: 1500 },
  { label: 'presetBrain', center: 40, width: 80 },
];

const $ = (id) => document.getElementById(id);

export class Viewport {
  /** @param {string} result identifier of the result whose images are shown */
  constructor(result) {
    this.result = result;
    this.series = [];
    this.presets = [];
    this.touched = false; // whether the reader has moved: then nothing jumps any more
    const base = `/api/results/${result}/series`;
    this.base = base;
    const frames = new Frames((series, index) => bytes(`${base}/${series}/frames/${index}`));
    this.viewer = new Viewer($('viewport').querySelector('canvas'), frames);
    this.connect();
  }

  /** Load the list of series and show the one the AI looked at, or the first. */
  async load(focus) {
    try {
      this.series = await call('GET', this.base);
    } catch (problem) {
      this.message(say('imagesFailed'));
      throw problem;
    }
    if (!this.series.length) {
      this.message(say('noImages'));
      return;
    }
    $('series').replaceChildren(...this.series.map(option));
    $('series-choice').hidden = this.series.length < 2;
    this.choose(Math.max(0, this.series.findIndex((one) => one.series === focus)));
  }

  choose(at) {
    $('series').value = String(at);
    const series = this.series[at];
    this.presets = presetsOf(series);
    $('preset').replaceChildren(...this.presets.map((preset, n) => new Option(preset.text, String(n))));
    $('window-tools').hidden = series.pixel.kind !== 'gray16';
    $('slice').max = String(series.frames);
    $('slice').disabled = series.frames < 2;
    this.viewer.setSeries(series);
    this.applyPreset(0);
  }

  applyPreset(at) {
    const preset = this.presets[at];
    if (!preset) return false;
    $('preset').value = String(at);
    if (preset.automatic) this.viewer.setAutomaticWindow();
    else this.viewer.setWindow(preset.center, preset.width);
    return true;
  }

  /** Show one image, in whichever series holds it; return whether one does. */
  see(uid, frame = null) {
    for (const [at, series] of this.series.entries()) {
      const index = series.instances.findIndex(
        (one) => one.sop_instance_uid === uid && (frame === null || one.frame === frame),
      );
      if (index < 0) continue;
      if (this.viewer.series !== series) this.choose(at);
      this.viewer.show(index);
      return true;
    }
    return false;
  }

  /** Where in the images a place is, for the reader: the slice number, or null. */
  sliceOf(uid, frame = null) {
    for (const series of this.series) {
      const index = series.instances.findIndex(
        (one) => one.sop_instance_uid === uid && (frame === null || one.frame === frame),
      );
      if (index >= 0) return index + 1;
    }
    return null;
  }

  setShapes(shapes) {
    $('overlay-tools').hidden = !shapes.length;
    this.viewer.setShapes(shapes);
  }

  setOverlay(shown) {
    $('overlay').setAttribute('aria-pressed', String(shown));
    this.viewer.setOverlay(shown);
    announce(say(shown ? 'aiShown' : 'aiHidden'));
  }

  message(text) {
    $('viewport-message').textContent = text;
    $('viewport-message').hidden = !text;
    if (text) $('viewport').setAttribute('aria-busy', 'false');
  }

  // -------------------------------------------------------------------------------------------------- connections

  connect() {
    const { viewer } = this;
    viewer.addEventListener('changed', () => this.describe());
    viewer.addEventListener('drawn', () => {
      this.message('');
      $('viewport').setAttribute('aria-busy', 'false');
    });
    viewer.addEventListener('loading', () => this.message(say('loading')));
    viewer.addEventListener('failed', () => this.message(say('unreadable')));
    this.connectButtons();
    this.connectFields();
    this.connectKeys();
    for (const name of ['wheel', 'pointerdown']) {
      $('viewport').addEventListener(name, () => (this.touched = true), { passive: true });
    }
  }

  connectButtons() {
    const { viewer } = this;
    const on = (id, action) => $(id).addEventListener('click', action);
    on('zoom-in', () => viewer.zoomBy(1));
    on('zoom-out', () => viewer.zoomBy(-1));
    on('fit', () => viewer.fit());
    on('actual', () => viewer.actual());
    on('invert', () => this.invert());
    on('pan', () => {
      viewer.panning = !viewer.panning;
      $('pan').setAttribute('aria-pressed', String(viewer.panning));
      $('viewport').classList.toggle('panning', viewer.panning);
    });
    on('overlay', () => this.setOverlay(!viewer.overlay));
  }

  connectFields() {
    const { viewer } = this;
    $('series').addEventListener('change', () => this.choose(Number($('series').value)));
    $('slice').addEventListener('input', () => this.go(Number($('slice').value) - 1));
    $('preset').addEventListener('change', () => this.applyPreset(Number($('preset').value)));
    $('opacity').addEventListener('input', () => viewer.setOpacity(Number($('opacity').value) / 100));
    for (const id of ['level', 'width']) {
      $(id).addEventListener('change', () => {
        const center = parseNumber($('level').value);
        const width = parseNumber($('width').value);
        if (center !== null && width !== null) viewer.setWindow(Number(center), Number(width));
        else this.describe(true);
      });
    }
  }

  connectKeys() {
    const { viewer } = this;
    const step = (by) => () => this.series.length > 0 && this.go(viewer.index + by);
    const pan = (x, y) => () => this.series.length > 0 && viewer.panBy(x, y);
    bind(['arrowup', 'arrowleft'], step(-1), { arrows: true });
    bind(['arrowdown', 'arrowright'], step(1), { arrows: true });
    bind(['pageup'], step(-PAGE), { arrows: true });
    bind(['pagedown'], step(PAGE), { arrows: true });
    bind(['home'], () => this.series.length > 0 && this.go(0), { arrows: true });
    bind(['end'], () => this.series.length > 0 && this.go(viewer.series.frames - 1), { arrows: true });
    bind(['arrowup'], pan(0, 1), { arrows: true, shift: true });
    bind(['arrowdown'], pan(0, -1), { arrows: true, shift: true });
    bind(['arrowleft'], pan(1, 0), { arrows: true, shift: true });
    bind(['arrowright'], pan(-1, 0), { arrows: true, shift: true });
    bind(['+', '='], () => viewer.zoomBy(1));
    bind(['-'], () => viewer.zoomBy(-1));
    bind(['0', 'Digit0'], () => viewer.fit());
    bind(['i'], () => this.invert());
    bind(['h'], () => this.setOverlay(!viewer.overlay));
    for (let key = 1; key <= PRESET_KEYS; key += 1) {
      bind([String(key), `Digit${key}`], () => this.applyPreset(key - 1));
    }
  }

  go(index) {
    this.touched = true;
    this.viewer.show(index);
  }

  invert() {
    this.viewer.invert();
    $('invert').setAttribute('aria-pressed', String(this.viewer.flip));
  }

  /** Write what is on screen beside it. Fields that somebody is typing in are left alone, unless `all`. */
  describe(all = false) {
    const { viewer } = this;
    if (!viewer.series) return;
    const { series, index, window } = viewer;
    const center = text(window.center);
    const width = text(window.width);
    const place = say('slice', { index: index + 1, count: series.frames });
    $('corner-series').textContent = [series.modality, series.description].filter(Boolean).join(' · ');
    $('corner-slice').textContent = place;
    $('corner-window').textContent = [
      viewer.isGrey ? say('window', { center: number(center), width: number(width) }) : '',
      say('zoom', { percent: Math.round(viewer.zoom * 100) }),
    ].join(' · ').replace(/^ · /, '');
    $('slice').value = String(index + 1);
    $('slice').setAttribute('aria-valuetext', place);
    $('slice-out').textContent = `${index + 1}/${series.frames}`;
    for (const [id, value] of [['level', center], ['width', width]]) {
      if (all || document.activeElement !== $(id)) $(id).value = editable(value);
    }
    const edges = viewer.instance.edges ?? {};
    for (const side of ['top', 'bottom', 'left', 'right']) {
      $('viewport').querySelector(`.edge.${side}`).textContent = edges[side] ?? '';
    }
  }
}

const text = (value) => String(Math.round(value * 1000) / 1000);

function option(series, at) {
  return new Option(
    [series.modality, series.description || series.series.slice(-8), `${series.frames}`].join(' · '),
    String(at),
  );
}

function presetsOf(series) {
  if (series.pixel.kind !== 'gray16') return [];
  const header = series.windows.map((one, n) => ({
    ...one,
    text: one.label || say('presetHeader', { index: n + 1 }),
  }));
  const usual = series.modality === 'CT' ? CT_WINDOWS.map((one) => ({ ...one, text: say(one.label) })) : [];
  return [...header, ...usual, { text: say('presetAuto'), automatic: true }];
}

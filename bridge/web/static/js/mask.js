// A segment's mask: which pixels of which source image. The form is written down in guarantee/mask.py.

const MAGIC = 'AVALMASK1';
const HEADER_BYTES_MAX = 4 * 1024 * 1024; // 50,000 images with their UIDs; more is no header

export class Mask {
  /** @param {ArrayBuffer} data the bytes the vault keeps */
  constructor(data) {
    const all = new Uint8Array(data);
    const first = all.indexOf(10);
    const second = all.indexOf(10, first + 1);
    const text = new TextDecoder().decode(all.subarray(0, first));
    if (text !== MAGIC || second < 0 || second > HEADER_BYTES_MAX) throw new Error('these bytes are not a mask');
    const grid = JSON.parse(new TextDecoder().decode(all.subarray(first + 1, second)));
    this.rows = grid.rows;
    this.columns = grid.columns;
    this.places = new Map(grid.frames.map((name, index) => [name, index]));
    this.frameBytes = (grid.rows * grid.columns + 7) >> 3;
    this.bits = all.subarray(second + 1);
    if (this.bits.length !== grid.frames.length * this.frameBytes) throw new Error('the bits of a mask do not fit its grid');
    this.outlines = new Map();
  }

  /** Whether this mask is drawn on images of that size. */
  fits(series) {
    return series.rows === this.rows && series.columns === this.columns;
  }

  /** What this mask calls an image: its UID, or its UID and frame where the instance has several. */
  name({ sop_instance_uid: uid, frame }) {
    return this.places.has(uid) ? uid : `${uid}#${frame}`;
  }

  /** The packed bits on one image, lowest first; null when the mask does not reach it. */
  frame(name) {
    const place = this.places.get(name);
    return place === undefined ? null : this.bits.subarray(place * this.frameBytes, (place + 1) * this.frameBytes);
  }

  /** How many pixels are set on one image. */
  area(name) {
    let count = 0;
    for (let byte of this.frame(name) ?? []) for (; byte; byte &= byte - 1) count += 1;
    return count;
  }

  /** Set pixels on one image as opaque RGBA words. */
  paint(name, colour, out) {
    const bits = this.frame(name);
    for (let at = 0; at < out.length; at += 1) out[at] = bits[at >> 3] & (1 << (at & 7)) ? colour : 0;
  }

  /**
   * The exact outline along pixel edges, in image coordinates, with where a label can stand; null when nothing is set.
   * Neighbouring edges are joined into runs: a brain slice of 20,000 pixels gives under 1,000 lines.
   */
  outline(name) {
    if (!this.outlines.has(name)) this.outlines.set(name, this.trace(name));
    return this.outlines.get(name);
  }

  trace(name) {
    const bits = this.frame(name);
    if (!bits || !bits.some(Boolean)) return null;
    const { rows, columns } = this;
    const set = (column, row) => {
      if (column < 0 || row < 0 || column >= columns || row >= rows) return 0;
      const at = row * columns + column;
      return (bits[at >> 3] >> (at & 7)) & 1;
    };
    const path = new Path2D();
    let label = null;
    for (let row = 0; row <= rows; row += 1) {
      runs(columns, (column) => set(column, row - 1) !== set(column, row), (from, to) => {
        path.moveTo(from, row);
        path.lineTo(to, row);
        label ??= { x: to, y: row };
      });
    }
    for (let column = 0; column <= columns; column += 1) {
      runs(rows, (row) => set(column - 1, row) !== set(column, row), (from, to) => {
        path.moveTo(column, from);
        path.lineTo(column, to);
      });
    }
    return { path, label };
  }
}

function runs(count, differs, emit) {
  let from = -1;
  for (let at = 0; at <= count; at += 1) {
    const here = at < count && differs(at);
    if (here && from < 0) from = at;
    if (!here && from >= 0) {
      emit(from, at);
      from = -1;
    }
  }
}

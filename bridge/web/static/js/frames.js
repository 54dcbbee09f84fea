// Frames from the desk: kept up to a number of bytes, the oldest given up first; neighbours fetched ahead.

export const CACHE_BYTES_MAX = 256 * 1024 * 1024; // 500 CT slices; a thin client has 4 GiB for everything
const LOADS_MAX = 4; // at once; a browser opens six connections to one server, and pages need some
const AHEAD = 6; // slices fetched ahead in the direction of travel
const BEHIND = 2;

export class Frames {
  /**
   * @param {(series: string, index: number) => Promise<ArrayBuffer>} load
   * @param {number} most bytes kept
   */
  constructor(load, most = CACHE_BYTES_MAX) {
    this.load = load;
    this.most = most;
    this.kept = new Map();
    this.bytes = 0;
    this.loading = new Map();
    this.wanted = [];
  }

  /** A frame that is already here, or undefined. */
  ready(series, index) {
    const key = `${series}/${index}`;
    const found = this.kept.get(key);
    if (found) {
      this.kept.delete(key);
      this.kept.set(key, found);
    }
    return found;
  }

  /** A frame; whoever looks at it goes before what is fetched ahead. */
  get(series, index) {
    const found = this.ready(series, index);
    return found ? Promise.resolve(found) : this.start(series, index);
  }

  /** Fetch what the reader will probably see next. Replaces what was wanted before. */
  prefetch(series, index, count, step) {
    const near = [];
    for (let away = 1; away <= AHEAD; away += 1) {
      near.push(index + away * step);
      if (away <= BEHIND) near.push(index - away * step);
    }
    this.wanted = near.filter((at) => at >= 0 && at < count).map((at) => [series, at]);
    this.pump();
  }

  pump() {
    while (this.wanted.length && this.loading.size < LOADS_MAX) {
      const [series, index] = this.wanted.shift();
      if (!this.kept.has(`${series}/${index}`)) this.start(series, index).catch(() => undefined); // shown when it is looked at
    }
  }

  start(series, index) {
    const key = `${series}/${index}`;
    if (!this.loading.has(key)) {
      const loading = this.load(series, index)
        .then((buffer) => this.keep(key, new Uint8Array(buffer)))
        .finally(() => {
          this.loading.delete(key);
          this.pump();
        });
      this.loading.set(key, loading);
    }
    return this.loading.get(key);
  }

  keep(key, frame) {
    this.kept.set(key, frame);
    this.bytes += frame.byteLength;
    for (const [oldest, given] of this.kept) {
      if (this.bytes <= this.most || oldest === key) break;
      this.kept.delete(oldest);
      this.bytes -= given.byteLength;
    }
    return frame;
  }
}

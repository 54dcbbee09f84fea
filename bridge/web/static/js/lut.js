// From stored values to grey levels, exactly as DICOM says. Pure: no page, no canvas.

const VALUES = 65_536;

/** The stored value that the 16 bits `index` stand for. */
const stored = (index, signed) => (signed && index >= 32_768 ? index - VALUES : index);

/**
 * Grey level of every 16-bit pattern under the LINEAR window function (PS3.3 C.11.2.1.2.1).
 * @param {{signed: boolean, slope: number, intercept: number, inverted: boolean}} pixel Modality LUT (C.11.1) and polarity
 * @param {number} center window center c, in modality values
 * @param {number} width window width w, at least 1
 * @param {boolean} flip what the reader asked for, on top of MONOCHROME1
 * @returns {Uint8ClampedArray} 65,536 levels from 0 to 255, halves rounded up
 */
export function greyTable(pixel, center, width, flip = false) {
  const table = new Uint8ClampedArray(VALUES);
  const c = center - 0.5;
  const w = width - 1;
  const turned = pixel.inverted !== flip;
  for (let index = 0; index < VALUES; index += 1) {
    const x = stored(index, pixel.signed) * pixel.slope + pixel.intercept;
    let y;
    if (x <= c - w / 2) y = 0;
    else if (x > c + w / 2) y = 255;
    else y = ((x - c) / w + 0.5) * 255;
    y = Math.floor(y + 0.5);
    table[index] = turned ? 255 - y : y;
  }
  return table;
}

/** Paint 16-bit grey into 32-bit RGBA pixels (little-endian ABGR words). */
export function paintGrey(frame, table, out) {
  const words = new Uint16Array(frame.buffer, frame.byteOffset, frame.byteLength >> 1);
  for (let at = 0; at < out.length; at += 1) {
    const level = table[words[at]];
    out[at] = 0xff000000 | (level << 16) | (level << 8) | level;
  }
}

/** Paint RGB bytes into 32-bit RGBA pixels. */
export function paintColour(frame, flip, out) {
  const turn = flip ? 0xffffff : 0;
  for (let at = 0, from = 0; at < out.length; at += 1, from += 3) {
    out[at] = (0xff000000 | (((frame[from + 2] << 16) | (frame[from + 1] << 8) | frame[from]) ^ turn)) >>> 0;
  }
}

/** A window from the 1st to the 99th percentile of a frame, in modality values. */
export function automaticWindow(frame, pixel) {
  const words = new Uint16Array(frame.buffer, frame.byteOffset, frame.byteLength >> 1);
  const counts = new Uint32Array(VALUES);
  for (const word of words) counts[pixel.signed ? (word + 32_768) & 0xffff : word] += 1;
  const base = pixel.signed ? -32_768 : 0;
  const at = (share) => {
    let seen = 0;
    let index = 0;
    while (index < VALUES - 1 && (seen += counts[index]) < share * words.length) index += 1;
    return (index + base) * pixel.slope + pixel.intercept;
  };
  const [low, high] = [at(0.01), at(0.99)].sort((a, b) => a - b);
  return { center: (low + high) / 2, width: Math.max(1, high - low) };
}

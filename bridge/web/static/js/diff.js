// The difference between two texts, word by word. Pure.

const CELLS_MAX = 4_000_000; // of the comparison table, 8 MB; beyond it the middle is shown as replaced whole

/** Words with the white space after them: a change then reads as whole words. */
const words = (text) => text.match(/\S+\s*|^\s+/g) ?? [];

/**
 * @returns {{kind: "same"|"gone"|"new", text: string}[]} pieces in order
 */
export function difference(before, after) {
  const a = words(before);
  const b = words(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const middle = between(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return joined([['same', a.slice(0, head)], ...middle, ['same', a.slice(a.length - tail)]]);
}

function between(a, b) {
  if (a.length * b.length > CELLS_MAX || !a.length || !b.length) return [['gone', a], ['new', b]];
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width); // longest common part of what is left
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        a[i] === b[j]
          ? common[(i + 1) * width + j + 1] + 1
          : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  const out = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push(['same', [a[i]]]);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      out.push(['gone', [a[i]]]);
      i += 1;
    } else {
      out.push(['new', [b[j]]]);
      j += 1;
    }
  }
  return out;
}

function joined(parts) {
  const out = [];
  for (const [kind, list] of parts) {
    const text = list.join('');
    if (!text) continue;
    if (out.at(-1)?.kind === kind) out.at(-1).text += text;
    else out.push({ kind, text });
  }
  return out;
}

/** Show a difference in an element, as inserted and deleted text. */
export function showDifference(element, before, after) {
  element.replaceChildren(
    ...difference(before, after).map(({ kind, text }) => {
      if (kind === 'same') return document.createTextNode(text);
      const node = document.createElement(kind === 'new' ? 'ins' : 'del');
      node.textContent = text;
      return node;
    }),
  );
}

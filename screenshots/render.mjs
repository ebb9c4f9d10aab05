// render.mjs FILE.ansi OUT COLUMNS ROWS: a picture of a terminal as OUT.png and OUT.svg, from what `tmux capture-pane -e`
// prints. The PNG is drawn by xterm.js in headless Chromium, the SVG here, cell by cell: a rectangle for each run of one
// background, a <text> of fixed length for each run of one style, shapes for what has to fill its cell.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import url from 'node:url';
import { execFileSync } from 'node:child_process';

const [, , file, out, columnsText, rowsText] = process.argv;
const columns = +columnsText, rows = +rowsText;
const modules = path.join(path.dirname(url.fileURLToPath(import.meta.url)), '../target/screenshots/node_modules');
const background = '#1e1e2e', foreground = '#cdd6f4';
const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const ansi = ['#45475a', '#f38ba8', '#a6e3a1', '#f9e2af', '#89b4fa', '#f5c2e7', '#94e2d5', '#bac2de',
  '#585b70', '#f38ba8', '#a6e3a1', '#f9e2af', '#89b4fa', '#f5c2e7', '#94e2d5', '#ffffff'];
const lines = fs.readFileSync(file, 'utf8').replace(/\n$/, '').split('\n').slice(0, rows);

// ---- what the text says: lines to cells {text, width, style} ----

const hex = (...rgb) => '#' + rgb.map(part => (+part || 0).toString(16).padStart(2, '0')).join('');
function indexed(n) {
  if (n < 16) return ansi[n];
  if (n > 231) return hex(...Array(3).fill(8 + 10 * (n - 232)));
  const level = step => (step ? 55 + 40 * step : 0);
  return hex(level(Math.floor((n - 16) / 36)), level(Math.floor((n - 16) / 6) % 6), level((n - 16) % 6));
}

/** Applies one SGR sequence, such as `1;38;2;255;0;0` or `4:3`, and returns the style after it. */
function restyle(style, parameters) {
  const next = { ...style };
  const codes = parameters.replace(/([34]8):2:\d*:(\d+):(\d+):(\d+)/g, '$1;2;$2;$3;$4').replace(/([34]8):5:/g, '$1;5;').split(';');
  for (let i = 0; i < codes.length; i++) {
    const [code, detail] = codes[i].split(':').map(Number);
    if (!code) Object.keys(next).forEach(key => delete next[key]);
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = detail !== 0;
    else if (code === 7) next.reverse = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.reverse = false;
    else if (code === 29) next.strike = false;
    else if (code === 38 || code === 48) {
      const isTrue = codes[i + 1] === '2';
      next[code === 38 ? 'fg' : 'bg'] = isTrue ? hex(codes[i + 2], codes[i + 3], codes[i + 4]) : indexed(+codes[i + 2]);
      i += isTrue ? 4 : 2;
    } else if (code === 39) delete next.fg;
    else if (code === 49) delete next.bg;
    else if (code >= 30 && code <= 37) next.fg = ansi[code - 30];
    else if (code >= 40 && code <= 47) next.bg = ansi[code - 40];
    else if (code >= 90 && code <= 97) next.fg = ansi[code - 82];
    else if (code >= 100 && code <= 107) next.bg = ansi[code - 92];
  }
  return next;
}

const isWide = /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

function cellsOf(line, style) {
  const cells = [];
  // An SGR sequence, another escape sequence (skipped), or text up to the next one.
  for (const [, sgr, text] of line.matchAll(/\x1b\[([\d;:]*)m|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[\d;?]*[A-Za-z]|[\x0e\x0f]|([^\x1b\x0e\x0f]+)/g)) {
    if (sgr !== undefined) style = restyle(style, sgr);
    else if (text) {
      for (const { segment } of graphemes.segment(text)) cells.push({ text: segment, width: isWide.test(segment) ? 2 : 1, style });
    }
  }
  return { cells, style };
}

// ---- the SVG ----

const W = 8.43, H = 17, SIZE = 14, BASE = 13;
const escape = text => text.replace(/[&<>]/g, c => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);
const n = value => +value.toFixed(2);
const rect = (x, y, w, h, fill, more = '') => `<rect x="${n(x)}" y="${n(y)}" width="${n(w)}" height="${n(h)}" fill="${fill}"${more}/>`;

function colours(style) {
  const pair = [style.fg ?? foreground, style.bg ?? background];
  return style.reverse ? pair.reverse() : pair;
}

/** Returns the arms of a light box line [up, right, down, left], or nothing for another character. */
const arms = Object.fromEntries([...'─│┌┐└┘├┤┬┴┼╭╮╰╯╴╵╶╷━┃'].map((c, i) => [c,
  ['0101', '1010', '0110', '0011', '1100', '1001', '1110', '1011', '0111', '1101', '1111', '0110', '0011', '1100', '1001', '0001', '1000', '0100', '0010', '0101', '1010'][i]]));

/** Draws what has to meet its neighbours: box lines, blocks and braille dots. */
function shape(c, x, y, colour) {
  const code = c.codePointAt(0);
  const mx = x + W / 2, my = y + H / 2;
  if (arms[c]) {
    const ends = [[mx, y], [x + W, my], [mx, y + H], [x, my]];
    const [up, right, down, left] = [...arms[c]].map((arm, i) => (arm === '1' ? ends[i] : null));
    const stroke = `fill="none" stroke="${colour}" stroke-width="${'━┃'.includes(c) ? 2.4 : 1.2}"`;
    if ('╭╮╰╯'.includes(c)) {
      const [[ax, ay], [bx, by]] = [up ?? down, right ?? left];
      return `<path d="M${n(ax)} ${n(ay)}Q${n(mx)} ${n(my)} ${n(bx)} ${n(by)}" ${stroke}/>`;
    }
    const d = [up, right, down, left].filter(Boolean).map(([ex, ey]) => `M${n(mx)} ${n(my)}L${n(ex)} ${n(ey)}`).join('');
    return `<path d="${d}" ${stroke}/>`;
  }
  if (code >= 0x2581 && code <= 0x2588) return rect(x, y + H * (1 - (code - 0x2580) / 8), W, H * (code - 0x2580) / 8, colour);
  if (code >= 0x2589 && code <= 0x258f) return rect(x, y, W * (0x2590 - code) / 8, H, colour);
  if (code === 0x2580) return rect(x, y, W, H / 2, colour);
  if (code === 0x2590) return rect(x + W / 2, y, W / 2, H, colour);
  if (code >= 0x2591 && code <= 0x2593) return rect(x, y, W, H, colour, ` opacity="${(code - 0x2590) / 4}"`);
  if (code < 0x2800 || code > 0x28ff) return null;
  // Bits 0 to 5 are the left and right dots of rows 0 to 2, 6 and 7 those of row 3.
  const dots = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [0, 3], [1, 3]].filter((_, bit) => (code >> bit) & 1);
  return dots.map(([dx, dy]) => `<circle cx="${n(x + W * (0.27 + dx * 0.46))}" cy="${n(y + H * (0.125 + dy * 0.25))}" r="1.25" fill="${colour}"/>`).join('');
}

/** Draws a run of cells; cut at its wider gaps and trimmed, since viewers do not agree on what spaces in SVG are. */
function textRun({ cells, x, style }, y) {
  const marks = [style.bold && 'font-weight="bold"', style.italic && 'font-style="italic"', style.dim && 'opacity="0.6"'];
  const attributes = [`fill="${colours(style)[0]}"`, ...marks.filter(Boolean)].join(' ');
  const pieces = [];
  let cell = 0;
  for (const { text, width } of cells) {
    const last = pieces.at(-1), isBlank = !text.trim();
    if (last && width === 1 && cell === last.end && !isBlank && last.width === last.texts.length) Object.assign(last, { texts: [...last.texts, text], end: cell + 1, width: last.width + 1 });
    else if (last && width === 1 && cell === last.end + 1 && !isBlank && last.width === last.texts.length) Object.assign(last, { texts: [...last.texts, ' ', text], end: cell + 1, width: last.width + 2 });
    else if (!isBlank) pieces.push({ texts: [text], start: cell, end: cell + width, width });
    cell += width;
  }
  const drawn = pieces.map(piece => `<text x="${n(x + piece.start * W)}" y="${n(y + BASE)}" textLength="${n(piece.width * W)}" lengthAdjust="spacingAndGlyphs" ${attributes}>${escape(piece.texts.join(''))}</text>`);
  if (style.underline) drawn.push(rect(x, y + BASE + 1.5, cell * W, 1, colours(style)[0]));
  if (style.strike) drawn.push(rect(x, y + BASE - 4.5, cell * W, 1, colours(style)[0]));
  return drawn.join('');
}

function svg() {
  const parts = [];
  let style = {};
  lines.forEach((line, row) => {
    const y = row * H, back = [], front = [], runs = [];
    let x = 0, cells;
    ({ cells, style } = cellsOf(line, style));
    for (const cell of cells) {
      const width = cell.width * W, [fg, bg] = colours(cell.style), last = back.at(-1);
      if (last?.bg === bg) last.width += width;
      else back.push({ x, width, bg });
      const drawn = shape(cell.text, x, y, fg), run = runs.at(-1);
      if (drawn !== null) front.push(drawn);
      else if (run?.end === x && run.style === cell.style) Object.assign(run, { end: x + width }).cells.push(cell);
      else runs.push({ cells: [cell], x, end: x + width, style: cell.style });
      x += width;
    }
    parts.push(...back.filter(({ bg }) => bg !== background).map(b => rect(b.x, y, b.width, H, b.bg)), ...front, ...runs.map(run => textRun(run, y)));
  });
  const w = n(columns * W), h = rows * H;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -8 ${w + 16} ${h + 16}" width="${w + 16}" height="${h + 16}" font-family="'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="${SIZE}">\n${rect(-8, -8, w + 16, h + 16, background, ' rx="6"')}\n${parts.filter(Boolean).join('\n')}\n</svg>\n`;
}

// ---- the PNG ----

function png() {
  const read = name => fs.readFileSync(path.join(modules, name), 'utf8').replace(/<\/script/g, '<\\/script');
  const theme = { background, foreground };
  names.forEach((name, i) => Object.assign(theme, { [name]: ansi[i], ['bright' + name[0].toUpperCase() + name.slice(1)]: ansi[i + 8] }));
  const options = { cols: columns, rows, fontSize: SIZE, fontFamily: '"DejaVu Sans Mono","Noto Sans Mono CJK JP",monospace', customGlyphs: true,
    allowProposedApi: true, cursorInactiveStyle: 'none', scrollback: 0, theme };
  const script = `const t = new Terminal(${JSON.stringify(options)});
    t.loadAddon(new Unicode11Addon.Unicode11Addon()); t.unicode.activeVersion = '11';
    t.open(document.getElementById('t')); t.loadAddon(new CanvasAddon.CanvasAddon());
    t.write(${JSON.stringify(lines.join('\r\n') + '\x1b[?25l')});`;
  const scripts = ['@xterm/xterm/lib/xterm.js', '@xterm/addon-unicode11/lib/addon-unicode11.js', '@xterm/addon-canvas/lib/addon-canvas.js'];
  const page = `<!doctype html><meta charset=utf-8><style>${read('@xterm/xterm/css/xterm.css')}
    html,body{margin:0;background:${background}} #t{display:inline-block;padding:8px} .xterm-viewport{overflow:hidden!important}</style>
    <div id=t></div>${scripts.map(name => `<script>${read(name)}</script>`).join('')}<script>${script}</script>`;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pgdj-shot-'));
  fs.writeFileSync(path.join(folder, 'page.html'), page);
  const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(name => {
    try { return execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'pipe' }); } catch { return false; }
  });
  if (!chromium) throw new Error('no Chromium: install the package chromium');
  // xterm.js rounds a cell of this font down to 8 by 16 pixels.
  const width = columns * 8 + 16, height = rows * 16 + 16;
  execFileSync(chromium, ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', `--user-data-dir=${folder}/profile`,
    '--force-device-scale-factor=2', `--window-size=${width},${height}`, '--virtual-time-budget=3000', `--screenshot=${out}.png`,
    `file://${folder}/page.html`], { stdio: 'ignore' });
  fs.rmSync(folder, { recursive: true, force: true });
}

fs.writeFileSync(`${out}.svg`, svg());
png();
